//! Who may delete a group.

use crate::{
    sequencer::Rejection,
    service::{
        Error,
        setup::{Setup, commit, key, say, user, user_id},
    },
    wire::{DeleteGroupRequest, PartitionKey, SendRequest},
};

/// Longer than walks go on a lane.
const LONG: u16 = 600;

fn own_key(number: u16) -> PartitionKey {
    let [high, low] = number.to_be_bytes();
    PartitionKey::new([0xee, high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

fn delete(group: &[u8], partition_key: PartitionKey) -> DeleteGroupRequest {
    DeleteGroupRequest { group_id: group.to_vec(), partition_key }
}

/// A commit from one partition of somebody's own to the next.
fn own_commit(group: &[u8], number: u16) -> SendRequest {
    let mut send = commit(group, 0, 1, &number.to_string());
    if number > 0 {
        send.partition_key = own_key(number);
    }
    send.commit_data.as_mut().expect("a commit").next_partition_key = own_key(number + 1);
    send
}

/// In a group of one provider commits on a branch that nobody shares cost nothing.
#[tokio::test]
async fn whoever_was_removed_deletes_nothing_however_long_their_branch() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.clock.advance(1);
    setup.send(user("alice"), commit(&group, 0, 1, "without mallory")).await.unwrap();
    setup.send(user("alice"), say(&group, 1, "gone")).await.unwrap();
    for number in 0..LONG {
        setup.send(user("mallory"), own_commit(&group, number)).await.unwrap();
        // Ten a second: no rate is too high.
        setup.clock.advance(100);
    }
    let refused = setup.service.delete_group(&user_id("alice"), &delete(&group, own_key(LONG))).await;
    assert_eq!(refused, Err(Error::Rejected(Rejection::UnknownGroup)));
    setup.service.delete_group(&user_id("alice"), &delete(&group, PartitionKey::new(key(1)))).await.unwrap();
}
