//! Members who do their errands themselves.

use std::time::Duration;

use super::{
    acting::{Acting, act, act_with, settle, sync, told},
    cast::{BOTH, Handshakes, Person, assert_converged, client, deliver, group, new_member, said},
    channel::{Fault, ModelChannel, ModelPace},
    hub::ModelHub,
};
use crate::{
    client::{
        Cause, Event, ExpectCommit, GroupError, IntentId, Member, MemberError, MemberPolicy, ProblemCode, Progress,
        QueueFull,
        http::{CallError, ChannelError, Operation},
    },
    wire::PartitionKey,
};

fn words(member: &mut Acting) -> Vec<String> {
    let group = |progress| if let Progress::Group(event) = progress { Some(event) } else { None };
    let events: Vec<Event> = told(member).into_iter().filter_map(group).collect();
    said(&events).into_iter().map(|word| word.1).collect()
}

/// What became of the intents, in order.
fn outcomes(progress: &[Progress]) -> Vec<(&'static str, IntentId)> {
    let outcome = |progress: &Progress| match progress {
        Progress::Group(_) | Progress::Forked(_) => None,
        Progress::Accepted { intent, .. } => Some(("accepted", *intent)),
        Progress::Done { intent } => Some(("done", *intent)),
        Progress::Moot { intent } => Some(("moot", *intent)),
        Progress::Dropped { intent, cause: Cause::Refused(_) } => Some(("refused", *intent)),
        Progress::Dropped { intent, cause: Cause::Impossible(_) } => Some(("impossible", *intent)),
        Progress::Dropped { intent, cause: Cause::Outrun } => Some(("outrun", *intent)),
        Progress::Dropped { intent, cause: Cause::Removed } => Some(("removed", *intent)),
    };
    progress.iter().filter_map(outcome).collect()
}

fn same_state(members: &[&Acting]) {
    for member in members {
        assert_eq!(member.group().epoch(), members[0].group().epoch());
        assert_eq!(member.group().partition_key(), members[0].group().partition_key());
    }
}

#[tokio::test]
async fn errands_are_run_in_order() {
    for handshakes in BOTH {
        let channel = ModelChannel::new(ModelHub { hints: 8, ..ModelHub::default() });
        let [alice, bob, carol] = group(["alice", "bob", "carol"], handshakes);
        let (mut alice, mut bob) = (act(alice, &channel), act(bob, &channel));
        let dave = client("dave", handshakes);
        let wanted = [
            alice.send(b"hello").unwrap(),
            alice.update().unwrap(),
            alice.add(vec![new_member(&dave)]).unwrap(),
            alice.remove(b"carol").unwrap(),
            alice.send(b"goodbye").unwrap(),
        ];
        assert_eq!(alice.unsettled().count(), 5);
        sync(&mut alice).await;
        let kinds = ["accepted", "done", "done", "done", "accepted"];
        let expected: Vec<_> = kinds.into_iter().zip(wanted).collect();
        assert_eq!(outcomes(&told(&mut alice)), expected);
        assert_eq!(alice.group().group().roster().members_iter().count(), 3);
        assert_eq!(alice.unsettled().count(), 0);
        sync(&mut bob).await;
        same_state(&[&alice, &bob]);
        assert_eq!(words(&mut bob), ["hello", "goodbye"]);
        let mut carol = act(carol, &channel);
        let last_words = carol.send(b"me too").unwrap();
        carol.read(Duration::ZERO).await.unwrap();
        assert_eq!(outcomes(&told(&mut carol)), [("removed", last_words)]);
    }
}

#[tokio::test]
async fn losers_of_a_race_recover_by_themselves() {
    for handshakes in BOTH {
        let channel = ModelChannel::new(ModelHub::default());
        let [alice, bob, carol] = group(["alice", "bob", "carol"], handshakes);
        let mut members = [alice, bob, carol].map(|person| act(person, &channel.another()));
        for _round in 0..3 {
            for member in &mut members {
                member.update().unwrap();
                member.send(b"and a word").unwrap();
            }
            // None has read what the others do.
            let mut progress = Vec::new();
            for member in &mut members {
                progress.push(settle(member).await);
            }
            for (member, mut progress) in members.iter_mut().zip(progress) {
                progress.extend(settle(member).await);
                let kinds: Vec<_> = outcomes(&progress).into_iter().map(|outcome| outcome.0).collect();
                assert_eq!(kinds, ["done", "accepted"]);
            }
            let [alice, bob, carol] = &members;
            same_state(&[alice, bob, carol]);
        }
        assert_eq!(members[0].group().epoch().0, 10);
        // The refused commits were never sequenced: every partition has one.
        assert!(members[1].service().channel().sent().iter().any(|sent| sent.1 == Some(ExpectCommit::None)));
    }
}

