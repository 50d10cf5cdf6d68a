//! The local listener's channel, and the typed operations.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, UnixListener},
};

use super::server::{Answer, Arrived, answer, serve, serve_stream};
use crate::{
    client::{
        ExpectCommit, ProblemCode,
        http::{
            CallError, ChannelError, ChannelRequest, DeliveryService, Limits, LocalAddress, LocalClient, Operation,
            ServiceToken, UserId,
        },
    },
    wire::{DecodeError, MEDIA_TYPE, PartitionKey, ReceiveRequest, ReceiveResponse, SendResponse, encode},
};

const RESPONSE: SendResponse = SendResponse { accepted_ms: 1, index: 2, commits_before: 3 };

/// For what is not meant to take its time: loaded machines do.
const PATIENT: Duration = Duration::from_secs(20);
/// For what is meant to take too long.
const HURRIED: Duration = Duration::from_millis(500);

fn service(address: SocketAddr) -> DeliveryService<LocalClient> {
    at(LocalAddress::Tcp(address))
}

fn at(address: LocalAddress) -> DeliveryService<LocalClient> {
    within(PATIENT, address)
}

fn hurried(address: SocketAddr) -> DeliveryService<LocalClient> {
    within(HURRIED, LocalAddress::Tcp(address))
}

fn within(request: Duration, address: LocalAddress) -> DeliveryService<LocalClient> {
    let (token, user) = (ServiceToken::new("token").unwrap(), UserId::new(b"alice").unwrap());
    let limits = Limits { connect: PATIENT, request, response_bytes: 1000 };
    DeliveryService::new(LocalClient::new(address, token, user, limits))
}

fn receive_request() -> ReceiveRequest {
    ReceiveRequest { group_id: b"group".to_vec(), partition_key: PartitionKey::new([1; 16]), counter: 7 }
}

/// Answers every request in the same way.
async fn always(answer: Answer) -> DeliveryService<LocalClient> {
    service(serve(move |_arrived| std::future::ready(answer.clone())).await)
}

#[tokio::test]
async fn a_send_carries_what_the_listener_wants() {
    let address = serve(|arrived: Arrived| async move {
        assert_eq!(arrived.path, "/v1/send");
        assert_eq!(arrived.headers["content-type"], MEDIA_TYPE);
        assert_eq!(arrived.headers["authorization"], "Bearer token");
        assert_eq!(arrived.headers["ds-user"], ":Ym9i:");
        assert_eq!(arrived.headers["ds-expect-commit"], "none");
        assert!(!arrived.headers.contains_key("prefer"));
        assert_eq!(arrived.body, "body");
        answer(StatusCode::OK, MEDIA_TYPE, encode(&RESPONSE).unwrap())
    });
    let service = DeliveryService::new(service(address.await).channel().as_user(UserId::new(b"bob").unwrap()));
    let sent = service.send_encoded(Bytes::from_static(b"body"), Some(ExpectCommit::None)).await;
    assert_eq!(sent, Ok(RESPONSE));
}

#[tokio::test]
async fn a_receive_asks_to_wait_and_reads_the_headers() {
    let address = serve(|arrived: Arrived| async move {
        assert_eq!(arrived.path, "/v1/receive");
        assert_eq!(arrived.headers["prefer"], "wait=50");
        assert_eq!(arrived.body, encode(&receive_request()).unwrap());
        let mut answer = answer(StatusCode::OK, MEDIA_TYPE, encode(&ReceiveResponse::default()).unwrap());
        for (name, value) in [("ds-first-index", "7"), ("ds-next-index", "9"), ("ds-more", "?1")] {
            answer.headers_mut().insert(name, value.parse().unwrap());
        }
        answer
    });
    let received = service(address.await).receive(&receive_request(), Duration::from_secs(4000)).await.unwrap();
    assert_eq!((received.first_index, received.next_index, received.more), (Some(7), Some(9), true));
}

#[tokio::test]
async fn the_wait_comes_on_top_of_the_deadline() {
    let address = serve(|_arrived| async {
        tokio::time::sleep(Duration::from_millis(800)).await;
        answer(StatusCode::OK, MEDIA_TYPE, encode(&ReceiveResponse::default()).unwrap())
    });
    let service = hurried(address.await);
    assert!(service.receive(&receive_request(), Duration::from_secs(50)).await.is_ok());
    let without = service.receive(&receive_request(), Duration::ZERO).await;
    assert_eq!(without, Err(CallError::Channel(ChannelError::Timeout)));
}

