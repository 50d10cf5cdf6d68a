//! Rows to write, and the check that a snapshot holds what a batch says.

use bytes::Bytes;
use mls_rs_codec::MlsDecode;

use crate::{
    fixtures::mls::{SUITE, welcome},
    mls::{CipherSuite, EpochNumber, ProposalRef, WireWelcome},
    sequencer::{
        Blob, BlobKey, Charge, Checkpoint, Child, Cut, Dispatch, DispatchKey, Entry, EntryCommit, Evidence, Followed,
        FollowedChange, Given, Group, GroupKey, Head, Kept, Outcome, Outgoing, Owner, OwnerChanges, Owners, Parent,
        Partition, Placed, Public, Receipt, RepeatKey, Replay, Reservation, Sign, Spread, StateDigest, Subscription,
        Termination, Ticket, Timer, Transition, TreeHash, Undelivered, Usage, Use, UserTag, Welcome, WelcomeName,
    },
    store::{Batch, Presence, Presentation, Removed, Snapshot, Walk},
    wire::{MaskedPartitionKey, ServiceProviderId, WelcomeData},
};

pub(crate) fn group(number: u8) -> GroupKey {
    GroupKey::new([number; 32])
}

pub(crate) fn partition(number: u8) -> MaskedPartitionKey {
    MaskedPartitionKey::new([number; 32])
}

pub(crate) fn provider(name: &str) -> ServiceProviderId {
    name.parse().unwrap()
}

pub(crate) fn repeat_key(number: u8) -> RepeatKey {
    RepeatKey::new([number; 32])
}

pub(crate) fn tag(number: u8) -> UserTag {
    UserTag([number; 16])
}

/// An application message of so many bytes.
pub(crate) fn entry(accepted_ms: u64, bytes: usize) -> Entry {
    let filling = u8::try_from(accepted_ms % 251).unwrap();
    Entry { accepted_ms, message: Bytes::from(vec![filling; bytes]), commit: None }
}

pub(crate) fn group_record() -> Group {
    Group {
        root: partition(0x10),
        cipher_suite: CipherSuite(SUITE),
        created_ms: 1_700_000_000_000,
        creation: [0xc0; 32],
        users: vec![provider("hub.example"), provider("follower.example")],
        welcomed: vec![provider("third.example")],
        evidence: evidence(),
        evident_ms: Some(1_700_000_000_400),
        terminated: 1,
        spreading: Some(Spread { top: partition(0x14), at: partition(0x15), epoch: EpochNumber(6), restores: true }),
        used_ms: 1_700_000_000_200,
        deleted_ms: Some(1_700_000_000_300),
    }
}

fn evidence() -> Evidence {
    let mut evidence = Evidence::default();
    evidence.note(Sign::OtherEpoch, 1_700_000_000_300);
    evidence.note(Sign::LateHandshake, 1_700_000_000_400);
    evidence
}

/// A partition with something in every field: a new field does not compile until it is here.
pub(crate) fn partition_record() -> Partition {
    Partition {
        created_ms: 1_700_000_000_050,
        epoch: Some(EpochNumber(7)),
        parent: Some(Parent { key: partition(0x11), index: 3 }),
        announced_by: Some(provider("follower.example")),
        children: vec![Child { key: partition(0x12), index: 4, announced_ms: 1_700_000_000_100, cut: Cut::Above }],
        forked_ms: Some(1_700_000_000_090),
        next_index: 6,
        first_index: 1,
        commits: 2,
        last_commit: Some(4),
        bytes: 600,
        group_info: Some(BlobKey([0xb1; 32])),
        ratchet_tree: Some(BlobKey([0xb2; 32])),
        published_bytes: 1200,
        uses: vec![
            Use { provider: provider("hub.example"), first_ms: 1, last_ms: 2, given: None, commits: 0 },
            Use {
                provider: provider("follower.example"),
                first_ms: 3,
                last_ms: 5,
                given: Some(Given { commit: 4, first_ms: 4 }),
                commits: 1,
            },
        ],
        charges: vec![Charge { provider: provider("follower.example"), usage: Usage { partitions: 1, bytes: 300 } }],
        debtors: vec![provider("follower.example")],
        unshared: 3,
        evidence: evidence(),
        held: vec![Parent { key: partition(0x13), index: 9 }],
        subscriptions: vec![Subscription {
            provider: provider("follower.example"),
            next_index: 5,
            until_ms: 1_700_000_604_800,
            serial: 2,
        }],
        serials: 2,
        lease_timer_ms: Some(1_700_000_604_800),
        terminated: Some(Termination { top: partition(0x14), at_ms: 1_700_000_000_500 }),
        public: Some(public_record()),
        unobserved: true,
        emptied_ms: Some(1_702_600_000_000),
    }
}

