//! What it costs: nothing where there is nothing to see, and nothing twice.

use super::*;

/// How many times the store was looked at for a send.
async fn looks(hub: &Hub, body: &[u8]) -> usize {
    let before = hub.setup.store.snapshots();
    hub.setup.send(&alice(), decode(body).unwrap()).await.unwrap();
    hub.setup.store.snapshots() - before
}

#[tokio::test]
async fn encrypted_handshakes_and_application_messages_cost_nothing_more() {
    for handshakes in [Handshakes::Public, Handshakes::Encrypted] {
        let (hub, mut group) = Hub::found(ObservingLimits::default(), handshakes).await;
        let added = commit_with(&mut group, Info::Absent, |builder| builder.add_member(key_package("bob")).unwrap());
        let body = send_commit(&added.message, key(0), key(1), &added.attached(&["follower.example"]));
        let is_public = matches!(handshakes, Handshakes::Public);
        assert_eq!(looks(&hub, &body).await > 1, is_public, "the lane looks once");
        let said = group.encrypt_application_message(b"hi", Vec::new()).unwrap().to_bytes().unwrap();
        assert_eq!(looks(&hub, &send(&said, key(1))).await, 1);
    }
}

#[tokio::test]
async fn a_repeat_is_answered_before_anybody_looks_at_its_commit() {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    let bare = commit(&mut group, Info::Bare);
    let first = hub.send(&alice(), &bare, (0, 1), &[]).await.unwrap();
    let bare = Commit { group_info: info(&group, Info::WithTree), ..bare };
    let body = send_commit(&bare.message, key(0), key(1), &bare.attached(&[]));
    assert_eq!(hub.send(&alice(), &bare, (0, 1), &[]).await.unwrap(), first);
    assert_eq!(looks(&hub, &body).await, 2, "once for the repeat, once on the lane");
}
