//! Branches that the operator ends: on the lane, step by step, and whatever happens in between.

use crate::{
    forks::{Shape, group_name, parse_name, partition_name},
    sequencer::{BranchOutcome, Command, GroupKey, Policy, Rejection, Sign, Terminate},
    service::{
        BranchDone, Error, Limits, Unnamed,
        setup::{DAY, Setup, commit, key, peer, say, texts, user},
    },
    wire::{MaskedPartitionKey, PartitionKey},
};

const REFUSED: Result<crate::wire::SendResponse, Error> = Err(Error::Rejected(Rejection::BranchTerminated));

fn masked(number: u8) -> MaskedPartitionKey {
    PartitionKey::new(key(number)).masked()
}

fn name(group: &[u8]) -> Vec<u8> {
    parse_name(&group_name(&GroupKey::of(group))).unwrap()
}

fn named(number: u8) -> Vec<u8> {
    parse_name(&partition_name(&masked(number))).unwrap()
}

/// A chain of commits from the root, to 1, 2 and so on.
async fn chain(setup: &Setup, group: &[u8], length: u8) {
    for number in 0..length {
        setup.send(user("alice"), commit(group, number, number + 1, "on")).await.unwrap();
    }
}

fn in_steps() -> Setup {
    Setup::with(Policy { spread_partitions: 4, ..Policy::default() }, Limits::default())
}

#[tokio::test]
async fn a_branch_takes_no_message_and_can_be_read_and_restored() {
    let setup = in_steps();
    let group = setup.group().await;
    chain(&setup, &group, 20).await;
    setup.send(peer("follower.example"), say(&group, 20, "at the end")).await.unwrap();
    let ended = setup.service.terminate_branch(name(&group), named(3)).await.unwrap();
    assert_eq!(ended, Ok(Ok(BranchDone { partitions: 18, is_done: true })));
    for number in [3, 11, 20] {
        assert_eq!(setup.send(user("alice"), say(&group, number, "more")).await, REFUSED);
    }
    assert_eq!(texts(&setup.receive(peer("follower.example"), &group, 20, 0).await), ["at the end"]);
    setup.send(user("alice"), say(&group, 2, "before it")).await.unwrap();
    let again = setup.service.terminate_branch(name(&group), named(5)).await.unwrap();
    assert_eq!(again, Ok(Err(BranchOutcome::AlreadyTerminated { top: masked(3) })));

    let restored = setup.service.restore_branch(name(&group), named(3)).await.unwrap();
    assert_eq!(restored, Ok(Ok(BranchDone { partitions: 18, is_done: true })));
    assert_eq!(setup.send(user("alice"), say(&group, 20, "more")).await.unwrap().index, 1);
    assert_eq!(
        setup.service.restore_branch(name(&group), named(3)).await.unwrap(),
        Ok(Err(BranchOutcome::NotTerminated))
    );
}

/// One step is durable, the process ends, and nobody is there to ask for the next one.
#[tokio::test]
async fn what_is_half_done_is_finished_after_a_restart() {
    let setup = in_steps();
    let group = setup.group().await;
    chain(&setup, &group, 20).await;
    let terminate = Command::Terminate(Terminate { partition: masked(1) });
    setup.service.submit(GroupKey::of(&group), terminate).await.unwrap();
    assert_eq!(setup.send(user("alice"), say(&group, 2, "marked")).await, REFUSED);
    setup.send(user("alice"), say(&group, 20, "not yet")).await.unwrap();
    let setup = setup.restart().await;
    assert_eq!(setup.send(user("alice"), say(&group, 2, "still marked")).await, REFUSED);
    // Once: between sweeps is half a minute.
    setup.service.sweep().await.unwrap();
    for number in 1..=20 {
        assert_eq!(setup.send(user("alice"), say(&group, number, "too late")).await, REFUSED, "{number}");
    }
    while setup.service.sweep().await.unwrap() > 0 {}
}