pub(crate) fn public_record() -> Public {
    Public {
        digest: StateDigest([0xd1; 32]),
        roster: owners().roster(),
        tree_hash: TreeHash(vec![0x77; 32]),
        verified: Some([0xfe; 32]),
        replay: Replay { commits: 3, bytes: 4000, checkpoint_bytes: 5000 },
    }
}

/// A leaf that came with a user's KeyPackage, one that went, and one of nobody knows whom.
pub(crate) fn owner_changes() -> OwnerChanges {
    let owner = Some(Owner { provider: provider("hub.example"), user: Some(tag(0x33)) });
    OwnerChanges { removed: vec![2], placed: vec![Placed { leaf: 3, owner }, Placed { leaf: 4, owner: None }] }
}

pub(crate) fn owners() -> Owners {
    Owners::default().after(&owner_changes())
}

pub(crate) fn checkpoint() -> Checkpoint {
    Checkpoint { state: Bytes::from_static(b"a public state"), owners: owners() }
}

pub(crate) fn welcome_name() -> WelcomeName {
    WelcomeName { partition: partition(0x12), commit: Some(Parent { key: partition(0x10), index: 4 }) }
}

pub(crate) fn welcome_row(name: WelcomeName) -> Welcome {
    let bytes = welcome(SUITE, &[b"reference one", b"reference two"]);
    Welcome {
        name,
        data: WelcomeData {
            welcome: WireWelcome::mls_decode_exhaustive(&bytes).unwrap(),
            service_providers: vec![provider("hub.example"), provider("follower.example")],
        },
    }
}

pub(crate) fn outgoing_record() -> Outgoing {
    Outgoing {
        submitter: provider("follower.example"),
        submitted_ms: 1_700_000_000_300,
        bytes: 200,
        held_for: vec![provider("third.example")],
        dispatches: 1,
    }
}

/// A dispatch of the sample's Welcome, due at that time.
pub(crate) fn dispatch_key(to: &str, due_ms: u64) -> DispatchKey {
    DispatchKey { provider: provider(to), due_ms, welcome: welcome_name() }
}

pub(crate) fn dispatch_record() -> Dispatch {
    Dispatch {
        submitted_ms: 1_700_000_090_000,
        attempts: 3,
        ticket: Some(Ticket { bytes: [0x7c; 16], until_ms: 1_700_000_095_000 }),
    }
}

