//! A process that is killed while it removes.

use std::{collections::BTreeMap, fs, path::Path};

use tempfile::TempDir;

use crate::{
    fixtures::{
        mls,
        requests::{Attached, welcome_data},
    },
    sequencer::{Group, GroupKey, Partition, UnixMillis, Usage},
    service::{
        Next,
        setup::{DAY, START, Setup, commit_with, peer, provider, rest, say, service_at, user, user_id},
    },
    store::{
        Page, Snapshot, Store,
        rocks::tests::child::{self, Running},
    },
    wire::{DeleteGroupRequest, MaskedPartitionKey, PartitionKey},
};

const LATER: UnixMillis = START + 31 * DAY;
const EPOCHS: u8 = 60;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The child: removes, and tells of each step.
#[test]
#[ignore = "the child of the test below"]
fn removes_until_it_is_killed() {
    let Some(folder) = child::folder() else { return };
    let (_store, service) = service_at(&folder, LATER);
    runtime().block_on(async {
        let mut steps = 0;
        while let Next::Step(_) = service.retain().await.unwrap() {
            steps += 1;
            child::say(format_args!("{steps}"));
        }
        child::say("done");
    });
    service.finish();
}

/// Three groups of many epochs with GroupInfos, races and late messages; one of them is deleted.
async fn fill(setup: &Setup) -> Vec<Vec<u8>> {
    let mut groups = Vec::new();
    for _group in 0..3 {
        let group = setup.group().await;
        for number in 0..EPOCHS {
            let tree = vec![number; 20_000];
            let group_info = Some(mls::group_info(&group, u64::from(number) + 1, mls::SUITE, Some(&tree)));
            let welcome = mls::welcome(mls::SUITE, &[b"one"]);
            let welcome_data = (number % 7 == 3).then(|| welcome_data(&welcome, &["third.example"]));
            let attached = Attached { group_info, welcome_data };
            setup.send(user("alice"), say(&group, number, "text")).await.unwrap();
            setup.send(user("alice"), commit_with(&group, number, number + 1, "on", &attached)).await.unwrap();
            let lost = Attached { welcome_data: None, ..attached };
            setup
                .send(peer("follower.example"), commit_with(&group, number, 100 + number, "lost", &lost))
                .await
                .unwrap();
            setup.send(user("bob"), say(&group, number + 1, "there")).await.unwrap();
        }
        setup.send(peer("follower.example"), say(&group, EPOCHS, "there too")).await.unwrap();
        groups.push(group);
    }
    let request = DeleteGroupRequest { group_id: groups[2].clone(), partition_key: PartitionKey::new([EPOCHS; 16]) };
    setup.service.delete_group(&user_id("alice"), &request).await.unwrap();
    groups
}

/// Everything that retention changes.
#[derive(Debug, PartialEq)]
struct Kept {
    groups: Vec<(GroupKey, Group)>,
    partitions: BTreeMap<(GroupKey, MaskedPartitionKey), (Partition, Page)>,
    budgets: Vec<(GroupKey, Usage)>,
    presentations: usize,
}

fn kept(snapshot: &dyn Snapshot) -> Kept {
    let groups = snapshot.groups_after(None, 100).unwrap();
    let groups: Vec<_> = groups.into_iter().map(|(group, record)| (group, record.unwrap())).collect();
    let mut partitions = BTreeMap::new();
    for (group, _) in &groups {
        for (key, record) in snapshot.partitions(group, &[], None, 1000).unwrap() {
            partitions.insert((*group, key), (record, snapshot.messages(group, &key, 0, u64::MAX).unwrap()));
        }
    }
    let follower = provider("follower.example");
    let budgets = groups.iter().map(|(group, _)| (*group, snapshot.budget(&follower, group).unwrap())).collect();
    Kept { groups, partitions, budgets, presentations: snapshot.presentations(None, 10_000).unwrap().len() }
}

/// What holds in the middle: records say what is there, counts count what refers, budgets are the sums of charges.
fn assert_consistent(snapshot: &dyn Snapshot) {
    let Kept { groups, partitions, budgets, .. } = kept(snapshot);
    let mut references = BTreeMap::new();
    for ((group, key), (record, page)) in &partitions {
        assert!(page.entries.iter().map(|(index, _)| *index).eq(record.first_index..record.next_index), "{key:?}");
        let commits = page.entries.iter().filter_map(|(_, entry)| entry.commit?.group_info);
        for blob in commits.map(|(blob, _)| blob).chain(record.blobs()) {
            *references.entry((*group, blob)).or_insert(0_u32) += 1;
        }
    }
    assert!(!references.is_empty());
    for ((group, blob), count) in references {
        assert_eq!(snapshot.blob_count(&group, &blob).unwrap(), count);
        assert!(snapshot.blob(&group, &blob).unwrap().is_some(), "what is referred to is there");
    }
    for (group, usage) in budgets {
        let of_group = partitions.iter().filter(|((of, _), _)| *of == group);
        let charges = of_group.flat_map(|(_, (record, _))| &record.charges);
        assert_eq!(charges.fold(Usage::default(), |sum, charge| sum.plus(charge.usage)), usage);
    }
    assert_eq!(groups.len(), 3);
}

fn copy(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn what_is_left_is_what_would_have_been_without_the_kill() {
    let folder = runtime().block_on(fill_and_close(Setup::new()));
    let undisturbed = TempDir::new().unwrap();
    copy(folder.path(), undisturbed.path());
    let expected = {
        let (store, service) = service_at(undisturbed.path(), LATER);
        runtime().block_on(rest(&service));
        service.finish();
        kept(&*store.snapshot().unwrap())
    };
    assert_eq!(expected.partitions.len(), 2 * (usize::from(EPOCHS) + 1), "remnants and heads of two groups");
    assert_eq!(expected.presentations, 1);

    let name = "service::tests::retention::killing::removes_until_it_is_killed";
    let mut killed_in_between = 0;
    for _killed in 0..4 {
        let running = Running::start(name, folder.path(), "");
        let mut said: Vec<String> = (0..12).map_while(|_| running.line()).collect();
        said.extend(running.kill());
        killed_in_between += usize::from(!said.iter().any(|line| line == "done"));
        let (store, service) = service_at(folder.path(), LATER);
        service.finish();
        assert_consistent(&*store.snapshot().unwrap());
    }
    assert!(killed_in_between > 0);
    let (store, service) = service_at(folder.path(), LATER);
    runtime().block_on(rest(&service));
    service.finish();
    assert_eq!(kept(&*store.snapshot().unwrap()), expected);
}

/// A folder with a database that no process has open.
async fn fill_and_close(setup: Setup) -> TempDir {
    let groups = fill(&setup).await;
    setup.clock.advance(30 * DAY);
    setup.receive(user("alice"), &groups[0], EPOCHS, 0).await;
    setup.settle().await;
    let Setup { folder, store, service, .. } = setup;
    service.finish();
    drop((store, service));
    folder
}
