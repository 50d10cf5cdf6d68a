//! Minting and creating: single use, for whom it was minted, and the same request again is the same group.

use crate::{
    fixtures::{
        mls,
        requests::{self, CreateGroup},
    },
    sequencer::{GroupKey, Rejection},
    service::{
        Error,
        setup::{START, Setup, key, published, say, user, user_id},
    },
    store::Store,
    wire::{CreateGroupResponse, GroupId, PartitionKey, decode},
};

async fn create(setup: &Setup, name: &str, request: &CreateGroup<'_>) -> Result<CreateGroupResponse, Error> {
    let body = request.encode();
    setup.service.create_group(&user_id(name), decode(&body).unwrap(), &body).await
}

fn rejected<T>(rejection: Rejection) -> Result<T, Error> {
    Err(Error::Rejected(rejection))
}

#[tokio::test]
async fn minted_ids_name_the_hub_and_differ() {
    let setup = Setup::new();
    let mut ids = Vec::new();
    for _mint in 0..3 {
        let id = setup.service.mint_group_id(&user_id("alice")).await.unwrap();
        let text = std::str::from_utf8(id.as_bytes()).unwrap();
        assert!(text.starts_with("mimi://hub.example/g/"), "{text}");
        assert_eq!(GroupId::parse(id.as_bytes()).unwrap().hub().as_str(), "hub.example");
        ids.push(id.as_bytes().to_vec());
    }
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}

#[tokio::test]
async fn an_id_is_for_whom_it_was_minted_and_good_once() {
    let setup = Setup::new();
    let id = setup.service.mint_group_id(&user_id("alice")).await.unwrap();
    let request = CreateGroup::bare(id.as_bytes(), key(0));
    assert_eq!(create(&setup, "mallory", &request).await, rejected(Rejection::GroupIdNotReserved));
    assert_eq!(
        create(&setup, "alice", &CreateGroup { group_id: b"mimi://hub.example/g/own", ..request.clone() }).await,
        rejected(Rejection::GroupIdNotReserved)
    );
    let setup = setup.restart().await;
    assert_eq!(create(&setup, "alice", &request).await.unwrap(), CreateGroupResponse { created_ms: START });
    setup.clock.advance(1000);
    // The same bytes again, from whomever; other bytes, from whomever.
    for name in ["alice", "mallory"] {
        assert_eq!(create(&setup, name, &request).await.unwrap(), CreateGroupResponse { created_ms: START });
        let other = CreateGroup { epoch: 1, ..request.clone() };
        assert_eq!(create(&setup, name, &other).await, rejected(Rejection::GroupExists));
    }
    let setup = setup.restart().await;
    assert_eq!(create(&setup, "alice", &request).await.unwrap(), CreateGroupResponse { created_ms: START });
    setup.send(user("alice"), say(id.as_bytes(), 0, "works")).await.unwrap();
}

#[tokio::test]
async fn what_comes_with_a_creation_is_kept() {
    let setup = Setup::new();
    let id = setup.service.mint_group_id(&user_id("alice")).await.unwrap();
    let welcome = mls::welcome(mls::SUITE, &[b"one", b"two"]);
    let (group_info, tree) = published(id.as_bytes());
    let request = CreateGroup {
        group_info: Some(group_info),
        ratchet_tree: Some(tree),
        welcome_data: Some(requests::welcome_data(&welcome, &["follower.example", "hub.example"])),
        ..CreateGroup::bare(id.as_bytes(), key(0))
    };
    create(&setup, "alice", &request).await.unwrap();
    let snapshot = setup.store.snapshot().unwrap();
    let group = GroupKey::of(id.as_bytes());
    let root = snapshot.partition(&group, &PartitionKey::new(key(0)).masked()).unwrap().unwrap();
    let blob = |key: Option<_>| snapshot.blob(&group, &key.unwrap()).unwrap().unwrap();
    assert_eq!(Some(blob(root.group_info).to_vec()), request.group_info);
    assert_eq!(Some(blob(root.ratchet_tree).to_vec()), request.ratchet_tree);
    let [(of, name, outgoing)] = snapshot.undelivered(None, 10).unwrap().try_into().unwrap();
    assert_eq!((of, name.commit, outgoing.held_for, outgoing.dispatches), (group, None, Vec::new(), 2));
    let waiting = snapshot.welcome(&group, &name).unwrap().unwrap();
    assert_eq!(waiting.welcome.bytes(), &welcome);
    assert_eq!(snapshot.reservation(&group).unwrap(), None, "used up");
}

#[tokio::test]
async fn what_contradicts_itself_is_refused_and_the_id_stays_reserved() {
    let setup = Setup::new();
    let id = setup.service.mint_group_id(&user_id("alice")).await.unwrap();
    let bare = CreateGroup::bare(id.as_bytes(), key(0));
    let info = |id: &[u8], epoch, suite| Some(mls::group_info(id, epoch, suite, Some(b"tree")));
    let welcome =
        |providers: &[&str]| Some(requests::welcome_data(&mls::welcome(mls::SUITE, &[b"one", b"two"]), providers));
    for (request, rejection) in [
        (CreateGroup { group_info: info(b"another", 0, 1), ..bare.clone() }, Rejection::GroupInfoMismatch),
        (CreateGroup { group_info: info(id.as_bytes(), 1, 1), ..bare.clone() }, Rejection::GroupInfoMismatch),
        (CreateGroup { group_info: info(id.as_bytes(), 0, 2), ..bare.clone() }, Rejection::GroupInfoMismatch),
        (
            CreateGroup { group_info: Some(mls::group_info(id.as_bytes(), 0, 1, None)), ..bare.clone() },
            Rejection::RatchetTreeRequired,
        ),
        (CreateGroup { welcome_data: welcome(&["hub.example"]), ..bare.clone() }, Rejection::WelcomeProviderMismatch),
        (
            CreateGroup { welcome_data: welcome(&["hub.example", "stranger.example"]), ..bare.clone() },
            Rejection::UnknownProvider,
        ),
    ] {
        assert_eq!(create(&setup, "alice", &request).await, rejected(rejection), "{request:?}");
    }
    create(&setup, "alice", &bare).await.unwrap();
}
