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
    of_suite(1, user, token)
}

fn of_suite(suite: u16, user: &str, token: &[u8]) -> KeyPackageRequest {
    KeyPackageRequest {
        user_id: user.as_bytes().to_vec(),
        bearer_token: token.to_vec(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(suite),
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
    let requests = vec![of("nobody", &token), of(USER, &token), of_suite(7, USER, &token)];
    let bundle = KeyPackageRequests { requests };
    let mut asked = request("/v1/key-packages", encode(&bundle).unwrap());
    let mark = ReplayMark { digest: [9; 32], expires_ms: START + 1 };
    asked.extensions_mut().insert(mark);
    let response = ask(&house, asked).await;
    let results: KeyPackageResults = decode(response.body()).unwrap();
    let statuses: Vec<_> = results.results.iter().map(|result| result.status).collect();
    assert_eq!(statuses, [KeyPackageStatus::Denied, KeyPackageStatus::Ok, KeyPackageStatus::Incompatible]);
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

#[tokio::test]
async fn the_same_user_and_suite_twice_is_malformed_whoever_it_is() {
    let (house, token) = stocked().await;
    let mut answers = Vec::new();
    for (user, shown) in [(USER, &token[..]), (USER, b"garbage"), ("nobody", &token)] {
        let one = encode(&of(user, shown)).unwrap();
        let asked = request("/v1/key-packages", vector(&one.repeat(2)));
        assert_eq!(KeyPackageTarget::response_class(&asked), 16 * 1024, "as any bundle of two");
        let response = ask(&house, asked).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        answers.push(response.into_body());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let once = request("/v1/key-package", encode(&of(USER, &token)).unwrap());
    assert_eq!(ask(&house, once).await.status(), StatusCode::OK, "nothing was handed out");
}

#[test]
fn the_class_depends_on_the_number_of_requests_alone() {
    let class = |number: u16, user: &str| {
        let requests = (1..=number).map(|suite| of_suite(suite, user, b"token")).collect();
        let bundle = KeyPackageRequests { requests };
        KeyPackageTarget::response_class(&request("/v1/key-packages", encode(&bundle).unwrap())) / 1024
    };
    assert_eq!([1, 2, 3, 4, 5, 16, 17, 32].map(|number| class(number, "a")), [8, 16, 32, 32, 64, 128, 256, 256]);
    assert_eq!(class(3, &"long".repeat(100)), class(3, ""));
    assert_eq!(class(33, "a"), 8, "what is no bundle");
    assert_eq!(class(0, "a"), 8);
    assert_eq!(KeyPackageTarget::response_class(&request("/v1/key-package", vec![0; 9])), 8 * 1024);
}

/// How many clients' KeyPackages a result may hold, and how many bytes they may have together.
const CLIENTS: usize = 16;
const BYTES: usize = 7872;

/// A device that makes one-time KeyPackages of exactly that length.
fn device_of(length: usize) -> Device {
    let shortest = Device::named(1, b"").one_time(START / 1000).len();
    // The credential's name has one length, or one that takes another byte or two to write.
    let name = |longer: usize| Device::named(1, &vec![b'n'; length - shortest - longer]);
    let fits = |device: &Device| device.one_time(START / 1000).len() == length;
    (0..8).map(name).find(fits).expect("there is a name of the right length")
}

fn upload(number: usize, package: &[u8]) -> Vec<u8> {
    let client = u8::try_from(number).unwrap();
    [vec![client; 16], vector(package)].concat()
}

/// As many users as a bundle may name, each of them giving as much as one may: the answer is encoded as the gateway does
/// it. What is more than that stays with those whose it is.
#[tokio::test]
async fn the_largest_answers_fit_their_class() {
    let house = House::new();
    let full = device_of(BYTES / CLIENTS);
    let mut requests = Vec::new();
    for number in 0..KeyPackageRequests::MAX {
        let user = format!("user {number}");
        // One client more than can be given.
        for client in 0..=CLIENTS {
            let body = upload(client, &full.one_time(START / 1000));
            Call::local("/v1/local/upload-key-packages", body).acting_as(&user).answer(&house).await.assert_ok();
        }
        let minted = Call::local("/v1/local/mint-token", vec![0]).acting_as(&user).answer(&house).await;
        requests.push(of(&user, &encode(&decode::<MintTokenResponse>(&minted.body).unwrap().token).unwrap()));
    }
    let response =
        check_fits(&house, "/v1/key-packages", encode(&KeyPackageRequests { requests: requests.clone() }).unwrap())
            .await;
    let results: KeyPackageResults = decode(response.body()).unwrap();
    for result in &results.results {
        let bytes: usize = result.key_packages.iter().map(|package| package.bytes().len()).sum();
        assert_eq!((result.key_packages.len(), bytes), (CLIENTS, BYTES), "as much as there can be");
    }
    let again = check_fits(&house, "/v1/key-packages", encode(&KeyPackageRequests { requests }).unwrap()).await;
    let left: KeyPackageResults = decode(again.body()).unwrap();
    assert!(
        left.results.iter().all(|result| result.key_packages.len() == 1),
        "the client that was left out has its own"
    );
}

/// KeyPackages of the greatest length: one is given, and the client whose one finds no room keeps it.
#[tokio::test]
async fn the_longest_key_packages_fit_one_by_one() {
    let house = House::new();
    let longest = device_of(crate::pool::Policy::default().key_package_bytes);
    for client in 0..3 {
        let body = upload(client, &longest.one_time(START / 1000));
        Call::local("/v1/local/upload-key-packages", body).answer(&house).await.assert_ok();
    }
    let minted = Call::local("/v1/local/mint-token", vec![0]).answer(&house).await;
    let asked = of(USER, &encode(&decode::<MintTokenResponse>(&minted.body).unwrap().token).unwrap());
    let bundle = encode(&KeyPackageRequests { requests: vec![asked.clone()] }).unwrap();
    for _ in 0..2 {
        let response = check_fits(&house, "/v1/key-packages", bundle.clone()).await;
        let results: KeyPackageResults = decode(response.body()).unwrap();
        assert_eq!(results.results[0].key_packages.len(), 1);
    }
    let response = check_fits(&house, "/v1/key-package", encode(&asked).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
}

/// Asks, and encodes the answer as binary HTTP (RFC 9292), as the gateway does before it pads.
async fn check_fits(house: &House, path: &str, body: Vec<u8>) -> Response<Bytes> {
    let asked = request(path, body);
    let class = KeyPackageTarget::response_class(&asked);
    let response = ask(house, asked).await;
    let mut message = bhttp::Message::response(response.status().as_u16().try_into().unwrap());
    for (name, value) in response.headers() {
        message.put_header(name.as_str(), value.as_bytes());
    }
    message.write_content(response.body());
    let mut binary = Vec::new();
    message.write_bhttp(bhttp::Mode::KnownLength, &mut binary).unwrap();
    assert!(binary.len() > response.body().len() && binary.len() <= class, "{} of {class}", binary.len());
    response
}
