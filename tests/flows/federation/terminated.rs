//! A branch that the operator has ended (draft §5), with real members on it and somebody who wants to join there.
//!
//! What counts as a failure:
//! * a message, or a join from outside, that is sequenced on the ended branch,
//! * a member that is not told so, or that joins anew without having been asked to,
//! * anything that was sent before and cannot be read,
//! * a branch that is restored and on which members do not go on as if nothing had happened.

use restante::{
    client::{JoinOptions, MemberError, PartitionedGroup, Problem, ProblemCode, http::CallError},
    forks::{group_name, partition_name},
    sequencer::GroupKey,
    wire::{CommitData, GroupInfoRequest, SendRequest},
};

use super::{
    device::{assert_together, found, talk},
    fault::Deck,
    newcomer::{Handshakes, Newcomer},
    world::World,
};
use crate::{
    process::run,
    site::{FOLLOWER, HUB},
};

/// `restante forks WORDS… GROUP PARTITION` at the hub.
async fn forks(world: &World, words: &[&str]) -> String {
    let file = world.site.of(HUB).join("restante.toml").to_str().unwrap().to_owned();
    let local = format!("local.listen={}", world.local(HUB));
    let configured = ["--config", &file, "--set", &local];
    let output = run(&[&["forks"], words, &configured].concat()).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn code<T: std::fmt::Debug>(outcome: Result<T, CallError>) -> Option<ProblemCode> {
    match outcome.unwrap_err() {
        CallError::Problem(Problem { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ended_branch_takes_nobody_in_and_sends_nobody_elsewhere() {
    let world = World::new(|_, _| Deck::default(), |usual| usual).await;
    let mut devices = found(&world, Handshakes::Public, &[(FOLLOWER, "carol")]).await;
    talk(&mut devices, "before, from").await;
    devices[0].member.update().unwrap();
    devices[0].flush().await;
    talk(&mut devices, "in the new epoch, from").await;
    let group = devices[0].member.group();
    let group_id = group.group_id().to_vec();
    let (name, top) = (group_name(&GroupKey::of(&group_id)), partition_name(&group.masked_partition_key()));
    let partition_key = group.partition_key().clone();

    // Dave has the GroupInfo of the epoch that the members are in, and a commit for it.
    let dave = Newcomer::new(&world, FOLLOWER, "dave", Handshakes::Public);
    let request = GroupInfoRequest { group_id: group_id.clone() };
    let (published, _partition) = dave.service().group_info(&request, None).await.unwrap();
    let options = JoinOptions { group_info: true, old_leaf: None };
    let hub = HUB.parse().unwrap();
    let (joined, join) = PartitionedGroup::join_externally(&dave.client, hub, &group_id, &published, &options).unwrap();

    let ended = forks(&world, &["terminate", &name, &top, "--yes"]).await;
    assert!(ended.contains("THIS IS THE DOMINANT BRANCH") && ended.contains("terminated: 1 partition"), "{ended}");
    // Wherever it is tried: by its proof, and with the key of the partition.
    assert_eq!(code(dave.service().external_join(&join, None).await), Some(ProblemCode::StaleJoin));
    let commit_data = CommitData {
        next_partition_key: join.commit_data.next_partition_key.clone(),
        group_info: join.commit_data.group_info.clone(),
        welcome_data: None,
    };
    let sent = SendRequest {
        message: join.message.clone(),
        partition_key: partition_key.clone(),
        commit_data: Some(commit_data),
    };
    assert_eq!(code(dave.service().send(&sent, None).await), Some(ProblemCode::BranchTerminated));

    // Members are told, and stay where they are: reading goes on, and nothing is joined.
    for device in &mut devices {
        let refusal = device.say_in_vain(&format!("is anybody there? asks {}", device.name())).await;
        assert!(matches!(refusal, MemberError::BranchTerminated), "{}", device.name());
        device.read().await;
    }
    assert_together(&devices.iter().collect::<Vec<_>>());

    // Restored, it is as if nothing had happened: what was to be said is said, the very same join is taken, and everybody
    // goes on with it.
    assert!(forks(&world, &["restore", &name, &top]).await.contains("restored: 1 partition"));
    for device in &mut devices {
        device.flush().await;
    }
    let response = dave.service().external_join(&join, None).await.unwrap();
    assert_eq!(response.commits_before, 0);
    devices.push(dave.enter(joined));
    for device in devices.iter_mut().take(2) {
        device.read_until(|device| device.joined.iter().any(|name| name == "dave")).await;
    }
    talk(&mut devices, "with dave, from").await;
    world.end().await;
}
