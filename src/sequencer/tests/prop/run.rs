//! A run: every operation done to the model and to the hub, and to the hub in batches.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        handmade::{self, Kind},
        invariants,
        memory::{Batch, Hub},
        notation::{START, partition_key, provider},
        *,
    },
    GROUPS, PARTITIONS, PROVIDERS, ROOT, ROOT_EPOCH,
    model::{Asked, Model, Verdict},
    operation::{Look, Operation, Place, Sending},
    policy,
};
use crate::{
    mls::{CipherSuite, EpochNumber, ProtocolVersion},
    wire::{
        CommitData, CreateGroupRequest, ExpectCommit, MaskedPartitionKey, SendRequest, ServiceProviderId, WelcomeData,
    },
};

pub(super) fn narrow(number: usize) -> u32 {
    number.try_into().unwrap()
}

pub(super) fn receipt(accepted_ms: UnixMillis, index: usize, commits_before: usize) -> Receipt {
    Receipt { accepted_ms, index: narrow(index), commits_before: narrow(commits_before) }
}

pub(super) fn masked(partition: u8) -> MaskedPartitionKey {
    partition_key(&partition.to_string()).masked()
}

pub(super) fn name(by: u8) -> ServiceProviderId {
    provider(PROVIDERS[usize::from(by)])
}

/// What a lane ends a batch with.
fn removes(transition: &Transition) -> bool {
    !transition.removed.is_empty()
        || !transition.trimmed.is_empty()
        || !transition.emptied.is_empty()
        || !transition.given_up.is_empty()
        || !transition.forgotten_receipts.is_empty()
        || transition.blob_counts.iter().any(|(_, count)| *count == 0)
}

/// The hub twice, and the model.
pub(super) struct Run {
    pub(super) policy: Policy,
    pub(super) now: UnixMillis,
    /// Every transition applied at once.
    pub(super) hub: Hub,
    /// Transitions applied in batches.
    batched: Hub,
    batch: Batch,
    pub(super) models: [Model; 2],
    accepted: Vec<(usize, Sending, u64)>,
    /// Groups whose rows may have changed since the invariants were looked at: these see nothing but rows.
    changed: BTreeSet<GroupKey>,
    /// How often what happened.
    pub(super) seen: BTreeMap<&'static str, u32>,
}

impl Run {
    pub(super) fn new() -> Self {
        let models = GROUPS.map(|_| Model::new(ROOT, ROOT_EPOCH, 0, START));
        let mut run = Self {
            policy: policy(),
            now: START,
            hub: Hub::default(),
            batched: Hub::default(),
            batch: Batch::new(),
            models,
            accepted: Vec::new(),
            changed: BTreeSet::new(),
            seen: BTreeMap::new(),
        };
        for group in GROUPS {
            let holder = UserTag([7; 16]);
            let request = CreateGroupRequest {
                group_id: group.into(),
                partition_key: partition_key(&ROOT.to_string()),
                version: ProtocolVersion::MLS10,
                cipher_suite: CipherSuite(handmade::SUITE),
                epoch: EpochNumber(ROOT_EPOCH),
                group_info: None,
                ratchet_tree: None,
                welcome_data: None,
            };
            let group = GroupKey::of(group.as_bytes());
            run.decide(group, &Command::Reserve(Reserve { holder })).unwrap();
            let mut create = Create::new(name(0), holder, request, [1; 32]);
            create.sight = run.look(group, None, Look::Seen(0, true), 0);
            run.decide(group, &Command::Create(Box::new(create))).unwrap();
        }
        run
    }

