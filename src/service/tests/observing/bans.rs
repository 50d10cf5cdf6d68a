//! Bans in a group's own state (specs/protocol.md Y7), in real commits.

use mls_rs::{Group, crypto::SignatureSecretKey, group::CommitOutput, identity::SigningIdentity};

use super::*;
use crate::{
    mls::tests::clients::{self, banned, basic, rules},
    sequencer::Fact,
};

type Anybody = Group<clients::Config>;

const SUITE: u16 = 1;

/// A group of alice and bob that bans mallory, who are both at the partition of key 1.
async fn two() -> (Hub, Anybody, Anybody) {
    let hub = Hub::with(ObservingLimits::default()).await;
    let client = |name| clients::client(SUITE, basic(name), rules(false));
    let (none, group_id) = (ExtensionList::new(), hub.group_id.clone());
    let mut alice = client("alice").create_group_with_id(group_id, banned("mallory"), none, None).unwrap();
    let group_info = alice.group_info_message_allowing_ext_commit(true).unwrap().to_bytes().unwrap();
    hub.create(Some(group_info), None).await.unwrap();
    let bob = client("bob");
    let added = alice.commit_builder().add_member(clients::key_package(&bob)).unwrap().build().unwrap();
    hub.send(&super::alice(), &of(&added), (0, 1), &["follower.example"]).await.unwrap();
    alice.apply_pending_commit().unwrap();
    let bob = bob.join_group(None, &added.welcome_messages()[0], None).unwrap().0;
    (hub, alice, bob)
}

fn of(output: &CommitOutput) -> Commit {
    let welcome = output.welcome_messages().first().map(|welcome| welcome.to_bytes().unwrap());
    Commit { message: output.commit_message().to_bytes().unwrap(), group_info: None, welcome }
}

fn named(name: &str) -> (SigningIdentity, SignatureSecretKey) {
    clients::identity(SUITE, basic(name))
}

const DENIED: Result<SendResponse, Error> = Err(Error::Rejected(Rejection::Denied(Fact::BannedMember)));

#[tokio::test]
async fn a_committer_takes_no_identity_that_is_banned() {
    let (hub, mut alice, _bob) = two().await;
    for name in ["mallory", "alicia"] {
        let (identity, key) = named(name);
        let renamed = alice.commit_builder().set_new_signing_identity(key, identity).build().unwrap();
        let sent = hub.send(&super::alice(), &of(&renamed), (1, 2), &[]).await;
        assert_eq!(sent.is_ok(), name == "alicia");
        assert!(sent.is_ok() || sent == DENIED);
        alice.clear_pending_commit();
    }
}

#[tokio::test]
async fn an_update_gives_nobody_a_leaf_who_is_banned() {
    for name in ["mallory", "robert"] {
        let (hub, mut alice, mut bob) = two().await;
        let (identity, key) = named(name);
        let update = bob.propose_update_with_identity(key, identity, Vec::new()).unwrap();
        hub.say(&follower(), &update, 1).await;
        alice.process_incoming_message(update).unwrap();
        let taken_up = alice.commit_builder().build().unwrap();
        let sent = hub.send(&super::alice(), &of(&taken_up), (1, 2), &[]).await;
        assert_eq!(sent.is_ok(), name == "robert");
        assert!(sent.is_ok() || sent == DENIED);
    }
}