#[tokio::test]
async fn a_removal_that_somebody_else_was_faster_with_is_moot() {
    let channel = ModelChannel::new(ModelHub::default());
    let [alice, bob, _carol] = group(["alice", "bob", "carol"], Handshakes::Encrypted);
    let (mut alice, mut bob) = (act(alice, &channel), act(bob, &channel));
    alice.remove(b"carol").unwrap();
    let id = bob.remove(b"carol").unwrap();
    sync(&mut alice).await;
    sync(&mut bob).await;
    assert_eq!(outcomes(&told(&mut bob)), [("moot", id)]);
    let dave = client("dave", Handshakes::Encrypted);
    alice.add(vec![new_member(&dave)]).unwrap();
    let id = bob.add(vec![new_member(&dave)]).unwrap();
    sync(&mut alice).await;
    sync(&mut bob).await;
    assert_eq!(outcomes(&told(&mut bob)), [("moot", id)]);
    same_state(&[&alice, &bob]);
}

#[tokio::test]
async fn who_is_outrun_too_often_gives_up() {
    let channel = ModelChannel::new(ModelHub::default());
    let [alice, bob] = group(["alice", "bob"], Handshakes::Public);
    let mut alice = act(alice, &channel);
    let mut bob = act_with(bob, &channel, MemberPolicy { rebuilds: 0, ..MemberPolicy::default() });
    alice.update().unwrap();
    let id = bob.update().unwrap();
    sync(&mut alice).await;
    sync(&mut bob).await;
    assert_eq!(outcomes(&told(&mut bob)), [("outrun", id)]);
    same_state(&[&alice, &bob]);
}

#[tokio::test]
async fn what_was_lost_is_sent_again_byte_for_byte() {
    for handshakes in BOTH {
        let channel = ModelChannel::new(ModelHub::default());
        let [alice, bob] = group(["alice", "bob"], handshakes);
        let (mut alice, mut bob) = (act(alice, &channel), act(bob, &channel.another()));
        for fault in [Fault::RequestLost, Fault::ResponseLost, Fault::Refused(ProblemCode::Unavailable)] {
            channel.log.lock().unwrap().clear();
            channel.fail(&[fault, fault]);
            alice.send(b"once").unwrap();
            sync(&mut alice).await;
            channel.fail(&[fault, fault]);
            alice.update().unwrap();
            sync(&mut alice).await;
            let sent = channel.sent();
            assert_eq!(sent.len(), 6, "{fault:?}");
            assert!(sent[..3].iter().all(|again| again == &sent[0]));
            assert!(sent[3..].iter().all(|again| again == &sent[3]));
            sync(&mut bob).await;
            assert_eq!(words(&mut bob), ["once"]);
            same_state(&[&alice, &bob]);
            let kinds: Vec<_> = outcomes(&told(&mut alice)).into_iter().map(|outcome| outcome.0).collect();
            assert_eq!(kinds, ["accepted", "done"]);
        }
    }
}

#[tokio::test]
async fn retries_back_off_and_end() {
    let channel = ModelChannel::new(ModelHub::default());
    let [alice, bob] = group(["alice", "bob"], Handshakes::Public);
    let pace = ModelPace::default();
    let keep = alice.keep();
    let mut alice = Member::new(alice.group, channel.clone(), pace.clone(), keep, MemberPolicy::default());
    let mut bob = act(bob, &channel.another());
    let id = alice.send(b"at last").unwrap();
    channel.fail(&[Fault::ResponseLost; 6]);
    let error = alice.sync(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, MemberError::Call(CallError::Channel(ChannelError::Timeout))));
    let waits: Vec<_> = pace.0.lock().unwrap().drain(..).map(|wait| wait.as_millis()).collect();
    assert_eq!(waits, [100, 200, 400, 800, 1600]);
    // The outcome is unknown; the next attempt sends the same bytes.
    assert_eq!(alice.unsettled().map(|wanted| wanted.0).collect::<Vec<_>>(), [id]);
    channel.fail(&[Fault::Refused(ProblemCode::RateLimited)]);
    sync(&mut alice).await;
    assert_eq!(pace.0.lock().unwrap()[..], [Duration::from_secs(20)]);
    assert_eq!(outcomes(&told(&mut alice)), [("accepted", id)]);
    sync(&mut bob).await;
    assert_eq!(words(&mut bob), ["at last"]);
}