/// A followed partition of which those messages are kept, from index 3 on.
pub(crate) fn followed(messages: &[&'static [u8]]) -> FollowedChange {
    let next_index = 3 + u32::try_from(messages.len()).unwrap();
    let record = Followed {
        until_ms: 1_700_000_604_800,
        needed_ms: 1_700_000_000_000,
        first_index: 3,
        next_index,
        bytes: messages.iter().map(|message| message.len() as u64).sum(),
        timer_ms: 1_700_000_003_600,
    };
    let kept = (3..).zip(messages).map(|(index, message)| Kept { index, message: Bytes::from_static(message) });
    FollowedChange::Put { record, kept: kept.collect(), lets_go: false }
}

/// A transition that sets every field but those that remove, so that a batch of it has a row of every kind.
pub(crate) fn transition() -> Transition {
    let blob = Blob::new(&Bytes::from_static(b"a GroupInfo"));
    let next = partition(0x12);
    let commit = Some(EntryCommit { next, group_info: Some((blob.key, blob.length())) });
    Transition {
        outcome: Outcome::Done,
        group: Some(group_record()),
        reservation: Some(Some(Reservation { holder: tag(0x30), until_ms: 1_700_000_086_400 })),
        partitions: vec![(partition(0x10), partition_record()), (next, Partition::new(5, None, None))],
        announced: vec![partition(0x10), next],
        unannounced: Vec::new(),
        trimmed: Vec::new(),
        emptied: Vec::new(),
        given_up: Vec::new(),
        removed: Vec::new(),
        heads: vec![
            Head { partition: partition(0x10), epoch: EpochNumber(7), is_head: false },
            Head { partition: next, epoch: EpochNumber(8), is_head: true },
        ],
        appends: vec![(partition(0x10), 4, Entry { commit, ..entry(1_700_000_000_200, 40) })],
        repeat: Some((
            partition(0x10),
            repeat_key(0x20),
            Receipt { accepted_ms: 1_700_000_000_200, index: 4, commits_before: 1 },
        )),
        forgotten_receipts: Vec::new(),
        blob_counts: vec![(blob.key, 2), (BlobKey::of(b"a tree"), 1)],
        blobs: vec![blob, Blob::new(&Bytes::from_static(b"a tree"))],
        welcome: Some(Box::new(welcome_row(welcome_name()))),
        outgoing: vec![(welcome_name(), Some(outgoing_record()))],
        dispatches: vec![(dispatch_key("hub.example", 1_700_000_093_000), Some(dispatch_record()))],
        posted: vec![(provider("follower.example"), Undelivered { welcomes: 1, bytes: 200 })],
        settled: Vec::new(),
        budgets: vec![(provider("follower.example"), Usage { partitions: 2, bytes: 900 })],
        timers: vec![Timer { due_ms: 1_700_000_090_000, partition: partition(0x10) }],
        cleared_timers: Vec::new(),
        subscribed: vec![(partition(0x10), provider("follower.example"), true)],
        followed: vec![(partition(0x20), followed(&[b"kept", b"besides"]))],
        shows_forks: true,
        shows_no_forks: false,
        forgotten: Vec::new(),
        owners: vec![(next, owner_changes())],
        checkpoints: vec![(next, checkpoint())],
        proposals: vec![(partition(0x10), ProposalRef::new([0x9e; 32]), 5)],
    }
}

/// A walk of retention with something in every field.
pub(crate) fn walk_record() -> Walk {
    let removed = Removed {
        groups: 1,
        partitions: 2,
        messages: 3,
        bytes: 4,
        emptied: 5,
        receipts: 6,
        presentations: 7,
        unreadable: 8,
    };
    Walk {
        started_ms: Some(1_700_000_700_000),
        place: vec![0x11, 0x22],
        removed,
        last_started_ms: 1_700_000_600_000,
        last_ended_ms: 1_700_000_610_000,
        last_removed: Removed { groups: 8, ..removed },
        presence: Presence { since_ms: 1_700_000_500_000, seen_ms: 1_700_000_650_000 },
    }
}

/// A row of every kind for the group.
pub(crate) fn batch(group: GroupKey) -> Batch {
    let mut batch = Batch::default();
    batch.push(group, transition());
    batch.presentations.push(Presentation { group, partition: partition(0x10), user: tag(0x31), at_ms: 77 });
    batch.walk = Some(walk_record());
    batch.pool = super::pool::batch(group.as_bytes()[0]);
    batch.arrangements = super::arrangements::batch(group.as_bytes()[0]);
    batch
}

/// A batch that appends one message of one byte.
pub(crate) fn append(group: GroupKey, partition: MaskedPartitionKey, index: u32) -> Batch {
    Batch { entries: vec![(group, partition, index, entry(index.into(), 1))], ..Batch::default() }
}

/// Every row that the batch wrote is there, with its content.
///
/// # Correctness
/// A batch is taken apart field by field: a new kind of row does not compile until it is looked for.
pub(crate) fn assert_holds(snapshot: &dyn Snapshot, batch: &Batch) {
    let Batch {
        groups,
        reservations,
        partitions,
        announced,
        unannounced,
        heads,
        entries,
        repeats,
        trimmed,
        emptied,
        given_up,
        forgotten_receipts,
        blobs,
        checkpoints,
        owners,
        proposals,
        blob_counts,
        welcomes,
        outgoing,
        dispatches,
        budgets,
        timers,
        cleared_timers,
        subscribed,
        followed,
        kept,
        let_go,
        presentations,
        forgotten,
        forked,
        not_forked,
        removed,
        walk,
        pool,
        arrangements,
        bytes: _,
    } = batch;
    for (group, record) in groups {
        assert_eq!(snapshot.group(group).unwrap().as_ref(), Some(&**record));
    }
    for (group, record) in reservations {
        assert_eq!(snapshot.reservation(group).unwrap(), *record);
    }
    for ((group, key), record) in partitions {
        assert_eq!(snapshot.partition(group, key).unwrap().as_ref(), Some(&**record));
    }
    for (group, key) in announced {
        assert!(snapshot.announced(key, 1000).unwrap().contains(group), "{group:?} {key:?}");
    }
    for (group, key) in unannounced {
        assert!(!snapshot.announced(key, 1000).unwrap().contains(group), "{group:?} {key:?}");
    }
    for ((group, epoch, key), is_head) in heads {
        assert_eq!(snapshot.heads(group, *epoch, 1000).unwrap().contains(key), *is_head, "{group:?} {key:?}");
    }
    for (group, key, index, entry) in entries {
        let page = snapshot.messages(group, key, *index, 0).unwrap();
        assert_eq!(page.entries, [(*index, entry.clone())]);
    }
    for ((group, key, repeat), receipt) in repeats {
        assert_eq!(snapshot.repeat(group, key, repeat).unwrap(), Some(*receipt));
    }
    for (group, key, _, until) in trimmed {
        let page = snapshot.messages(group, key, 0, u64::MAX).unwrap();
        assert!(page.entries.iter().all(|(index, _)| index >= until), "{group:?} {key:?}");
    }
    for (group, key) in emptied {
        let presentations = snapshot.presentations(None, 1000).unwrap();
        assert!(!presentations.iter().any(|((of, partition, _), _)| of == group && partition == key));
    }
    for (group, key) in given_up {
        assert_eq!(snapshot.checkpoint(group, key).unwrap(), None);
        assert_eq!(snapshot.owner_changes(group, key).unwrap(), None);
    }
    for (group, key) in forgotten_receipts {
        let receipts = snapshot.receipts_of_group(group, None, 1000).unwrap();
        assert!(receipts.iter().all(|(known, _)| known != key));
    }
    for (group, blob) in blobs {
        let is_gone = blob_counts.get(&(*group, blob.key)) == Some(&0);
        let expected = (!is_gone).then_some(&blob.bytes);
        assert_eq!(snapshot.blob(group, &blob.key).unwrap().as_ref(), expected);
    }
    for ((group, blob), count) in blob_counts {
        assert_eq!(snapshot.blob_count(group, blob).unwrap(), *count);
        assert!(*count > 0 || snapshot.blob(group, blob).unwrap().is_none(), "nothing refers to it");
    }
    if let Some(walk) = walk {
        assert_eq!(snapshot.walk().unwrap().as_ref(), Some(walk));
    }
    for ((group, key), expected) in checkpoints {
        assert_eq!(snapshot.checkpoint(group, key).unwrap().as_ref(), Some(expected));
        assert_eq!(snapshot.owners(group, key).unwrap().as_ref(), Some(&expected.owners));
    }
    for ((group, key), expected) in owners {
        assert_eq!(snapshot.owner_changes(group, key).unwrap().as_ref(), Some(expected));
    }
    for ((group, key, reference), index) in proposals {
        assert_eq!(snapshot.proposal(group, key, reference).unwrap(), Some(*index));
    }
    for (group, welcome) in welcomes {
        let is_gone = outgoing.get(&(*group, welcome.name)).is_some_and(Option::is_none);
        let expected = (!is_gone).then_some(&welcome.data);
        assert_eq!(snapshot.welcome(group, &welcome.name).unwrap().as_ref(), expected);
    }
    for ((group, name), record) in outgoing {
        assert_eq!(snapshot.outgoing(group, name).unwrap(), *record);
        if record.is_none() {
            assert_eq!(snapshot.welcome(group, name).unwrap(), None, "gone with its record");
        }
    }
    for ((group, key), record) in dispatches {
        assert_eq!(snapshot.dispatch(group, key).unwrap(), *record);
    }
    for ((provider, group), usage) in budgets {
        assert_eq!(snapshot.budget(provider, group).unwrap(), *usage);
    }
    let due = snapshot.due(u64::MAX, 1000).unwrap();
    assert!(timers.iter().all(|timer| due.contains(timer)), "{due:?}");
    assert!(cleared_timers.iter().all(|timer| timers.contains(timer) || !due.contains(timer)), "{due:?}");
    for ((provider, group, key), is_subscribed) in subscribed {
        let places = snapshot.subscribed(provider, None, 1000).unwrap();
        assert_eq!(places.contains(&(*group, *key)), *is_subscribed, "{provider} {group:?} {key:?}");
    }
    for ((group, key), record) in followed {
        assert_eq!(snapshot.followed(group, key).unwrap(), *record);
        assert_eq!(snapshot.followed_of(group, 1000).unwrap().contains(key), record.is_some());
    }
    for (group, key, message) in kept {
        let found = snapshot.kept(group, key, message.index, 0).unwrap();
        assert_eq!(found.first(), Some(message));
    }
    for (group, key, first_index) in let_go {
        let found = snapshot.kept(group, key, 0, u64::MAX).unwrap();
        assert!(found.iter().all(|message| message.index >= *first_index));
    }
    for group in not_forked {
        assert!(!snapshot.forked(None, 1000).unwrap().contains(group), "{group:?}");
    }
    for group in forked {
        assert!(snapshot.forked(None, 1000).unwrap().contains(group), "{group:?}");
    }
    for (group, key, user) in forgotten {
        assert_eq!(snapshot.presented(group, key, user).unwrap(), None);
    }
    for row in presentations {
        assert_eq!(snapshot.presented(&row.group, &row.partition, &row.user).unwrap(), Some(row.at_ms));
    }
    for (group, key) in removed {
        assert_eq!(snapshot.partition(group, key).unwrap(), None);
    }
    super::pool::assert_holds(snapshot, pool);
    super::arrangements::assert_holds(snapshot, arrangements);
}
