//! `POST /v1/local/{mint-token, revoke-token, list-tokens}` and `POST /admin/revoke-all-tokens`.

use super::{Call, House, assert_all_malformed, assert_local_access_is_checked, assert_media_type_is_checked};
use crate::{
    client::ProblemCode,
    service::setup::START,
    wire::{BearerToken, BearerTokenKind, ListTokensResponse, MintTokenResponse, decode},
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

#[tokio::test]
async fn unique_tokens_are_listed_and_revoked_one_by_one_or_all() {
    let house = House::new();
    let shared = mint(&house, BearerTokenKind::Shared).await;
    assert!(shared.handle.is_empty() && list(&house).await.tokens.is_empty());
    let unique = mint(&house, BearerTokenKind::Unique).await;
    assert_ne!(mint(&house, BearerTokenKind::Unique).await.handle, unique.handle);
    Call::local(REVOKE, [vec![1], unique.handle.clone()].concat()).answer(&house).await.assert_ok();
    let listed = list(&house).await;
    assert_eq!((listed.tokens.len(), listed.generation), (2, 0));
    for token in &listed.tokens {
        assert_eq!(token.revoked, token.handle.as_bytes()[..] == unique.handle[..]);
    }
    Call::local(REVOKE, vec![0]).answer(&house).await.assert_ok();
    assert_eq!(u64::from(list(&house).await.generation), START / 1000);
    assert_ne!(mint(&house, BearerTokenKind::Shared).await, shared);
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