#[tokio::test]
async fn a_message_that_is_read_back_needs_no_answer() {
    let channel = ModelChannel::new(ModelHub::default());
    let [alice, _bob] = group(["alice", "bob"], Handshakes::Public);
    let mut alice = act(alice, &channel);
    let id = alice.send(b"heard").unwrap();
    channel.fail(&[Fault::ResponseLost; 6]);
    assert!(alice.flush().await.is_err());
    alice.read(Duration::ZERO).await.unwrap();
    assert_eq!(outcomes(&told(&mut alice)), [("accepted", id)]);
    sync(&mut alice).await;
    assert_eq!(channel.sent().len(), 6);
}

#[tokio::test]
async fn futures_may_be_dropped_at_any_point() {
    let channel = ModelChannel::new(ModelHub::default());
    let [alice, bob] = group(["alice", "bob"], Handshakes::Public);
    let (mut alice, mut bob) = (act(alice, &channel), act(bob, &channel.another()));
    alice.send(b"once").unwrap();
    alice.update().unwrap();
    for _attempt in 0..3 {
        channel.fail(&[Fault::Silence]);
        assert!(tokio::time::timeout(Duration::from_millis(20), alice.sync(Duration::ZERO)).await.is_err());
    }
    sync(&mut alice).await;
    assert_eq!(alice.unsettled().count(), 0);
    sync(&mut bob).await;
    assert_eq!(words(&mut bob), ["once"]);
    same_state(&[&alice, &bob]);
}

#[tokio::test]
async fn a_terminated_branch_is_the_users_business() {
    for handshakes in BOTH {
        let channel = ModelChannel::new(ModelHub::default());
        let [alice, bob] = group(["alice", "bob"], handshakes);
        let (mut alice, mut bob) = (act(alice, &channel), act(bob, &channel.another()));
        alice.send(b"hello?").unwrap();
        alice.update().unwrap();
        for _attempt in 0..8 {
            channel.fail(&[Fault::Refused(ProblemCode::BranchTerminated)]);
            assert!(matches!(alice.sync(Duration::ZERO).await, Err(MemberError::BranchTerminated)));
        }
        // No retry, no join, nothing but the message itself; and reading goes on.
        assert!(channel.sent().iter().all(|sent| sent.0 == Operation::Send && sent == &channel.sent()[0]));
        assert_eq!(channel.sent().len(), 8);
        assert_eq!(alice.unsettled().count(), 2);
        bob.send(b"anybody?").unwrap();
        sync(&mut bob).await;
        alice.read(Duration::ZERO).await.unwrap();
        assert_eq!(words(&mut alice), ["anybody?"]);
        // The operator has second thoughts.
        sync(&mut alice).await;
        sync(&mut bob).await;
        assert_eq!(words(&mut bob), ["hello?"]);
        same_state(&[&alice, &bob]);
    }
}

#[tokio::test]
async fn what_the_hub_refuses_for_good_is_dropped() {
    let channel = ModelChannel::new(ModelHub::default());
    let [alice, bob] = group(["alice", "bob"], Handshakes::Public);
    let (mut alice, mut bob) = (act(alice, &channel), act(bob, &channel));
    let wanted = [alice.send(b"x").unwrap(), alice.update().unwrap(), alice.update().unwrap()];
    channel.fail(&[Fault::Refused(ProblemCode::TooLarge), Fault::Refused(ProblemCode::PolicyDenied)]);
    sync(&mut alice).await;
    let outcomes = outcomes(&told(&mut alice));
    assert_eq!(outcomes, [("refused", wanted[0]), ("refused", wanted[1]), ("done", wanted[2])]);
    let id = alice.remove(b"alice").unwrap();
    sync(&mut alice).await;
    assert_eq!(super::members::outcomes(&told(&mut alice)), [("impossible", id)]);
    sync(&mut bob).await;
    same_state(&[&alice, &bob]);
}

