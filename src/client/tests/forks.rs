//! Forks: a commit that some cannot open. Those who cannot find out, are told, and go where their users want to (C11).

use mls_rs::{Client, ExtensionList, MlsMessage, client_builder::MlsConfig};

use super::{
    acting::{Acting, act, act_with, settle, words},
    cast::{BOTH, Config, ConfigOver, GROUP_ID, Handshakes, client, client_over, deliver, group, hub_id, new_member},
    channel::{Fault, ModelChannel},
    hub::ModelHub,
};
use crate::{
    client::{
        Fork, IntentId, MemberError, MemberPolicy, NewMember, OldLeaf, PartitionedGroup, ProblemCode, Progress,
        Standing, http::Operation,
    },
    demo::saboteur::Saboteur,
    wire::{self, GroupInfoResponse, ReportReason, ReportRequest, SendRequest},
};

pub(super) fn forks(told: &[Progress]) -> Vec<&Fork> {
    told.iter()
        .filter_map(|progress| if let Progress::Forked(fork) = progress { Some(&**fork) } else { None })
        .collect()
}

fn accepted(told: &[Progress], id: IntentId) -> bool {
    told.iter().any(|progress| matches!(progress, Progress::Accepted { intent, .. } if *intent == id))
}

/// A client whose commits can be spoiled.
fn malicious(handshakes: Handshakes) -> (Saboteur, Client<ConfigOver<Saboteur>>) {
    let crypto = Saboteur::default();
    (crypto.clone(), client_over(crypto, "mallory", handshakes))
}

/// Alice, Bob and Carol, whose sibling in the tree is Mallory. Mallory commits what Carol cannot open; the hub, which
/// cannot know, leads newcomers to it as soon as the others have used it.
pub(super) async fn forked(
    handshakes: Handshakes,
    policy: MemberPolicy,
) -> (ModelChannel, [Acting; 3], Client<Config>) {
    let (channel, members, carol, (saboteur, mut mallory)) = Box::pin(infiltrated(handshakes, policy)).await;
    // The first seal of the path is for the sibling of the committer's leaf: Carol.
    saboteur.spoil(&[0]);
    let bad = mallory.commit_update(true).unwrap();
    deliver(&mut channel.hub.lock().unwrap(), &bad);
    lead_to(&channel, &bad);
    (channel, members, carol)
}

/// The hub leads newcomers to the epoch that a commit made.
pub(super) fn lead_to(channel: &ModelChannel, commit: &SendRequest) {
    let data = commit.commit_data.clone().unwrap();
    let published = GroupInfoResponse { group_info: data.group_info.unwrap(), ratchet_tree: None };
    channel.hub.lock().unwrap().published = Some((published, data.next_partition_key.masked()));
}

/// The same before Mallory has done anything. What it seals can be spoiled: first for Carol, then for the others.
pub(super) async fn infiltrated(
    handshakes: Handshakes,
    policy: MemberPolicy,
) -> (ModelChannel, [Acting; 3], Client<Config>, (Saboteur, PartitionedGroup<impl MlsConfig + use<>>)) {
    let channel = ModelChannel::new(ModelHub::default());
    let [alice, bob, carol] = group(["alice", "bob", "carol"], handshakes);
    let carol_client = carol.client.clone();
    let mut members = [alice, bob, carol].map(|person| act_with(person, &channel, policy));
    let (saboteur, mallory) = malicious(handshakes);
    let package = mallory.generate_key_package_message(ExtensionList::new(), ExtensionList::new(), None).unwrap();
    members[0].add(vec![NewMember::from_message(&package, hub_id()).unwrap()]).unwrap();
    settle(&mut members[0]).await;
    let sent: SendRequest = wire::decode(&channel.sent().last().unwrap().2).unwrap();
    let welcome = sent.commit_data.unwrap().welcome_data.unwrap().welcome;
    for member in &mut members {
        settle(member).await;
    }
    let (joined, _info) = mallory.join_group(None, &MlsMessage::from_bytes(welcome.bytes()).unwrap(), None).unwrap();
    let mallory = PartitionedGroup::new(joined, hub_id()).unwrap();
    (channel, members, carol_client, (saboteur, mallory))
}

