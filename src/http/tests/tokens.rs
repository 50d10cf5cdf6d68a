//! `POST /v1/local/{mint-token, revoke-token, list-tokens}` and `POST /admin/revoke-all-tokens`.

use super::{Call, House, USER, assert_all_malformed, assert_local_access_is_checked, assert_media_type_is_checked};
use crate::{
    client::ProblemCode,
    service::setup::START,
    wire::{BearerToken, BearerTokenKind, ListTokensResponse, MintTokenResponse, RevokeTokenResponse, decode},
};

const MINT: &str = "/v1/local/mint-token";
const REVOKE: &str = "/v1/local/revoke-token";
const LIST: &str = "/v1/local/list-tokens";
const REVOKE_ALL: &str = "/admin/revoke-all-tokens";

async fn mint(house: &House, kind: BearerTokenKind) -> BearerToken {
    let answer = Call::local(MINT, vec![kind as u8]).answer(house).await;
    answer.assert_ok();
    decode::<MintTokenResponse>(&answer.body).unwrap().token
}

async fn list(house: &House) -> ListTokensResponse {
    let answer = Call::local(LIST, "").answer(house).await;
    answer.assert_ok();
    decode(&answer.body).unwrap()
}

/// Whether there was anything to revoke.
async fn revoke(house: &House, user: &str, request: Vec<u8>) -> bool {
    let answer = Call::local(REVOKE, request).acting_as(user).answer(house).await;
    answer.assert_ok();
    decode::<RevokeTokenResponse>(&answer.body).unwrap().found
}

#[tokio::test]
async fn unique_tokens_are_listed_and_revoked_one_by_one_or_all() {
    let house = House::new();
    let shared = mint(&house, BearerTokenKind::Shared).await;
    assert!(shared.handle.is_empty() && list(&house).await.tokens.is_empty());
    let unique = mint(&house, BearerTokenKind::Unique).await;
    assert_ne!(mint(&house, BearerTokenKind::Unique).await.handle, unique.handle);
    assert!(revoke(&house, USER, [vec![1], unique.handle.clone()].concat()).await);
    let listed = list(&house).await;
    assert_eq!((listed.tokens.len(), listed.generation), (2, 0));
    for token in &listed.tokens {
        assert_eq!(token.revoked, token.handle.as_bytes()[..] == unique.handle[..]);
    }
    assert!(revoke(&house, USER, vec![0]).await);
    assert_eq!(u64::from(list(&house).await.generation), START / 1000);
    assert_ne!(mint(&house, BearerTokenKind::Shared).await, shared);
}

#[tokio::test]
async fn whoever_revokes_what_is_not_there_is_told() {
    let house = House::new();
    let unique = mint(&house, BearerTokenKind::Unique).await;
    let request = |handle: &[u8]| [&[1_u8][..], handle].concat();
    let mut mistyped = unique.handle.clone();
    mistyped[15] ^= 1;
    assert!(!revoke(&house, USER, request(&mistyped)).await);
    assert!(!revoke(&house, "somebody else", request(&unique.handle)).await);
    assert!(!revoke(&house, "somebody else", vec![0]).await);
    assert!(!list(&house).await.tokens[0].revoked, "nothing was changed");

    // Asking again is safe: what was revoked is found, and stays so.
    for _ in 0..2 {
        assert!(revoke(&house, USER, request(&unique.handle)).await);
        assert!(list(&house).await.tokens[0].revoked);
    }
    assert!(revoke(&house, USER, vec![0]).await);
    assert!(!revoke(&house, USER, request(&unique.handle)).await, "with all tokens the handles were forgotten");
}

#[tokio::test]
async fn the_operator_revokes_all_tokens() {
    let house = House::new();
    let before = mint(&house, BearerTokenKind::Shared).await;
    let call = Call::local(REVOKE_ALL, "").without("ds-user").without("content-type");
    call.clone().without("authorization").assert_problem(&house, ProblemCode::Unauthorized).await;
    assert_eq!(mint(&house, BearerTokenKind::Shared).await, before);
    assert_eq!(call.answer(&house).await.status, 200);
    assert_ne!(mint(&house, BearerTokenKind::Shared).await, before);
}

#[tokio::test]
async fn tokens_that_were_revoked_with_all_others_are_listed_as_revoked() {
    let house = House::new();
    mint(&house, BearerTokenKind::Unique).await;
    assert!(!list(&house).await.tokens[0].revoked);
    let call = Call::local(REVOKE_ALL, "").without("ds-user").without("content-type");
    assert_eq!(call.answer(&house).await.status, 200);
    assert!(list(&house).await.tokens[0].revoked);
    mint(&house, BearerTokenKind::Unique).await;
    assert_eq!(list(&house).await.tokens.iter().filter(|token| token.revoked).count(), 1);
}

#[tokio::test]
async fn access_media_type_and_bodies_are_checked() {
    let house = House::new();
    let handle = [vec![1], vec![0; 16]].concat();
    for (path, good, bad) in [
        (MINT, vec![0], vec![vec![], vec![2], vec![0, 0]]),
        (
            REVOKE,
            handle.clone(),
            vec![vec![], vec![2], vec![0, 0], handle[..16].to_vec(), [handle.as_slice(), &[0]].concat()],
        ),
        (LIST, vec![], vec![vec![0]]),
    ] {
        let call = Call::local(path, good);
        assert_media_type_is_checked(&house, &call).await;
        assert_local_access_is_checked(&house, &call).await;
        let variants = bad.into_iter().map(|body| (format!("{body:?}"), body)).collect::<Vec<_>>();
        assert_all_malformed(&house, &call, variants).await;
    }
}