#[tokio::test]
async fn other_refusals_stop_the_member_and_keep_its_errands() {
    let channel = ModelChannel::new(ModelHub::default());
    let [alice, _bob] = group(["alice", "bob"], Handshakes::Public);
    let mut alice = act(alice, &channel);
    alice.send(b"x").unwrap();
    for code in [ProblemCode::Unauthorized, ProblemCode::UnknownGroup, ProblemCode::GroupDeleted] {
        channel.fail(&[Fault::Refused(code)]);
        let Err(MemberError::Call(CallError::Problem(problem))) = alice.sync(Duration::ZERO).await else { panic!() };
        assert_eq!(problem.code, Some(code));
        assert_eq!(alice.unsettled().count(), 1);
    }
    let (group, intents) = alice.into_parts();
    assert_eq!((group.epoch().0, intents.len()), (1, 1));
}

#[tokio::test]
async fn proposals_are_committed_before_anything_is_said() {
    for handshakes in BOTH {
        let channel = ModelChannel::new(ModelHub::default());
        let [alice, mut bob] = group(["alice", "bob"], handshakes);
        let mut alice = act(alice, &channel);
        let proposal = bob.group.propose_update(Vec::new()).unwrap();
        channel.hub.lock().unwrap().send(&proposal, None).unwrap();
        settle(&mut alice).await;
        let id = alice.send(b"after you").unwrap();
        assert_eq!(outcomes(&settle(&mut alice).await), [("accepted", id)]);
        let mut bob = act(bob, &channel);
        sync(&mut bob).await;
        assert_eq!(words(&mut bob), ["after you"]);
        same_state(&[&alice, &bob]);
    }
}

#[tokio::test]
async fn a_commit_stands_behind_bad_ones_that_it_has_read() {
    for handshakes in BOTH {
        let channel = ModelChannel::new(ModelHub { page: 1, ..ModelHub::default() });
        let [alice, bob, mut mallory] = group(["alice", "bob", "mallory"], handshakes);
        for byte in 0..3 {
            let mut bad = mallory.group.commit_update(false).unwrap();
            mallory.group.abandon_commit();
            bad.commit_data.as_mut().unwrap().next_partition_key = PartitionKey::new([byte; 16]);
            channel.hub.lock().unwrap().send(&bad, None).unwrap();
        }
        let (mut alice, mut bob) = (act(alice, &channel), act(bob, &channel.another()));
        let id = alice.update().unwrap();
        sync(&mut alice).await;
        assert_eq!(outcomes(&told(&mut alice)), [("done", id)]);
        // It also asks whether others have followed the bad ones.
        let sent: Vec<_> = channel.sent().into_iter().filter(|sent| sent.0 == Operation::Send).collect();
        let expected: Vec<_> = sent.iter().map(|sent| sent.1.unwrap()).collect();
        assert_eq!(expected[0], ExpectCommit::None);
        assert_eq!(expected.last(), Some(&ExpectCommit::Index(2)));
        // One commit, made once.
        assert!(sent.iter().all(|again| again.2 == sent[0].2));
        sync(&mut bob).await;
        same_state(&[&alice, &bob]);
    }
}

#[tokio::test]
async fn a_hub_that_contradicts_itself_stalls_the_member() {
    let channel = ModelChannel::new(ModelHub::default());
    let [alice, _bob] = group(["alice", "bob"], Handshakes::Public);
    let mut alice = act(alice, &channel);
    alice.update().unwrap();
    channel.fail(&[Fault::Refused(ProblemCode::CommitConflict)]);
    assert!(matches!(alice.sync(Duration::ZERO).await, Err(MemberError::Stalled)));
    sync(&mut alice).await;
    assert_eq!(alice.group().epoch().0, 2);
}

#[tokio::test]
async fn stragglers_are_read_for_a_while() {
    let channel = ModelChannel::new(ModelHub::default());
    let [alice, mut bob] = group(["alice", "bob"], Handshakes::Public);
    let mut alice = act_with(alice, &channel, MemberPolicy { drains: 2, ..MemberPolicy::default() });
    alice.update().unwrap();
    sync(&mut alice).await;
    channel.hub.lock().unwrap().send(&bob.group.application(b"late", Vec::new()).unwrap(), None).unwrap();
    told(&mut alice);
    sync(&mut alice).await;
    assert_eq!(words(&mut alice), ["late"]);
    sync(&mut alice).await;
    assert!(alice.group().previous_receive_requests().is_empty());
}