#[tokio::test]
async fn who_is_left_behind_finds_out_and_goes_where_the_others_are() {
    for handshakes in BOTH {
        let (channel, [mut alice, mut bob, mut carol], client) =
            Box::pin(forked(handshakes, MemberPolicy::default())).await;
        alice.send(b"on we go").unwrap();
        settle(&mut alice).await;
        assert_eq!(words(&settle(&mut bob).await), [b"on we go"]);
        assert_eq!(alice.standing().await.unwrap(), Standing::Dominant);

        let told = settle(&mut carol).await;
        let [fork] = forks(&told)[..] else { panic!("{told:?}") };
        assert_eq!((fork.epoch, fork.own_epoch.0), (alice.group().epoch(), fork.epoch.0 - 1));
        assert_eq!(fork.partition, alice.group().masked_partition_key());
        assert_eq!(fork.members.as_ref().map(Vec::len), Some(4));
        assert!(forks(&settle(&mut carol).await).is_empty(), "it is told once");
        assert_eq!(carol.standing().await.unwrap(), Standing::Fork(Box::new(fork.clone())));
        // Nothing has happened by itself: she is where she was, and may talk there.
        let id = carol.send(b"is anybody here?").unwrap();
        assert!(accepted(&settle(&mut carol).await, id));
        assert!(channel.sent().iter().all(|sent| sent.0 != Operation::ExternalJoin));

        // Her branch is ended, and her user decides to go.
        carol.send(b"there you are").unwrap();
        channel.fail(&[Fault::Refused(ProblemCode::BranchTerminated)]);
        assert!(matches!(carol.flush().await, Err(MemberError::BranchTerminated)));
        let intents: Vec<_> = carol.unsettled().map(|(_, intent)| intent.clone()).collect();
        let mut outsider = carol.into_outsider(client).unwrap();
        assert_eq!(intents.len(), 1);
        let joined = outsider.resync(OldLeaf::Own).await.unwrap();
        let mut carol = outsider.into_member(joined);
        for intent in intents {
            carol.want(intent).unwrap();
        }
        settle(&mut carol).await;
        for member in [&mut alice, &mut bob] {
            // What she said alone came late to them, and came.
            assert_eq!(words(&settle(member).await), [&b"is anybody here?"[..], b"there you are"], "{handshakes:?}");
            assert_eq!(member.group().partition_key(), carol.group().partition_key());
            assert_eq!(member.group().group().roster().members().len(), 4, "one leaf has taken the other's place");
        }
    }
}

/// Bad commits that nobody follows are no forks, and cost a handful of questions.
#[tokio::test]
async fn a_commit_that_nobody_follows_is_no_fork() {
    let channel = ModelChannel::new(ModelHub::default());
    let [alice, bob, mut mallory] = group(["alice", "bob", "mallory"], Handshakes::Public);
    let published = GroupInfoResponse { group_info: alice.group.group_info().unwrap(), ratchet_tree: None };
    channel.hub.lock().unwrap().published = Some((published, alice.group.masked_partition_key()));
    let (mut alice, mut bob) = (act(alice, &channel), act(bob, &channel.another()));
    for byte in 0..100 {
        let mut bad = mallory.group.commit_update(false).unwrap();
        mallory.group.abandon_commit();
        mallory.group.staged.clear();
        bad.commit_data.as_mut().unwrap().next_partition_key = wire::PartitionKey::new([byte; 16]);
        deliver(&mut channel.hub.lock().unwrap(), &bad);
        assert!(forks(&settle(&mut alice).await).is_empty());
    }
    let asked = |channel: &ModelChannel| channel.sent().iter().filter(|sent| sent.0 == Operation::GroupInfo).count();
    assert_eq!(asked(&channel), 6);
    // The group goes on, and the hub knows it: whoever asks before having read is not misled.
    bob.update().unwrap();
    settle(&mut bob).await;
    let published = GroupInfoResponse { group_info: bob.group().group_info().unwrap(), ratchet_tree: None };
    channel.hub.lock().unwrap().published = Some((published, bob.group().masked_partition_key()));
    assert_eq!(alice.standing().await.unwrap(), Standing::Dominant);
    // Nor is it a fork where the hub has nothing to give.
    channel.hub.lock().unwrap().published = None;
    assert_eq!(alice.standing().await.unwrap(), Standing::Unknown);
}