/// Senders who do not stop while it spreads: whatever was acknowledged is there, and in the end all of it is ended.
#[tokio::test]
async fn a_branch_that_grows_while_it_is_ended_is_ended() {
    let setup = in_steps();
    let group = setup.group().await;
    chain(&setup, &group, 40).await;
    let grow = async {
        let mut last = 40;
        while last < 200 {
            match setup.send(user("alice"), commit(&group, last, last + 1, "away")).await {
                Ok(_) => last += 1,
                refused => {
                    assert_eq!(refused, REFUSED);
                    break;
                }
            }
        }
        last
    };
    let (ended, last) = tokio::join!(setup.service.terminate_branch(name(&group), named(1)), grow);
    let Ok(Ok(BranchDone { partitions, is_done: true })) = ended.unwrap() else { panic!("it is not done") };
    assert_eq!(partitions, u64::from(last));
    assert_eq!(setup.send(user("alice"), say(&group, last, "one more")).await, REFUSED);
}

#[tokio::test]
async fn names_must_mean_one_thing() {
    let setup = Setup::new();
    let group = setup.group().await;
    chain(&setup, &group, 2).await;
    let service = &setup.service;
    let nothing = service.terminate_branch(vec![0; 8], named(1)).await.unwrap();
    assert_eq!(nothing, Err(Unnamed::Nothing));
    assert_eq!(service.terminate_branch(name(&group), vec![0; 8]).await.unwrap(), Err(Unnamed::Nothing));
    let several = service.draw_forks(Vec::new()).await.unwrap();
    assert!(several.is_ok(), "the only group there is");
    let _other = setup.group().await;
    assert_eq!(service.draw_forks(Vec::new()).await.unwrap(), Err(Unnamed::Several));
    assert_eq!(service.terminate_branch(name(&group), Vec::new()).await.unwrap(), Err(Unnamed::Several));
    let root = service.terminate_branch(name(&group), named(0)).await.unwrap();
    assert_eq!(root, Ok(Err(BranchOutcome::NotABranch)));
}

/// What is said before is what happens, and saying it changes nothing.
#[tokio::test]
async fn what_it_would_mean_is_foreseen() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.clock.advance(1);
    setup.send(user("alice"), commit(&group, 0, 1, "one")).await.unwrap();
    setup.send(peer("follower.example"), commit(&group, 0, 2, "other")).await.unwrap();
    setup.send(user("alice"), commit(&group, 1, 3, "on")).await.unwrap();
    setup.send(peer("follower.example"), say(&group, 2, "beside")).await.unwrap();
    let foresee = || setup.service.foresee_termination(name(&group), named(1));
    let notice = foresee().await.unwrap().unwrap().unwrap();
    assert_eq!((notice.partitions, notice.heads, notice.is_dominant), (2, 1, true));
    assert_eq!(notice.newest, Some(partition_name(&masked(2))));
    assert_eq!(notice.stranded, ["hub.example"]);
    setup.send(user("alice"), say(&group, 3, "nothing has happened")).await.unwrap();
    let Ok(Ok(done)) = setup.service.terminate_branch(name(&group), named(1)).await.unwrap() else { panic!() };
    assert_eq!(done.partitions, notice.partitions);
    assert_eq!(foresee().await.unwrap(), Ok(Err(BranchOutcome::AlreadyTerminated { top: masked(1) })));
    let picture = setup.service.draw_forks(name(&group)).await.unwrap().unwrap();
    assert_eq!(Some(&picture.branches[0].newest), notice.newest.as_ref());
}

/// What is refused is not promised.
#[tokio::test]
async fn nothing_is_foreseen_while_another_branch_is_under_way() {
    let setup = in_steps();
    let group = setup.group().await;
    chain(&setup, &group, 20).await;
    setup.send(peer("follower.example"), commit(&group, 0, 100, "beside")).await.unwrap();
    let terminate = Command::Terminate(Terminate { partition: masked(1) });
    setup.service.submit(GroupKey::of(&group), terminate).await.unwrap();
    let refused = Ok(Err(BranchOutcome::Busy));
    for number in [100, 1] {
        assert_eq!(setup.service.foresee_termination(name(&group), named(number)).await.unwrap(), refused);
    }
    let ended = setup.service.terminate_branch(name(&group), named(100)).await.unwrap();
    assert_eq!(ended.map(|done| done.map(|_| ())), Ok(Err(BranchOutcome::Busy)));
}