#[tokio::test]
async fn a_pending_commit_is_sent_again_after_a_restart() {
    let channel = ModelChannel::new(ModelHub::default());
    let [mut alice, mut bob] = group(["alice", "bob"], Handshakes::Encrypted);
    alice.group.commit_update(true).unwrap();
    let mut alice = act(alice, &channel);
    sync(&mut alice).await;
    bob.read_all(&channel.hub.lock().unwrap());
    let (group, _intents) = alice.into_parts();
    assert_eq!(group.epoch().0, 2);
    assert_converged(&[&Person { client: bob.client.clone(), group }, &bob]);
}

#[tokio::test]
async fn queues_are_bounded() {
    let channel = ModelChannel::new(ModelHub::default());
    let [alice, bob] = group(["alice", "bob"], Handshakes::Public);
    let mut alice = act_with(alice, &channel, MemberPolicy { queue: 2, ..MemberPolicy::default() });
    let mut bob = act_with(bob, &channel, MemberPolicy { progress: 1, ..MemberPolicy::default() });
    alice.send(b"1").unwrap();
    alice.send(b"2").unwrap();
    assert_eq!(alice.send(b"3"), Err(QueueFull));
    sync(&mut alice).await;
    assert!(matches!(bob.sync(Duration::ZERO).await, Err(MemberError::ProgressFull)));
    assert_eq!(words(&mut bob), ["1", "2"]);
    sync(&mut bob).await;
    let text = format!("{alice:?} {:?}", alice.unsettled().collect::<Vec<_>>());
    assert!(!text.contains("mimi"));
}

#[tokio::test]
async fn members_work_on_tasks_of_their_own() {
    let channel = ModelChannel::new(ModelHub::default());
    let people = group(["alice", "bob", "carol", "dave"], Handshakes::Encrypted);
    let tasks = people.map(|person| {
        let mut member = act(person, &channel.another());
        tokio::spawn(async move {
            let mut progress = Vec::new();
            for _round in 0..5 {
                member.update().unwrap();
                member.send(b"word").unwrap();
                progress.extend(settle(&mut member).await);
                tokio::task::yield_now().await;
            }
            (member, progress)
        })
    });
    let (mut members, mut heard) = (Vec::new(), Vec::new());
    for task in tasks {
        let (member, progress) = task.await.unwrap();
        members.push(member);
        heard.push(progress);
    }
    for (member, heard) in members.iter_mut().zip(&mut heard) {
        heard.extend(settle(member).await);
    }
    same_state(&members.iter().collect::<Vec<_>>());
    assert_eq!(members[0].group().epoch().0, 21);
    for heard in heard {
        let words = heard.iter().filter(|told| matches!(told, Progress::Group(Event::Message { .. })));
        assert_eq!(words.count(), 15);
    }
}

/// Behind a gap she makes no commit, and by the proposal that stands there she may not speak without one. What she wanted
/// to say is given up, and she reads on.
#[tokio::test]
async fn what_needs_a_commit_behind_a_gap_is_given_up() {
    for handshakes in BOTH {
        let channel = ModelChannel::new(ModelHub::default());
        let [mut alice, bob, mut carol] = group(["alice", "bob", "carol"], handshakes);
        let mut bob = act(bob, &channel);
        {
            let hub = &mut channel.hub.lock().unwrap();
            alice.say(hub, "long ago");
            deliver(hub, &carol.group.propose_update(Vec::new()).unwrap());
            hub.removed = 1;
        }
        let all_of_it = settle(&mut bob).await;
        assert!(matches!(all_of_it[..], [Progress::Group(Event::Gap { .. }), Progress::Group(Event::Proposal { .. })]));
        let wanted = [bob.send(b"about time").unwrap(), bob.update().unwrap()];
        let given_up = settle(&mut bob).await;
        assert_eq!(outcomes(&given_up), wanted.map(|intent| ("impossible", intent)));
        let because_of_the_gap =
            |told: &Progress| matches!(told, Progress::Dropped { cause: Cause::Impossible(GroupError::Gap), .. });
        assert!(given_up.iter().all(because_of_the_gap), "{given_up:?}");
        assert!(!bob.has_work());
        alice.say(&mut channel.hub.lock().unwrap(), "still there?");
        sync(&mut bob).await;
        assert_eq!(words(&mut bob), ["still there?"]);
    }
}