    pub(super) fn saw(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// Decides and applies, once at once and once in a batch.
    pub(super) fn decide(&mut self, group: GroupKey, command: &Command) -> Result<Transition, Rejection> {
        let one = self.hub.decide(&Batch::new(), group, command, &self.policy, self.now);
        let batched = self.batched.decide(&self.batch, group, command, &self.policy, self.now);
        assert_eq!(one, batched, "a decision does not depend on what is applied already");
        if let Ok(transition) = &one {
            self.changed.insert(group);
            self.hub.apply(vec![(group, transition.clone())]);
            self.batch.push((group, transition.clone()));
            // A lane ends its batch with a removal.
            if removes(transition) {
                self.flush();
            }
        }
        one
    }

    pub(super) fn flush(&mut self) {
        self.batched.apply(std::mem::take(&mut self.batch));
        assert_eq!(self.hub, self.batched, "batches come to the same");
    }

    pub(super) fn operate(&mut self, group: usize, operation: Operation) {
        let key = GroupKey::of(GROUPS[group].as_bytes());
        match operation {
            Operation::Send(sending) => self.send(group, sending, None),
            Operation::Join(joining) => self.join(group, joining),
            Operation::Again(ago, by) => {
                let Some(at) = self.accepted.len().checked_sub(ago + 1) else { return };
                let (group, sending, epoch) = self.accepted[at];
                // By anyone, whatever it expects and whatever GroupInfo comes with it.
                let sending = Sending { by, expects: Some(None), group_info: !sending.group_info, ..sending };
                self.send(group, sending, Some(epoch));
            }
            Operation::Present { partition, by } => {
                let partition = self.key(group, partition);
                let is_recorded = self.models[group].present(partition, by, &self.policy, self.now);
                let present = Present { provider: name(by), partition: masked(partition), given: None };
                let partitions = &self.hub.rows(&key).partitions;
                let releases = partitions.get(&masked(partition)).is_some_and(|record| !record.held.is_empty());
                let transition = self.decide(key, &Command::Present(present)).unwrap();
                assert_eq!(transition.is_unchanged(), !is_recorded && !releases);
                if releases {
                    let is_deleted = self.models[group].deleted.is_some();
                    assert_eq!(transition.dispatches.is_empty(), is_deleted, "nobody is led into what is no more");
                    assert_eq!(transition.outgoing.iter().any(|(_, record)| record.is_none()), is_deleted);
                    self.saw(if is_deleted { "dropped with its group" } else { "released by a receive" });
                }
            }
            Operation::Observe(partition, look) => self.observe(group, partition, look),
            Operation::Terminate(place) => {
                let top = self.key(group, place);
                let ends = self.models[group].terminate(top, self.now);
                let terminate = Terminate { partition: masked(top) };
                let transition = self.decide(key, &Command::Terminate(terminate)).unwrap();
                assert_eq!(transition.is_unchanged(), !ends);
                if ends {
                    self.saw("terminated");
                }
            }
            Operation::Restore(place) => {
                let top = self.key(group, place);
                let restores = self.models[group].restore(top, &self.policy, self.now);
                let restore = Restore { partition: masked(top) };
                let transition = self.decide(key, &Command::Restore(restore)).unwrap();
                assert_eq!(transition.is_unchanged(), !restores);
                if restores {
                    self.saw("restored");
                }
            }
            Operation::Wait(time) => self.now += time,
            Operation::Sweep => self.sweep(),
            Operation::Retain => self.retain(group),
            Operation::Hints => {
                for (partition, by) in (0..PARTITIONS).flat_map(|partition| [0, 1, 2].map(|by| (partition, by))) {
                    self.hints(group, partition, by);
                }
            }
            Operation::Flush => self.flush(),
        }
        self.check_invariants();
        self.compare(group);
    }

    fn check_invariants(&mut self) {
        for group in std::mem::take(&mut self.changed) {
            invariants::check(self.hub.rows(&group));
        }
    }

    /// What looking at a commit in that partition shows, or at the creation; `nonce` makes states differ.
    pub(super) fn look(&self, group: GroupKey, of: Option<&MaskedPartitionKey>, look: Look, nonce: u8) -> Sight {
        let rows = self.hub.rows(&group);
        let (by, saves) = match look {
            Look::Not => return Sight::NotLooked,
            Look::Unobservable => return Sight::Unobservable,
            Look::Elsewhere => (0, false),
            Look::Seen(by, saves) => (by, saves),
        };
        let before = of.and_then(|of| rows.all_owners(of)).unwrap_or_default();
        let leaf = before.roster().members;
        let owner = (by < 2).then(|| Owner { provider: name(by), user: None });
        let changes = OwnerChanges { removed: Vec::new(), placed: vec![Placed { leaf, owner }] };
        let owners = before.after(&changes);
        let known = of.and_then(|of| rows.partitions.get(of)).and_then(|partition| partition.public.as_ref());
        let applied_to = match look {
            Look::Elsewhere => Some(StateDigest([0xff; 32])),
            _ => known.map(|public| public.digest),
        };
        Sight::Seen(Box::new(Observation {
            applied_to,
            roster_before: of.map(|_| before.roster()),
            digest: StateDigest([nonce; 32]),
            tree_hash: TreeHash(vec![1]),
            roster: owners.roster(),
            group_info_fits: true,
            owners: changes,
            checkpoint: saves.then(|| Checkpoint { state: vec![0; 500].into(), owners }),
            committer: None,
            newcomers: Vec::new(),
            violations: Violations::default(),
        }))
    }

    fn observe(&mut self, group: usize, partition: Place, look: Look) {
        let (group, partition) = (GroupKey::of(GROUPS[group].as_bytes()), masked(self.key(group, partition)));
        let Some(record) = self.hub.rows(&group).partitions.get(&partition).cloned() else { return };
        let parent = record.parent;
        let sight = self.look(group, parent.as_ref().map(|parent| &parent.key), look, 0xfe);
        let observe = Observe { partition, parent, commit_bytes: 100, group_info: None, sight, lost: None };
        let transition = self.decide(group, &Command::Observe(Box::new(observe))).unwrap();
        if transition.is_unchanged() {
            return;
        }
        assert!(record.unobserved && !transition.partitions[0].1.unobserved);
        self.saw(if transition.owners.is_empty() { "unobservable" } else { "observed late" });
    }

    pub(super) fn key(&self, group: usize, place: Place) -> u8 {
        let model = &self.models[group];
        match place {
            Place::Key(key) => key,
            Place::Head => model.partitions.keys().copied().max_by_key(|key| model.epoch(*key)).unwrap_or(ROOT),
            Place::Unconnected => {
                let mut unconnected = model.partitions.keys().copied().filter(|key| model.epoch(*key).is_none());
                unconnected.next().unwrap_or(ROOT)
            }
            Place::Aside => {
                let mut aside = model.partitions.keys().copied().filter(|key| model.is_aside(*key));
                aside.next().unwrap_or(ROOT)
            }
            Place::Fresh => (0..PARTITIONS).find(|key| !model.partitions.contains_key(key)).unwrap_or(ROOT),
        }
    }

    fn send(&mut self, group: usize, sending: Sending, epoch: Option<u64>) {
        let Sending { kind, by, .. } = sending;
        let (partition, next) = (self.key(group, sending.partition), self.key(group, sending.next));
        let group_id = GROUPS[group].as_bytes();
        let known = self.models[group].epoch(partition);
        let epoch = epoch.unwrap_or(known.unwrap_or(ROOT_EPOCH) + sending.epoch_off);
        let message = handmade::message(kind, group_id, epoch, &sending.text.to_string(), sending.length);
        let commit_data = kind.is_commit().then(|| CommitData {
            next_partition_key: partition_key(&next.to_string()),
            group_info: sending
                .group_info
                .then(|| handmade::group_info(group_id, epoch + 1, handmade::SUITE, true, 300)),
            welcome_data: sending.welcome.then(|| WelcomeData {
                welcome: handmade::welcome(&["ref"], handmade::SUITE, 200),
                service_providers: vec![name(1)],
            }),
        });
        let asked = Asked {
            provider: by,
            partition,
            content: (
                u64::from_be_bytes(message.digest()[..8].try_into().unwrap()),
                kind.is_commit().then_some(next),
                kind.is_commit() && sending.welcome,
            ),
            presents: true,
            is_handshake: kind != Kind::Application,
            is_external: kind.is_external(),
            names_epoch: epoch,
            expects: sending.expects,
            has_group_info: sending.group_info,
            message_bytes: sending.length as u64,
            attached_bytes: if kind.is_commit() {
                300 * u64::from(sending.group_info) + 200 * u64::from(sending.welcome)
            } else {
                0
            },
        };
        let expect_commit = sending
            .expects
            .map(|expects| expects.map_or(ExpectCommit::None, |index| ExpectCommit::Index(narrow(index))));
        let request = SendRequest { message, partition_key: partition_key(&partition.to_string()), commit_data };
        let mut send = Send::new(name(by), request, expect_commit);
        send.sight = self.look(GroupKey::of(group_id), Some(&masked(partition)), sending.look, sending.text);
        let before = self.hub.clone();
        let used = self.models[group].used(by);
        let elsewhere = self.models[1 - group].used(by);
        let verdict = self.models[group].send(&asked, elsewhere, &self.policy, self.now);

        let outcome = self.decide(GroupKey::of(group_id), &Command::Send(Box::new(send.clone())));
        match (verdict, outcome) {
            (Verdict::Sequenced { at, index, commits_before }, Ok(transition)) => {
                let receipt = receipt(at, index, commits_before);
                assert_eq!(transition.outcome, Outcome::Sent(receipt));
                invariants::check_sent(&send, &transition, receipt);
                let sending = Sending { partition: Place::Key(partition), next: Place::Key(next), ..sending };
                self.accepted.push((group, sending, epoch));
                self.saw("sequenced");
                if !transition.owners.is_empty() {
                    self.saw("observed");
                }
                self.saw_change(&before, GroupKey::of(group_id), &transition);
                let now_used = self.models[group].used(by);
                if now_used != used && !self.models[group].used(by).minus(used).is_nothing() {
                    let used = now_used;
                    assert!(used.fits(self.policy.budget_in_group));
                    assert!(used.plus(elsewhere).fits(self.policy.budget_in_all));
                    self.saw("charged");
                }
            }
            (Verdict::Repeated { at, index, commits_before }, Ok(transition)) => {
                let receipt = receipt(at, index, commits_before);
                assert_eq!(transition, Transition::unchanged(Outcome::Sent(receipt)));
                assert_eq!(self.hub, before);
                self.saw("repeated");
            }
            (Verdict::Conflict, Err(Rejection::CommitConflict)) => {
                assert_eq!(self.hub, before);
                self.saw("conflict");
            }
            (Verdict::Terminated, Err(Rejection::BranchTerminated)) => {
                assert_eq!(self.hub, before);
                self.saw("refused on an ended branch");
            }
            (Verdict::OverBudget, Err(Rejection::RateLimited { .. })) => {
                assert_eq!(self.hub, before);
                self.saw("over budget");
            }
            (Verdict::Deleted, Err(Rejection::GroupDeleted)) => {
                assert_eq!(self.hub, before);
                self.saw("sent after the end");
            }
            (verdict, outcome) => panic!("the model says {verdict:?}, the sequencer {outcome:?}"),
        }
    }

    fn sweep(&mut self) {
        for (group, name) in GROUPS.into_iter().enumerate() {
            let key = GroupKey::of(name.as_bytes());
            // Timers are swept from what is durable.
            self.flush();
            let removed = self.models[group].age(&self.policy, self.now);
            let mut gone = 0;
            for _sweep in 0..100 {
                for expire in self.hub.due(&key, self.now) {
                    let transition = self.decide(key, &Command::Expire(expire)).unwrap();
                    gone += transition.removed.len();
                    if !transition.removed.is_empty()
                        && transition.partitions.iter().any(|(_, child)| child.is_orphan())
                    {
                        self.saw("orphan of an orphan");
                    }
                    assert!(transition.removed.is_empty() || transition.appends.is_empty());
                }
            }
            assert_eq!(gone, removed);
            if removed > 0 {
                self.saw("aged out");
            }
            self.compare(group);
        }
    }

    /// A walk of retention over the group, until nothing is left to be done.
    fn retain(&mut self, group: usize) {
        let key = GroupKey::of(GROUPS[group].as_bytes());
        self.flush();
        let before = self.hub.rows(&key).clone();
        for _step in 0..1000 {
            let derived = self.derived(group);
            self.models[group].retain(&derived, &self.policy, self.now);
            let mut changed = false;
            for command in self.hub.retention(key, &self.policy, self.now) {
                let transition = self.decide(key, &command).unwrap();
                changed |= !transition.is_unchanged();
                self.saw_retention(key, &transition);
                self.check_invariants();
            }
            if !changed {
                break;
            }
        }
        let after = self.hub.rows(&key);
        let is_over = after.group.as_ref().is_some_and(|group| group.is_tombstone());
        if is_over {
            assert!(after.partitions.is_empty() && after.entries.is_empty() && after.repeats.is_empty());
            assert!(after.blobs.is_empty() && after.heads.is_empty() && after.announced.is_empty());
            assert!(after.budgets.is_empty());
        }
        if is_over && !before.group.as_ref().is_some_and(|group| group.is_tombstone()) {
            self.saw("group removed");
        }
        self.compare(group);
    }

    /// The partitions whose public states are derived from what is above them, or may turn out to be.
    fn derived(&self, group: usize) -> Vec<u8> {
        let partitions = &self.hub.rows(&GroupKey::of(GROUPS[group].as_bytes())).partitions;
        let is_derived = |key: &u8| {
            partitions.get(&masked(*key)).is_some_and(|partition| {
                let public = partition.public.as_ref();
                partition.unobserved || public.is_some_and(|public| !public.replay.is_checkpoint())
            })
        };
        (0..PARTITIONS).filter(is_derived).collect()
    }

    fn saw_retention(&mut self, group: GroupKey, transition: &Transition) {
        let Some(Group { deleted_ms: None, .. }) = self.hub.rows(&group).group.as_deref() else {
            if transition.group.as_ref().is_some_and(|group| !group.is_tombstone()) {
                self.saw("group deleted");
            }
            return;
        };
        if let Outcome::Trimmed { is_emptied, .. } = transition.outcome {
            self.saw(if is_emptied { "emptied" } else { "trimmed" });
            if !transition.removed.is_empty() {
                self.saw("dead head");
            }
            if !transition.given_up.is_empty() {
                self.saw("public state given up");
            }
            if !transition.budgets.is_empty() {
                self.saw("given back by retention");
            }
            if transition.blob_counts.iter().any(|(_, count)| *count == 0) {
                self.saw("GroupInfo collected");
            }
        }
    }

    fn hints(&mut self, group: usize, partition: u8, by: u8) {
        let key = GroupKey::of(GROUPS[group].as_bytes());
        let rows = self.hub.rows(&key);
        let size = |of: u8| rows.partitions[&masked(of)].bytes;
        let model = &self.models[group];
        let expected = model.hints(partition, by, &self.policy, self.now, size);
        for hint in &expected {
            assert!(model.descends(*hint, partition) && model.partitions[hint].uses.contains_key(&by));
        }
        // The model knows no rosters.
        let everything = |claim, _: &MaskedPartitionKey| claim == Claim::Presented;
        let hints = self.hub.hints(key, &masked(partition), &name(by), everything, &self.policy, self.now);
        assert_eq!(hints, expected.iter().map(|key| masked(*key)).collect::<Vec<_>>());
        let is_later = hints.first().is_some_and(|hint| rows.partitions[&masked(partition)].children[0].key != *hint);
        // A user is given what that user showed, up to the first that is not.
        let first_only = |claim, key: &MaskedPartitionKey| claim == Claim::Presented && Some(key) == hints.first();
        let filtered = self.hub.hints(key, &masked(partition), &name(by), first_only, &self.policy, self.now);
        assert_eq!(filtered, hints.iter().copied().take(1).collect::<Vec<_>>());
        if hints.len() > 1 {
            self.saw("two hints");
        }
        if is_later {
            self.saw("hint of a later child");
        }
    }
}
