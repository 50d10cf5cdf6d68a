//! Members who leave, until it is done (C10), and who are not kept from committing by who wants in.

use std::time::Duration;

use mls_rs::MlsMessage;

use super::{
    acting::{act, sync, told},
    cast::{BOTH, GROUP_ID, Handshakes, Person, client, deliver, group, hub_id},
    channel::{Fault, ModelChannel},
    hub::ModelHub,
};
use crate::{
    client::{
        Cause, Event, IntentId, MemberError, MemberPolicy, ProblemCode, Progress, http::Operation, propose_joining,
    },
    wire::{GroupInfoResponse, LeaveGroupRequest, Message, encode},
};

fn is_done(progress: &[Progress], id: IntentId) -> bool {
    progress.iter().any(|progress| matches!(progress, Progress::Done { intent } if *intent == id))
}

#[tokio::test]
async fn who_leaves_proposes_it_until_a_commit_takes_it_up() {
    for handshakes in BOTH {
        let channel = ModelChannel::new(ModelHub::default());
        let [alice, bob, carol] = group(["alice", "bob", "carol"], handshakes);
        let (mut alice, mut bob, mut carol) = (act(alice, &channel), act(bob, &channel), act(carol, &channel));
        // Alice's commit is on its way when carol wants to leave: it is made without having seen that.
        let without = alice.group_mut().commit_update(false).unwrap();
        let leaving = carol.leave().unwrap();
        let never = carol.send(b"one more thing").unwrap();
        sync(&mut carol).await;
        assert!(carol.is_leaving());
        assert_eq!(carol.unsettled().map(|(id, _)| id).collect::<Vec<_>>(), [leaving, never]);
        deliver(&mut channel.hub.lock().unwrap(), &without);

        // Carol reads on, sees that it came to nothing, and proposes it in the new epoch.
        sync(&mut carol).await;
        assert!(carol.is_leaving());
        assert!(!is_done(&told(&mut carol), leaving));
        for member in [&mut alice, &mut bob] {
            sync(member).await;
        }
        // Bob wants to say something, and commits what he has read first.
        told(&mut bob);
        bob.send(b"farewell").unwrap();
        sync(&mut bob).await;
        sync(&mut carol).await;
        let told = told(&mut carol);
        assert!(is_done(&told, leaving), "{told:?}");
        let dropped = |progress: &Progress| matches!(progress, Progress::Dropped { intent, cause: Cause::Removed } if *intent == never);
        assert!(told.iter().any(dropped), "{told:?}");
        assert!(carol.group().is_removed() && !carol.is_leaving());
        sync(&mut alice).await;
        assert_eq!(alice.group().group().roster().members().len(), 2);
    }
}

/// The provider is told once it is done, and told again when it was not there; whoever is removed by others tells nobody.
#[tokio::test]
async fn who_has_left_takes_leave_of_the_provider() {
    let hub = ModelChannel::new(ModelHub::default());
    let [alice, bob, carol] = group(["alice", "bob", "carol"], Handshakes::Public);
    let channels = [hub.another(), hub.another(), hub.another()];
    let [mut alice, mut bob, mut carol] = [(alice, &channels[0]), (bob, &channels[1]), (carol, &channels[2])]
        .map(|(person, channel)| act(person, channel));
    carol.leave().unwrap();
    sync(&mut carol).await;
    sync(&mut alice).await;
    told(&mut alice);
    alice.remove(b"bob").unwrap();
    for member in [&mut alice, &mut bob] {
        sync(member).await;
    }
    // As often as one request is tried.
    let attempts = MemberPolicy::default().backoff.attempts as usize;
    channels[2].fail(&vec![Fault::RequestLost; attempts]);
    let unheard = carol.sync(Duration::ZERO).await.unwrap_err();
    assert!(matches!(unheard, MemberError::Call(_)), "{unheard:?}");
    assert!(carol.group().is_removed() && bob.group().is_removed());
    for _again in 0..2 {
        sync(&mut carol).await;
    }
    let leaves = |channel: &ModelChannel| {
        let sent = channel.sent().into_iter();
        sent.filter(|(operation, ..)| *operation == Operation::LeaveGroup).map(|(_, _, body)| body).collect::<Vec<_>>()
    };
    let told = LeaveGroupRequest { group_id: GROUP_ID.to_vec() };
    assert_eq!(leaves(&channels[2]), vec![encode(&told).unwrap(); attempts + 1]);
    assert!(leaves(&channels[0]).is_empty() && leaves(&channels[1]).is_empty());
}

/// A hub that is reached directly has no users of its own to forget.
#[tokio::test]
async fn a_provider_that_knows_no_leaves_is_left_all_the_same() {
    let channel = ModelChannel::new(ModelHub::default());
    let [alice, carol] = group(["alice", "carol"], Handshakes::Public);
    let (mut alice, mut carol) = (act(alice, &channel.another()), act(carol, &channel));
    let leaving = carol.leave().unwrap();
    sync(&mut carol).await;
    sync(&mut alice).await;
    told(&mut alice);
    alice.update().unwrap();
    sync(&mut alice).await;
    channel.fail(&[Fault::Refused(ProblemCode::Malformed)]);
    for _again in 0..2 {
        sync(&mut carol).await;
    }
    assert!(is_done(&told(&mut carol), leaving));
    let leaves = channel.sent().iter().filter(|(operation, ..)| *operation == Operation::LeaveGroup).count();
    assert_eq!(leaves, 1);
}

