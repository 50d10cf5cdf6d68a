//! The service behind the gateway.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tower::ServiceExt;

use super::{Call, House, USER};
use crate::{
    fixtures::{key_packages::Device, mls::vector},
    http::KeyPackageTarget,
    mls::{CipherSuite, ProtocolVersion},
    pool::ReplayMark,
    service::setup::START,
    wire::{
        KeyPackageRequest, KeyPackageRequests, KeyPackageResponse, KeyPackageResults, KeyPackageStatus, MEDIA_TYPE,
        MintTokenResponse, decode, encode,
    },
};

fn request(path: &str, body: Vec<u8>) -> Request<Bytes> {
    Request::post(format!("https://hub.example{path}")).header("content-type", MEDIA_TYPE).body(body.into()).unwrap()
}

async fn ask(house: &House, request: Request<Bytes>) -> Response<Bytes> {
    let Ok(response) = KeyPackageTarget::new(house.setup.service.clone()).oneshot(request).await;
    response
}

async fn stocked() -> (House, Vec<u8>) {
    let house = House::new();
    let package = Device::new(1).one_time(START / 1000);
    let upload = [vec![1; 16], vector(&package)].concat();
    Call::local("/v1/local/upload-key-packages", upload).answer(&house).await.assert_ok();
    let minted = Call::local("/v1/local/mint-token", vec![0]).answer(&house).await;
    (house, encode(&decode::<MintTokenResponse>(&minted.body).unwrap().token).unwrap())
}

fn of(user: &str, token: &[u8]) -> KeyPackageRequest {
    KeyPackageRequest {
        user_id: user.as_bytes().to_vec(),
        bearer_token: token.to_vec(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
    }
}

#[tokio::test]
async fn the_literal_request_is_answered_literally() {
    let (house, token) = stocked().await;
    let body = encode(&of(USER, &token)).unwrap();
    let response = ask(&house, request("/v1/key-package", body.clone())).await;
    assert_eq!(response.status(), StatusCode::OK);
    decode::<KeyPackageResponse>(response.body()).unwrap();
    assert_eq!(ask(&house, request("/v1/key-package", body)).await.status(), StatusCode::CONFLICT, "exhausted");
}

#[tokio::test]
async fn literal_denials_are_the_same_whatever_the_reason() {
    let (house, token) = stocked().await;
    let mut answers = Vec::new();
    for (user, shown) in [(USER, &b"garbage"[..]), ("nobody", &token), ("nobody", b""), ("", &token)] {
        let response = ask(&house, request("/v1/key-package", encode(&of(user, shown)).unwrap())).await;
        answers.push((response.status(), response.headers().clone(), response.into_body()));
    }
    assert_eq!(answers[0].0, StatusCode::UNAUTHORIZED);
    assert_eq!(answers[0].1["www-authenticate"], "Bearer");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn a_bundle_is_answered_by_position_and_its_mark_is_kept() {
    let (house, token) = stocked().await;
    let bundle = KeyPackageRequests { requests: vec![of("nobody", &token), of(USER, &token), of(USER, &token)] };
    let mut asked = request("/v1/key-packages", encode(&bundle).unwrap());
    let mark = ReplayMark { digest: [9; 32], expires_ms: START + 1 };
    asked.extensions_mut().insert(mark);
    let response = ask(&house, asked).await;
    let results: KeyPackageResults = decode(response.body()).unwrap();
    let statuses: Vec<_> = results.results.iter().map(|result| result.status).collect();
    assert_eq!(statuses, [KeyPackageStatus::Denied, KeyPackageStatus::Ok, KeyPackageStatus::Exhausted]);
    assert_eq!(house.setup.service.answered_requests().unwrap().marks, [mark]);
}

#[tokio::test]
async fn other_media_types_and_bodies_are_refused() {
    let (house, token) = stocked().await;
    let body = encode(&of(USER, &token)).unwrap();
    let mut plain = request("/v1/key-package", body.clone());
    plain.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(ask(&house, plain).await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for path in ["/v1/key-package", "/v1/key-packages"] {
        let longer = [body.as_slice(), &[0]].concat();
        assert_eq!(ask(&house, request(path, longer)).await.status(), StatusCode::BAD_REQUEST);
    }
    assert_eq!(ask(&house, request("/v1/send", body)).await.status(), StatusCode::NOT_FOUND);
}

#[test]
fn the_class_depends_on_the_number_of_requests_alone() {
    let class = |number: usize, user: &str| {
        let bundle = KeyPackageRequests { requests: vec![of(user, b"token"); number] };
        KeyPackageTarget::response_class(&request("/v1/key-packages", encode(&bundle).unwrap())) / 1024
    };
    assert_eq!([1, 2, 3, 4, 5, 16, 17, 32].map(|number| class(number, "a")), [8, 16, 32, 32, 64, 128, 256, 256]);
    assert_eq!(class(3, &"long".repeat(100)), class(3, ""));
    assert_eq!(class(33, "a"), 8, "what is no bundle");
    assert_eq!(class(0, "a"), 8);
    assert_eq!(KeyPackageTarget::response_class(&request("/v1/key-package", vec![0; 9])), 8 * 1024);
}

/// The largest answers that there can be fit their class, with room for HTTP around them.
#[test]
fn every_answer_fits_its_class() {
    use crate::{service::ANSWER_CLASS_BYTES, wire::KeyPackageResult};
    // What the BHTTP of the answer needs beside its content: status, one field, lengths.
    const AROUND: usize = 128;
    let package = crate::wire::decode(&Device::new(1).one_time(START / 1000)).unwrap();
    let one: KeyPackageResult = KeyPackageResult { status: KeyPackageStatus::Ok, key_packages: vec![package] };
    let framing = encode(&KeyPackageResults { results: vec![one.clone(); 32] }).unwrap().len()
        - 32 * one.key_packages[0].bytes().len();
    let each = crate::service::BYTES_FOR_EACH;
    for requests in 1..=32_usize {
        assert!(requests * each + framing + AROUND <= ANSWER_CLASS_BYTES * requests.next_power_of_two(), "{requests}");
    }
}