#[tokio::test]
async fn refusals_come_as_problems() {
    let body = br#"{"type":"urn:mimi-ds:problem:rate_limited","title":"x","status":429}"#;
    let mut refusal = answer(StatusCode::TOO_MANY_REQUESTS, "application/problem+json; charset=utf-8", &body[..]);
    refusal.headers_mut().insert("retry-after", "17".parse().unwrap());
    let Err(CallError::Problem(problem)) = always(refusal).await.mint_group_id().await else { panic!() };
    assert_eq!((problem.status, problem.code), (429, Some(ProblemCode::RateLimited)));
    assert_eq!(problem.retry_after, Some(Duration::from_secs(17)));

    let strange = [
        (StatusCode::BAD_GATEWAY, "text/html", "<html>"),
        (StatusCode::NOT_FOUND, "application/problem+json", "not json"),
        (StatusCode::NOT_FOUND, "application/problem+json", r#"{"type":"about:blank"}"#),
        (StatusCode::NOT_FOUND, "application/problem+json", r#"["type"]"#),
        (StatusCode::NO_CONTENT, MEDIA_TYPE, ""),
    ];
    for (status, media_type, body) in strange {
        let refused = always(answer(status, media_type, body)).await.mint_group_id().await;
        let Err(CallError::Problem(problem)) = refused else { panic!("{refused:?}") };
        assert_eq!((problem.status, problem.code, problem.retry_after), (status.as_u16(), None, None));
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let mut redirect = answer(StatusCode::TEMPORARY_REDIRECT, "text/plain", "");
    redirect.headers_mut().insert("location", "/v1/local/create-group".parse().unwrap());
    let address = serve(move |arrived: Arrived| {
        assert_eq!(arrived.path, "/v1/local/mint-group-id");
        std::future::ready(redirect.clone())
    });
    let Err(CallError::Problem(problem)) = service(address.await).mint_group_id().await else { panic!() };
    assert_eq!(problem.status, 307);
}

#[tokio::test]
async fn responses_of_another_form_are_refused() {
    let other = always(answer(StatusCode::OK, "text/html", "hello")).await.mint_group_id().await;
    assert_eq!(other, Err(CallError::MediaType));
    let trailing = always(answer(StatusCode::OK, MEDIA_TYPE, vec![1, 7, 7])).await.mint_group_id().await;
    assert_eq!(trailing, Err(CallError::Encoding(DecodeError::TrailingBytes)));
}

#[tokio::test]
async fn responses_are_read_up_to_the_limit() {
    let request = || ChannelRequest::new(Operation::Receive, Bytes::new());
    let largest = always(answer(StatusCode::OK, MEDIA_TYPE, vec![0; 1000])).await.raw(request()).await.unwrap();
    assert_eq!(largest.body.len(), 1000);
    let larger = always(answer(StatusCode::OK, MEDIA_TYPE, vec![0; 1001])).await.raw(request()).await;
    assert_eq!(larger, Err(ChannelError::ResponseTooLarge));
    // Without a length in front.
    let address = raw(|_length| {
        let chunk = format!("258\r\n{}\r\n", "x".repeat(600));
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n")
    });
    assert_eq!(service(address.await).raw(request()).await, Err(ChannelError::ResponseTooLarge));
}

/// Reads something and answers with these bytes, then closes.
async fn raw(bytes: impl Fn(usize) -> String + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _peer)) = listener.accept().await {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            stream.write_all(bytes(length).as_bytes()).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn connections_that_fail_are_told_apart() {
    let request = || ChannelRequest::new(Operation::Send, Bytes::new());
    // Nobody listens, and while it is bound nobody else can.
    let closed = TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let refused = service(closed.local_addr().unwrap()).raw(request()).await;
    assert_eq!(refused, Err(ChannelError::Connect));
    for text in ["", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "SSH-2.0-dropbear\r\n"] {
        let broken = service(raw(move |_length| text.to_owned()).await).raw(request()).await;
        assert_eq!(broken, Err(ChannelError::Broken), "{text}");
    }
    // Accepts and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silence = hurried(silent.local_addr().unwrap()).raw(request()).await;
    assert_eq!(silence, Err(ChannelError::Timeout));
}

#[tokio::test]
async fn a_body_that_trickles_meets_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _peer) = listener.accept().await.unwrap();
        let _length = stream.read(&mut [0; 4096]).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n").await.unwrap();
        for _byte in 0..900 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if stream.write_all(b"x").await.is_err() {
                return;
            }
        }
    });
    let trickle = hurried(address).raw(ChannelRequest::new(Operation::Send, Bytes::new())).await;
    assert_eq!(trickle, Err(ChannelError::Timeout));
}

#[tokio::test]
async fn a_unix_socket_serves_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("local.sock");
    assert_eq!(at(LocalAddress::Unix(path.clone())).mint_group_id().await, Err(ChannelError::Connect.into()));
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _peer)) = listener.accept().await {
            tokio::spawn(serve_stream(stream, |arrived: Arrived| async move {
                assert_eq!(arrived.headers["ds-user"], ":YWxpY2U=:");
                answer(StatusCode::OK, MEDIA_TYPE, vec![2, 7, 7])
            }));
        }
    });
    assert_eq!(at(LocalAddress::Unix(path)).mint_group_id().await.unwrap().group_id, [7, 7]);
}

#[tokio::test]
async fn what_is_shown_for_debugging_holds_no_secret() {
    let service = always(answer(StatusCode::OK, MEDIA_TYPE, "payload")).await;
    let request = ChannelRequest::new(Operation::Send, Bytes::from_static(b"payload"));
    let response = service.raw(request.clone()).await.unwrap();
    let text = format!("{service:?} {request:?} {response:?}");
    for secret in ["token", "alice", "payload", "127.0.0.1"] {
        assert!(!text.contains(secret), "{text}");
    }
}