/// Nothing is reported unless the user says so, and then once: by a call, or from the beginning.
#[tokio::test]
async fn a_fork_is_reported_when_its_user_has_agreed() {
    let reports = |channel: &ModelChannel| -> Vec<ReportRequest> {
        let sent = channel.sent().into_iter().filter(|sent| sent.0 == Operation::Report);
        sent.map(|sent| wire::decode(&sent.2).unwrap()).collect()
    };
    for by_itself in [false, true] {
        let policy = MemberPolicy { report_forks: by_itself, ..MemberPolicy::default() };
        let (channel, [_alice, _bob, mut carol], _client) = Box::pin(forked(Handshakes::Encrypted, policy)).await;
        if by_itself {
            // The question arrives. What is reported does not: it is reported at the next look.
            channel.fail(&[Fault::Nothing]);
            channel.fail(&[Fault::RequestLost; 6]);
        }
        let told = settle(&mut carol).await;
        let [fork] = forks(&told)[..] else { panic!("{told:?}") };
        assert_eq!(
            channel.sent().iter().filter(|sent| sent.0 == Operation::Report).count(),
            6 * usize::from(by_itself)
        );
        if !by_itself {
            carol.report_fork(fork).await.unwrap();
        }
        for _look in 0..40 {
            assert!(forks(&settle(&mut carol).await).is_empty());
        }
        carol.report_fork(fork).await.unwrap();
        let expected = ReportRequest { group_id: GROUP_ID.to_vec(), about: hub_id(), reason: ReportReason::Fork };
        let reports = reports(&channel);
        assert_eq!(reports.len(), if by_itself { 7 } else { 1 });
        assert!(reports.iter().all(|report| *report == expected));
    }
}

#[tokio::test]
async fn nobody_looks_who_does_not_want_to() {
    let policy = MemberPolicy { looks: 0, ..MemberPolicy::default() };
    let (channel, [_alice, _bob, mut carol], _client) = Box::pin(forked(Handshakes::Encrypted, policy)).await;
    assert!(forks(&settle(&mut carol).await).is_empty());
    assert!(channel.sent().iter().all(|sent| sent.0 != Operation::GroupInfo));
}

/// Where the hub asks for the tree it is given it beside the same commit; where handshakes are encrypted it is not made to
/// ask.
#[tokio::test]
async fn trees_are_published_on_demand() {
    for (handshakes, demands) in [(BOTH[0], false), (BOTH[0], true), (BOTH[1], true)] {
        let channel = ModelChannel::new(ModelHub { demands_tree: demands, ..ModelHub::default() });
        let [alice, bob] = group(["alice", "bob"], handshakes);
        let policy = MemberPolicy { group_info: true, ..MemberPolicy::default() };
        let (mut alice, mut bob) = (act_with(alice, &channel, policy), act_with(bob, &channel.another(), policy));
        alice.update().unwrap();
        alice.add(vec![new_member(&client("carol", handshakes))]).unwrap();
        let told = settle(&mut alice).await;
        let done = told.iter().filter(|progress| matches!(progress, Progress::Done { .. })).count();
        assert_eq!(done, 2, "{told:?}");
        settle(&mut bob).await;
        assert_eq!(alice.group().partition_key(), bob.group().partition_key());
        let sent: Vec<SendRequest> = channel.sent().iter().map(|sent| wire::decode(&sent.2).unwrap()).collect();
        let with_tree: Vec<bool> = sent
            .iter()
            .map(|sent| sent.commit_data.as_ref().unwrap().group_info.as_ref().unwrap().has_ratchet_tree())
            .collect();
        let expected: &[bool] = match (handshakes, demands) {
            (Handshakes::Public, false) => &[false, false],
            (Handshakes::Public, true) => &[false, true, false, true],
            (Handshakes::Encrypted, _) => &[true, true],
        };
        assert_eq!(with_tree, expected);
        for pair in sent.chunks_exact(2).filter(|_| expected.len() == 4) {
            assert_eq!(pair[0].message, pair[1].message, "the commit is the same");
        }
    }
}
