//! What all endpoints have in common: which bodies, media types, tokens, users and peers they refuse.

use axum::http::StatusCode;
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    House, TOKEN, USER,
    call::{Call, Listener},
};
use crate::{client::ProblemCode, http::Peer, service::setup::provider, wire::MEDIA_TYPE};

/// Bodies that are not what they should be, made from one that is. `group_id_at` is where its group id's length stands.
pub(super) fn malformed(body: &[u8], group_id_at: usize, message_at: Option<usize>) -> Vec<(String, Vec<u8>)> {
    let mut variants: Vec<_> = (0..body.len()).map(|end| (format!("cut at {end}"), body[..end].to_vec())).collect();
    variants.push(("one byte more".to_owned(), [body, &[0]].concat()));
    variants.push(("twice".to_owned(), [body, body].concat()));
    let length = body[group_id_at];
    assert!(length < 0x40, "a length of one byte");
    let with_length = |prefix: &[u8]| [&body[..group_id_at], prefix, &body[group_id_at + 1..]].concat();
    variants.push(("a length of two bytes".to_owned(), with_length(&[0x40, length])));
    variants.push(("a length of four bytes".to_owned(), with_length(&[0x80, 0, 0, length])));
    variants.push(("a length that is none".to_owned(), with_length(&[0xff])));
    variants.push(("a length beyond the end".to_owned(), with_length(&[0xbf, 0xff, 0xff, 0xff])));
    if let Some(at) = message_at {
        for (name, offset, value) in [
            ("version 2", 1, 2),
            ("version 0x0101", 0, 1),
            ("no wire format", 3, 0),
            ("a Welcome", 3, 3),
            ("a GroupInfo", 3, 4),
            ("a KeyPackage", 3, 5),
        ] {
            let mut variant = body.to_vec();
            variant[at + offset] = value;
            variants.push((name.to_owned(), variant));
        }
    }
    variants
}

/// Every one of them is refused as malformed, in words that tell which rule it breaks.
pub(super) async fn assert_all_malformed(house: &House, call: &Call, variants: Vec<(String, Vec<u8>)>) {
    for (name, body) in variants {
        let answer = call.clone().body(body).answer(house).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name}");
        answer.assert_problem(ProblemCode::Malformed);
    }
}

/// The media type is looked at before the body, on every endpoint.
pub(super) async fn assert_media_type_is_checked(house: &House, call: &Call) {
    for wrong in [
        "application/octet-stream",
        "application/json",
        "application/vnd.mimi-ds-v2",
        "application/vnd.mimi-d",
        "vnd.mimi-ds",
        "",
        "*/*",
    ] {
        call.clone().with("content-type", wrong).assert_problem(house, ProblemCode::UnsupportedMedia).await;
    }
    call.clone().without("content-type").assert_problem(house, ProblemCode::UnsupportedMedia).await;
    call.clone().and("content-type", MEDIA_TYPE).assert_problem(house, ProblemCode::UnsupportedMedia).await;
    call.clone()
        .with("content-type", "text/plain")
        .body(vec![0xff; 10_000_000])
        .assert_problem(house, ProblemCode::UnsupportedMedia)
        .await;
    for right in ["application/vnd.mimi-ds; charset=utf-8", "Application/Vnd.Mimi-DS", " application/vnd.mimi-ds "] {
        let answer = call.clone().with("content-type", right).answer(house).await;
        assert_ne!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{right}");
    }
}

/// The service token and the user are looked at before anything else, on every endpoint of the local listener.
pub(super) async fn assert_local_access_is_checked(house: &House, call: &Call) {
    let unauthorized = ProblemCode::Unauthorized;
    // Before the media type and the body.
    let garbage = call.clone().with("content-type", "text/plain").body("garbage");
    garbage.clone().without("authorization").assert_problem(house, unauthorized).await;
    for wrong in [
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        &format!("Bearer {TOKEN}x"),
        &format!("Bearer {}", &TOKEN[1..]),
        &format!("Bearer {} {TOKEN}", &TOKEN[1..]),
        &format!("Basic {TOKEN}"),
        TOKEN,
        "",
    ] {
        call.clone().with("authorization", wrong).assert_problem(house, unauthorized).await;
    }
    let bearer = format!("Bearer {TOKEN}");
    call.clone().and("authorization", &bearer).assert_problem(house, unauthorized).await;
    let lower = call.clone().with("authorization", &format!("bearer  {TOKEN} ")).answer(house).await;
    assert_ne!(lower.status, StatusCode::UNAUTHORIZED, "RFC 9110: the scheme has no case");

    let malformed = ProblemCode::Malformed;
    call.clone().without("ds-user").assert_problem(house, malformed).await;
    let encoded = STANDARD.encode(USER);
    for wrong in [
        encoded.as_str(),
        &format!(":{encoded}"),
        &format!("{encoded}:"),
        &format!("\"{encoded}\""),
        "::",
        ":",
        ":not base64!:",
        ":dXNlcg:",
        ":_-_-:",
        &format!(":{encoded}:;a=b"),
        &format!(":{}:", STANDARD.encode([b'u'; 513])),
    ] {
        call.clone().with("ds-user", wrong).assert_problem(house, malformed).await;
    }
    call.clone().and("ds-user", &format!(":{encoded}:")).assert_problem(house, malformed).await;
    for right in [&[0_u8][..], &[0xff; 512], b"a"] {
        let answer = call.clone().with("ds-user", &format!(":{}:", STANDARD.encode(right))).answer(house).await;
        assert!(answer.status.is_success() || answer.status != StatusCode::BAD_REQUEST, "{right:?}");
    }
}

/// Who is no configured peer is refused before anything else, on every endpoint of the provider listener.
pub(super) async fn assert_peers_are_checked(house: &House, call: &Call) {
    let own = Peer::named(provider("hub.example"));
    let stranger = Peer::named(provider("stranger.example"));
    let parent = Peer::named(provider("sub.follower.example"));
    let no_certificate = Peer::of_certificate(b"not a certificate");
    for peer in [None, Some(own), Some(stranger), Some(parent), Some(no_certificate)] {
        let mut call = call.clone();
        call.listener = Listener::Provider(peer);
        call.assert_problem(house, ProblemCode::NotAPeer).await;
        call.with("content-type", "text/plain").body("garbage").assert_problem(house, ProblemCode::NotAPeer).await;
    }
    // A service token opens nothing here.
    let mut call = call.clone().with("authorization", &format!("Bearer {TOKEN}")).acting_as(USER);
    call.listener = Listener::Provider(None);
    call.assert_problem(house, ProblemCode::NotAPeer).await;
}
