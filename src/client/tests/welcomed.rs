//! Joining from Welcomes that waited in an inbox: good ones, garbage, and those that come again.

use mls_rs::{Client, ExtensionList, MlsMessage, extension::recommended::LastResortKeyPackageExt};

use super::cast::{BOTH, Config, GROUP_ID, Handshakes, client, hub_id, new_member};
use crate::{
    client::{GroupError, MemoryKeep, NewMember, PartitionedGroup},
    wire::{self, InboxEntry, InboxOutcome},
};

/// A group of alice and these people, made under that id, and the Welcome as each of them finds it.
pub(super) fn founded(group_id: &[u8], members: &[&NewMember]) -> (PartitionedGroup<Config>, Vec<InboxEntry>) {
    let group = client("alice", Handshakes::Encrypted)
        .create_group_with_id(group_id.to_vec(), ExtensionList::new(), ExtensionList::new(), None)
        .unwrap();
    let members: Vec<NewMember> = members.iter().map(|member| (*member).clone()).collect();
    let (created, request) = PartitionedGroup::create(group, hub_of(group_id), &members, false).unwrap();
    let welcome = request.welcome_data.unwrap().welcome;
    let entry = |place| InboxEntry {
        number: 1,
        hub: hub_of(group_id),
        arrived_ms: 0,
        welcome: welcome.only(|at| at == place),
        ratchet_tree: None,
    };
    (created, (0..members.len()).map(entry).collect())
}

/// A KeyPackage of somebody who is about to be welcomed.
pub(super) fn invited(client: &Client<Config>) -> NewMember {
    new_member(client)
}

fn hub_of(group_id: &[u8]) -> wire::ServiceProviderId {
    wire::GroupId::parse(group_id).unwrap().hub().clone()
}

fn join(client: &Client<Config>, entry: &InboxEntry) -> Result<PartitionedGroup<Config>, GroupError> {
    PartitionedGroup::join(client, entry)
}

#[test]
fn everybody_joins_from_the_own_part_of_the_welcome() {
    for handshakes in BOTH {
        let people = ["bob", "carol", "dave"].map(|name| client(name, handshakes));
        let members: Vec<NewMember> = people.iter().map(new_member).collect();
        let (alice, entries) = founded(GROUP_ID, &members.iter().collect::<Vec<_>>());
        let places: Vec<usize> = members
            .iter()
            .map(|member| {
                let reference = member.reference().unwrap();
                entries.iter().position(|entry| entry.welcome.key_package_refs().eq([&reference.0[..]])).unwrap()
            })
            .collect();
        for (person, place) in people.iter().zip(places) {
            assert_eq!(entries[place].welcome.secrets(), 1);
            let joined = join(person, &entries[place]).unwrap();
            assert_eq!(joined.masked_partition_key(), alice.masked_partition_key());
            assert_eq!(joined.hub(), &hub_id());
        }
    }
}

#[test]
fn a_tree_beside_the_welcome_is_used() {
    let bob = client("bob", Handshakes::Encrypted);
    let member = new_member(&bob);
    let founder = client("alice", Handshakes::Encrypted);
    let mut group =
        founder.create_group_with_id(GROUP_ID.to_vec(), ExtensionList::new(), ExtensionList::new(), None).unwrap();
    let commit = group.commit_builder().add_member(member.to_message().unwrap()).unwrap().build().unwrap();
    group.apply_pending_commit().unwrap();
    let with_tree = |tree: Option<Vec<u8>>| InboxEntry {
        number: 1,
        hub: hub_id(),
        arrived_ms: 0,
        welcome: wire::decode(&commit.welcome_messages[0].to_bytes().unwrap()).unwrap(),
        ratchet_tree: tree.map(|tree| wire::decode(&tree).unwrap()),
    };
    let tree = group.export_tree().to_bytes().unwrap();
    assert_eq!(join(&bob, &with_tree(Some(tree))).unwrap().epoch().0, 1);
}