/// The proposal is sequenced, and its answer lost; or it is lost itself, and another epoch begins before it is sent again.
#[tokio::test]
async fn leaving_survives_what_is_lost_on_the_way() {
    for fault in [Fault::ResponseLost, Fault::RequestLost] {
        let channel = ModelChannel::new(ModelHub::default());
        let [alice, bob, carol] = group(["alice", "bob", "carol"], Handshakes::Public);
        let (mut alice, mut bob, mut carol) =
            (act(alice, &channel.another()), act(bob, &channel.another()), act(carol, &channel));
        let leaving = carol.leave().unwrap();
        channel.fail(&[fault; 100]);
        carol.flush().await.unwrap_err();
        channel.faults.lock().unwrap().clear();
        alice.update().unwrap();
        sync(&mut alice).await;
        sync(&mut carol).await;
        sync(&mut carol).await;
        assert!(carol.is_leaving(), "{fault:?}");
        for _epoch in 0..3 {
            if !carol.group().is_removed() {
                // Whoever commits without having read is not to blame: the next one has.
                sync(&mut bob).await;
                told(&mut bob);
                bob.update().unwrap();
                sync(&mut bob).await;
                sync(&mut carol).await;
            }
        }
        assert!(is_done(&told(&mut carol), leaving), "{fault:?}");
        assert!(carol.group().is_removed());
    }
}

#[tokio::test]
async fn a_hub_that_refuses_the_proposal_ends_it() {
    let channel = ModelChannel::new(ModelHub::default());
    let [_alice, carol] = group(["alice", "carol"], Handshakes::Public);
    let mut carol = act(carol, &channel);
    let leaving = carol.leave().unwrap();
    channel.fail(&[Fault::Refused(ProblemCode::PolicyDenied)]);
    sync(&mut carol).await;
    let told = told(&mut carol);
    let refused = |progress: &Progress| matches!(progress, Progress::Dropped { intent, cause: Cause::Refused(_) } if *intent == leaving);
    assert!(told.iter().any(refused), "{told:?}");
    // It goes on as a member: nothing is left of the proposal.
    let said = carol.send(b"then I stay").unwrap();
    sync(&mut carol).await;
    let accepted = |progress: Progress| matches!(progress, Progress::Accepted { intent, .. } if intent == said);
    assert!(self::told(&mut carol).into_iter().any(accepted));
}

/// Anybody can propose to be added. Members go on, and whoever wants to lets the newcomer in.
#[tokio::test]
async fn newcomers_keep_nobody_from_committing() {
    for handshakes in BOTH {
        let channel = ModelChannel::new(ModelHub::default());
        let [alice, bob] = group(["alice", "bob"], handshakes);
        let group_info = alice.group.group_info().unwrap();
        let published = GroupInfoResponse { group_info, ratchet_tree: None };
        let dora = client("dora", handshakes);
        let here = "third.example".parse().unwrap();
        let (_package, request) = propose_joining(&dora, &here, GROUP_ID, &published).unwrap();
        let key = alice.group.masked_partition_key();
        channel.hub.lock().unwrap().sequence(GROUP_ID, key, Message { message: request.message, commit: None });
        let (mut alice, mut bob) = (act(alice, &channel), act(bob, &channel));
        sync(&mut alice).await;
        sync(&mut bob).await;
        let newcomer = told(&mut alice).into_iter().find_map(|progress| match progress {
            Progress::Group(Event::Proposal { newcomer, .. }) => newcomer,
            _ => None,
        });
        // Bob does not know what to make of it.
        told(&mut bob);
        let said = bob.send(b"hello").unwrap();
        sync(&mut bob).await;
        let accepted = |progress: Progress| matches!(progress, Progress::Accepted { intent, .. } if intent == said);
        assert!(told(&mut bob).into_iter().any(accepted));
        assert_eq!(bob.group().group().roster().members().len(), 2);

        // Alice does, in the epoch that has begun meanwhile.
        sync(&mut alice).await;
        told(&mut alice);
        let newcomer = newcomer.expect("a provider is named");
        assert_eq!(newcomer.service_provider, here);
        let added = alice.add(vec![*newcomer]).unwrap();
        sync(&mut alice).await;
        assert!(is_done(&told(&mut alice), added));
        let sent = channel.log.lock().unwrap().last().unwrap().2.clone();
        let sent: crate::wire::SendRequest = crate::wire::decode(&sent).unwrap();
        let welcome = sent.commit_data.unwrap().welcome_data.unwrap();
        assert_eq!(welcome.service_providers, std::slice::from_ref(&here));
        let welcome = MlsMessage::from_bytes(welcome.welcome.bytes()).unwrap();
        let dora = Person::join(dora, &welcome);
        assert_eq!((dora.group.hub(), dora.group.epoch()), (&hub_id(), alice.group().epoch()));
    }
}

/// Whoever is let in at once is added by its own proposal.
#[tokio::test]
async fn a_newcomer_is_let_in_by_its_own_proposal() {
    let hub = &mut ModelHub::default();
    let [mut alice, mut bob] = group(["alice", "bob"], Handshakes::Public);
    let published = GroupInfoResponse { group_info: alice.group.group_info().unwrap(), ratchet_tree: None };
    let dora = client("dora", Handshakes::Public);
    let here = "third.example".parse().unwrap();
    let (package, request) = propose_joining(&dora, &here, GROUP_ID, &published).unwrap();
    hub.sequence(GROUP_ID, alice.group.masked_partition_key(), Message { message: request.message, commit: None });
    let events = alice.read_all(hub);
    let [Event::Proposal { newcomer: Some(newcomer), .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(newcomer.key_package, package);
    let commit = alice.group.commit_add(std::slice::from_ref(&**newcomer), false).unwrap();
    assert!(commit.commit_data.as_ref().unwrap().welcome_data.is_some());
    deliver(hub, &commit);
    alice.read_all(hub);
    bob.read_all(hub);
    for person in [&alice, &bob] {
        assert_eq!(person.group.group().roster().members().len(), 3);
    }
}