/// Whoever makes many partitions takes nothing out of the operator's hands: what matters for a branch is looked at first.
#[tokio::test]
async fn a_branch_of_a_large_group_is_foreseen_and_ended() {
    let setup = Setup::with(Policy::default(), Limits { drawn_partitions: 64, ..Limits::default() });
    let group = setup.group().await;
    chain(&setup, &group, 120).await;
    setup.clock.advance(1);
    setup.send(peer("follower.example"), commit(&group, 110, 200, "beside")).await.unwrap();
    setup.send(peer("follower.example"), say(&group, 200, "here")).await.unwrap();
    let foresee = |number| setup.service.foresee_termination(name(&group), named(number));

    let notice = foresee(200).await.unwrap().unwrap().unwrap();
    assert!(notice.is_cut);
    assert_eq!((notice.partitions, notice.messages, notice.heads, notice.is_dominant), (1, 1, 1, false));
    assert_eq!((notice.newest, notice.newest_epoch), (Some(partition_name(&masked(120))), Some(120)));
    assert_eq!(notice.stranded, ["follower.example"]);

    let notice = foresee(111).await.unwrap().unwrap().unwrap();
    assert_eq!((notice.partitions, notice.heads, notice.is_dominant), (10, 1, true));
    assert_eq!(notice.newest, Some(partition_name(&masked(200))));
    assert_eq!(notice.stranded, ["hub.example"]);
    // Of a branch that is larger than what is looked at, it is said that these are not all, and it is ended whole.
    let notice = foresee(2).await.unwrap().unwrap().unwrap();
    assert!(notice.is_cut && notice.is_dominant && (32..120).contains(&notice.partitions));
    assert_eq!(notice.newest, Some(partition_name(&masked(1))));

    let picture = setup.service.draw_forks(name(&group)).await.unwrap().unwrap();
    assert!(picture.is_cut && picture.partitions <= 64);
    assert_eq!(picture.nodes.iter().filter(|node| node.above.is_none()).count(), 1, "it hangs together");
    assert_eq!(picture.branches[0].newest, partition_name(&masked(120)));
    assert_eq!(picture.branches[1].top, partition_name(&masked(200)));

    let ended = setup.service.terminate_branch(name(&group), named(2)).await.unwrap();
    assert_eq!(ended, Ok(Ok(BranchDone { partitions: 120, is_done: true })));
}

#[tokio::test]
async fn groups_that_show_something_are_listed_and_others_are_not() {
    let setup = Setup::new();
    let (quiet, forked) = (setup.group().await, setup.group().await);
    setup.clock.advance(1);
    for group in [&quiet, &forked] {
        setup.send(user("alice"), commit(group, 0, 1, "one")).await.unwrap();
        setup.send(user("alice"), commit(group, 0, 2, "other")).await.unwrap();
        setup.receive(user("alice"), group, 1, 0).await;
    }
    setup.settle().await;
    assert!(setup.service.forked_groups(None).await.unwrap().groups.is_empty(), "a race is none");
    setup.send(peer("follower.example"), say(&forked, 2, "a fork")).await.unwrap();
    let setup = setup.restart().await;
    let page = setup.service.forked_groups(None).await.unwrap();
    let [listed] = &page.groups[..] else { panic!("{page:?}") };
    assert_eq!(listed.group, GroupKey::of(&forked));
    assert!(listed.record.evidence.shows(Sign::RivalChildren));
    assert_eq!(page.after, None);
    assert!(setup.service.forked_groups(Some(listed.group)).await.unwrap().groups.is_empty());
    let picture = setup.service.draw_forks(name(&forked)).await.unwrap().unwrap();
    assert_eq!(picture.nodes[0].evidence.len(), 1);
    assert!(picture.nodes.iter().all(|node| node.shape == Shape::Partition));
}

#[tokio::test]
async fn after_thirty_days_it_is_too_late() {
    let setup = Setup::new();
    let group = setup.group().await;
    chain(&setup, &group, 2).await;
    setup.service.terminate_branch(name(&group), named(1)).await.unwrap().unwrap().unwrap();
    setup.clock.advance(30 * DAY);
    let restored = setup.service.restore_branch(name(&group), named(1)).await.unwrap();
    assert_eq!(restored, Ok(Err(BranchOutcome::TooLate)));
}