#[test]
fn a_welcome_to_another_hub_s_group_is_refused() {
    let bob = client("bob", Handshakes::Encrypted);
    let (_alice, entries) = founded(GROUP_ID, &[&new_member(&bob)]);
    let elsewhere = InboxEntry { hub: "third.example".parse().unwrap(), ..entries[0].clone() };
    let refused = join(&bob, &elsewhere).unwrap_err();
    assert!(matches!(refused, GroupError::OtherHub));
    assert_eq!(refused.inbox_outcome(), Some(InboxOutcome::Dropped));
    join(&bob, &entries[0]).unwrap();
}

/// The process died between keeping the group and acknowledging the entry: nothing is lost by forgetting the entry.
#[tokio::test]
async fn a_welcome_that_was_used_is_told_from_garbage() {
    let bob = client("bob", Handshakes::Encrypted);
    let (_alice, entries) = founded(GROUP_ID, &[&new_member(&bob)]);
    let mut keep = MemoryKeep::new(bob.group_state_storage());
    join(&bob, &entries[0]).unwrap().save(&mut keep).await.unwrap();
    let kept = PartitionedGroup::load(&bob, GROUP_ID, &keep.state(GROUP_ID).unwrap()).unwrap().unwrap();
    assert!(kept.was_joined_from(&entries[0]));
    let again = join(&bob, &entries[0]).unwrap_err();
    assert!(matches!(again, GroupError::KeyPackageGone), "{again}");
    assert_eq!(again.inbox_outcome(), Some(InboxOutcome::Joined), "no more Welcomes for that KeyPackage");
}

#[test]
fn garbage_is_dropped_and_the_welcome_behind_it_joined() {
    let bob = client("bob", Handshakes::Encrypted);
    let (_alice, entries) = founded(GROUP_ID, &[&new_member(&bob)]);
    let mut bytes = entries[0].welcome.bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let garbage = InboxEntry { welcome: wire::decode(&bytes).unwrap(), ..entries[0].clone() };
    let refused = join(&bob, &garbage).unwrap_err();
    assert!(matches!(refused, GroupError::Mls(_)), "{refused}");
    assert_eq!(refused.inbox_outcome(), Some(InboxOutcome::Dropped));
    join(&bob, &entries[0]).unwrap();
}

/// A last-resort KeyPackage stays: without a look at what is stored, a Welcome that comes again would put the client
/// back, and a forged one put another group in the place of the real one.
#[tokio::test]
async fn no_welcome_takes_the_place_of_a_group_that_is_stored() {
    let bob = client("bob", Handshakes::Encrypted);
    let mut last_resort = ExtensionList::new();
    last_resort.set_from(LastResortKeyPackageExt).unwrap();
    let message: MlsMessage = bob.generate_key_package_message(last_resort, ExtensionList::new(), None).unwrap();
    let member = NewMember::from_message(&message, "follower.example".parse().unwrap()).unwrap();
    let (alice, entries) = founded(GROUP_ID, &[&member]);
    let mut joined = join(&bob, &entries[0]).unwrap();
    let mut keep = MemoryKeep::new(bob.group_state_storage());
    joined.save(&mut keep).await.unwrap();
    // The Welcome that was joined from comes again: there is nothing to decide.
    let again = join(&bob, &entries[0]).unwrap_err();
    assert!(matches!(again, GroupError::AlreadyJoined), "{again}");
    assert_eq!(again.inbox_outcome(), Some(InboxOutcome::Joined));
    // Of the same id, and nobody is in it whom bob knows.
    let (mallory, forged) = founded(GROUP_ID, &[&member]);
    let known = join(&bob, &forged[0]).unwrap_err();
    assert!(matches!(known, GroupError::KnownGroup), "{known}");
    assert_eq!(known.inbox_outcome(), None, "the user decides");
    assert!(joined.was_joined_from(&entries[0]) && !joined.was_joined_from(&forged[0]));
    assert_ne!(mallory.masked_partition_key(), alice.masked_partition_key());
    assert_eq!(bob.load_group(GROUP_ID).unwrap().current_epoch(), 1);
    // Another group is welcome with the same KeyPackage, and so is this one when the user says so.
    let (_another, entries_of_another) = founded(b"mimi://hub.example/g/EREREREREREREREREREREQ", &[&member]);
    join(&bob, &entries_of_another[0]).unwrap();
    let rejoined = PartitionedGroup::rejoin(&bob, &entries[0]).unwrap();
    assert_eq!(rejoined.masked_partition_key(), alice.masked_partition_key());
}
