//! Content goes both ways byte for byte, and nothing else goes along.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use hyper::body::Frame;
use tokio::task::JoinSet;

use crate::{
    client::{Frames, encapsulated},
    gateway::{Gateway, Reaction, answer},
    raw_gateway::RawGateway,
    site::Site,
};

/// All byte values, longer than one frame.
fn content() -> Vec<u8> {
    (0..20_000).map(|number: u32| number.to_le_bytes()[0] ^ number.to_le_bytes()[1]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_arrives_unchanged_on_every_combination_of_protocols() {
    let site = Site::new();
    for alpn in [&[&b"h2"[..], b"http/1.1"][..], &[b"http/1.1"]] {
        let gateway = Gateway::start(&site.pki, alpn).await;
        let (relay, token) = site.relay_to(gateway.address, "").await;
        for mut client in [site.client(&relay).await, site.old_client(&relay).await] {
            for content in [content(), b"x".to_vec()] {
                let answer = client.post(&token, content.clone()).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                assert_eq!(answer.content, [b"res:", &content[..]].concat());
                let arrival = gateway.posts().pop().unwrap();
                assert_eq!(arrival.content, content);
                let is_http2 = alpn.len() == 2;
                assert_eq!(arrival.head.version, if is_http2 { Version::HTTP_2 } else { Version::HTTP_11 });
                assert_eq!(arrival.head.uri.path(), "/.well-known/ohttp-gateway");
            }
        }
        assert_eq!(gateway.posts().len(), 4);
    }
}

/// One user says all it can about itself, the other nothing. The gateway cannot tell them apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_two_users_are_the_same_bytes_but_for_their_content() {
    let site = Site::new();
    let response = b"HTTP/1.1 200 OK\r\ncontent-type: message/ohttp-res\r\ncontent-length: 3\r\n\r\nres";
    let gateway = RawGateway::start(&site.pki, response).await;
    let (talkative, silent) = (site.mint().await, site.mint().await);
    site.configure("", gateway.address);
    let relay = site.start().await;
    let mut request = encapsulated(&talkative, "AAAA");
    for (name, value) in [
        ("user-agent", "talkative/1.0"),
        ("cookie", "id=talkative"),
        ("authorization", "Bearer talkative"),
        ("forwarded", "for=192.0.2.1"),
        ("x-forwarded-for", "192.0.2.1"),
        ("via", "1.1 talkative"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("x-talkative", "yes"),
        ("accept-language", "talkative"),
        ("date", "Tue, 15 Nov 1994 08:12:31 GMT"),
        ("referer", "https://talkative.example/"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    assert_eq!(site.client(&relay).await.ask(request).await.status, 200);
    let mut old = site.old_client(&relay).await;
    let mut request = encapsulated(&silent, "BBBB");
    request.headers_mut().insert("connection", "x-hop".parse().unwrap());
    request.headers_mut().insert("x-hop", "talkative".parse().unwrap());
    assert_eq!(old.ask(request).await.status, 200);
    let posts = gateway.posts(2).await;
    let expected = "POST /.well-known/ohttp-gateway HTTP/1.1\r\nhost: follower.example\r\n\
                    content-type: message/ohttp-req\r\ncontent-length: 4\r\naccept: message/ohttp-res\r\n\r\n";
    let posts: Vec<_> = posts.iter().map(|post| String::from_utf8(post.clone()).unwrap()).collect();
    assert_eq!(posts, [format!("{expected}AAAA"), format!("{expected}BBBB")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http2_the_same_three_fields_go_upstream() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let (relay, token) = site.relay_to(gateway.address, "").await;
    let mut request = encapsulated(&token, "x");
    request.headers_mut().insert("user-agent", "talkative/1.0".parse().unwrap());
    assert_eq!(site.client(&relay).await.ask(request).await.status, 200);
    let arrival = &gateway.posts()[0];
    let mut fields: Vec<_> =
        arrival.head.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    fields.sort();
    assert_eq!(fields, ["accept: message/ohttp-res", "content-length: 1", "content-type: message/ohttp-req"]);
    assert_eq!(arrival.head.uri, "https://follower.example/.well-known/ohttp-gateway");
}

/// A gateway that wants to know a client again finds no place to write to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_of_the_gateway_s_response_do_not_reach_the_client() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    gateway.react(|_| {
        let mut response = answer(200, "message/ohttp-res; mark=7", "sealed");
        for (name, value) in [
            ("set-cookie", "mark=7"),
            ("etag", "\"mark7\""),
            ("cache-control", "max-age=77777"),
            ("server", "mark/7"),
            ("alt-svc", "h3=\":777\""),
            ("x-mark", "7"),
            ("last-modified", "Tue, 15 Nov 1994 08:12:31 GMT"),
            ("date", "Tue, 15 Nov 1994 08:12:31 GMT"),
        ] {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        Reaction::Answer(response)
    });
    let (relay, token) = site.relay_to(gateway.address, "").await;
    for mut client in [site.client(&relay).await, site.old_client(&relay).await] {
        let answer = client.post(&token, "x").await;
        assert_eq!((answer.status, &answer.content[..]), (200, &b"sealed"[..]));
        assert_eq!(answer.field_names(), ["cache-control", "content-length", "content-type"]);
        assert_eq!(answer.fields["cache-control"], "no-store");
        assert_eq!(answer.fields["content-type"], "message/ohttp-res");
        assert!(!answer.fields["date"].to_str().unwrap().contains("1994"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_users_at_once_share_one_connection() {
    const USERS: usize = 40;
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2", b"http/1.1"]).await;
    let mut tokens = Vec::new();
    for _ in 0..USERS {
        tokens.push(site.mint().await);
    }
    site.configure("", gateway.address);
    let relay = site.start().await;
    let mut asking = JoinSet::new();
    for (number, token) in tokens.into_iter().enumerate() {
        let mut client = site.client(&relay).await;
        asking.spawn(async move {
            let answer = client.post(&token, number.to_string()).await;
            assert_eq!(answer.content, Bytes::from(format!("res:{number}")));
        });
    }
    while let Some(asked) = asking.join_next().await {
        asked.unwrap();
    }
    assert_eq!((gateway.posts().len(), gateway.connections()), (USERS, 1));
    assert_eq!(relay.metric("restante_relay_requests_total{outcome=\"relayed\"}").await, USERS as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http1_connections_are_used_again_by_whoever_comes() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"http/1.1"]).await;
    let (first, second) = (site.mint().await, site.mint().await);
    site.configure("", gateway.address);
    let relay = site.start().await;
    for number in 0..10 {
        let token = if number % 2 == 0 { &first } else { &second };
        assert_eq!(site.client(&relay).await.post(token, "x").await.status, 200);
    }
    assert!(gateway.connections() <= 2, "one for the key list and the requests, perhaps one more");
    let last = gateway.posts().iter().rev().take(4).map(|arrival| arrival.connection).collect::<Vec<_>>();
    assert!(last.windows(2).all(|pair| pair[0] == pair[1]), "{last:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_shows_the_gateway_its_certificate_if_it_has_one() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let (relay, token) = site.relay_to(gateway.address, "").await;
    assert_eq!(site.client(&relay).await.post(&token, "x").await.status, 200);
    assert!(!gateway.posts()[0].has_certificate);
    let table = crate::site::gateway_table("follower.example", gateway.address);
    site.configure_gateways("", &format!("{table}cert_file = \"relay.pem\"\nkey_file = \"relay.key\"\n"));
    relay.process.reload().await;
    assert_eq!(site.client(&relay).await.post(&token, "x").await.status, 200);
    assert!(gateway.posts()[1].has_certificate);
}

/// HTTP/1.1 with a chunked body and trailers: the content arrives, with its length, and the trailers do not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_and_trailers_of_a_client_end_at_the_relay() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let (relay, token) = site.relay_to(gateway.address, "").await;
    for mut client in [site.client(&relay).await, site.old_client(&relay).await] {
        let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-mark"), HeaderValue::from_static("7"))]);
        let frames = [Frame::data(Bytes::from("one")), Frame::data(Bytes::from("two")), Frame::trailers(trailers)];
        let mut request = encapsulated(&token, "").map(|_| Frames::ending(frames));
        request.headers_mut().insert("trailer", HeaderValue::from_static("x-mark"));
        assert_eq!(client.ask(request).await.status, 200);
        let arrival = gateway.posts().pop().unwrap();
        assert_eq!(arrival.content, "onetwo");
        assert_eq!(arrival.head.headers["content-length"], "6");
        assert!(!arrival.has_trailers);
    }
}
