//! A lane: the one writer of its groups.
//!
//! It takes everything that has queued, decides it command by command, commits the transitions as one synced batch and
//! then answers, wakes readers and starts again. While the disk syncs, the next batch gathers: this is the group
//! commit that makes sixty-four senders cost little more than one.

use std::{cell::RefCell, sync::Arc};

use restante_process::Stopwatch;
use tokio::sync::{mpsc, oneshot};

use super::{
    Clock, Errands, Error, Shared, SharedPolicy, Waiters,
    arrangements::Arrangements,
    current,
    ledger::Ledger,
    memory::Memory,
    pool_desk::{Desk, PoolOutcome, PoolTask},
    tally::{BatchEnd, Decision, LaneKind, Tally},
    view::LaneView,
};
use crate::{
    pool,
    sequencer::{
        Command, FollowedChange, GroupKey, Outcome, Policy, Refusal, State, Undelivered, UnixMillis, Usage, sequence,
    },
    store::{self, Batch, Presentation, SharedStore, Snapshot},
    wire::ServiceProviderId,
};

/// How many commands one batch takes.
const BATCH_COMMANDS_MAX: usize = 512;
/// How many bytes of messages and what comes with them one batch takes.
pub(super) const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;
/// After so many milliseconds of deciding a batch takes nothing more: those who came first have waited enough.
const BATCH_MS_MAX: UnixMillis = 20;
/// How often a batch is computed again because somebody else wrote.
const CONFLICTS_MAX: usize = 3;

/// Something to do, and who waits for it.
pub(super) struct Job {
    pub(super) task: Task,
    pub(super) answer: Option<oneshot::Sender<Result<Done, Error>>>,
}

/// What a lane carries out.
pub(super) enum Task {
    /// About a group.
    Group(GroupTask),
    /// About KeyPackages and tokens, on the one lane that has them.
    Pool(PoolTask),
}

/// Something about a group.
pub(super) struct GroupTask {
    pub(super) group: GroupKey,
    /// Nothing when only the presentation is to be written.
    pub(super) command: Option<Command>,
    /// That a local user presented a key, written with the command if it is accepted.
    pub(super) presentation: Option<Presentation>,
}

/// What came of a task.
#[derive(Debug)]
pub(super) enum Done {
    Group(Outcome),
    Pool(PoolOutcome),
}

/// What lanes share.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) store: SharedStore,
    pub(super) policy: SharedPolicy,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) waiters: Arc<Waiters>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) errands: Arc<Errands>,
    pub(super) pool_policy: Shared<pool::Policy>,
    pub(super) arrangements: Arc<Arrangements>,
    pub(super) tally: Arc<Tally>,
}

pub(super) struct Lane {
    kind: LaneKind,
    surroundings: Surroundings,
    memory: Memory,
    meters: RefCell<pool::Meters>,
    queue: mpsc::Receiver<Job>,
}

/// A decided prefix of the queued jobs.
struct Decided {
    batch: Batch,
    /// One for each job of the prefix.
    outcomes: Vec<Result<Done, Error>>,
    /// What the ledger was told, to be taken back if the batch does not become durable.
    ledger_changes: Vec<LedgerChange>,
}

/// What the ledger is told of a command.
enum LedgerChange {
    /// A provider's usage in one group before and after.
    Used { provider: ServiceProviderId, before: Usage, after: Usage },
    /// What a provider submitted for dispatch.
    Posted(ServiceProviderId, Undelivered),
    /// What of that needs no dispatch any more.
    Settled(ServiceProviderId, Undelivered),
    /// A partition at another hub is followed that was not.
    Followed,
    /// One is not any more.
    Unfollowed,
}

impl LedgerChange {
    fn make(&self, ledger: &Ledger) {
        match self {
            Self::Used { provider, before, after } => ledger.replace(provider, *before, *after),
            Self::Posted(submitter, more) => ledger.post(submitter, *more),
            Self::Settled(submitter, less) => ledger.settle(submitter, *less),
            Self::Followed => ledger.follow(),
            Self::Unfollowed => ledger.unfollow(),
        }
    }

    fn take_back(&self, ledger: &Ledger) {
        match self {
            Self::Used { provider, before, after } => ledger.replace(provider, *after, *before),
            Self::Posted(submitter, more) => ledger.settle(submitter, *more),
            Self::Settled(submitter, less) => ledger.post(submitter, *less),
            Self::Followed => ledger.unfollow(),
            Self::Unfollowed => ledger.follow(),
        }
    }
}

impl Lane {
    pub(super) fn new(kind: LaneKind, surroundings: Surroundings, queue: mpsc::Receiver<Job>) -> Self {
        let meters = RefCell::new(pool::Meters::new(&current(&surroundings.pool_policy)));
        Self { kind, surroundings, memory: Memory::new(), meters, queue }
    }

    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let mut jobs = Vec::with_capacity(BATCH_COMMANDS_MAX);
        while self.queue.blocking_recv_many(&mut jobs, BATCH_COMMANDS_MAX) > 0 {
            while !jobs.is_empty() {
                let outcomes = self.work(&jobs);
                for (job, outcome) in jobs.drain(..outcomes.len()).zip(outcomes) {
                    if let Some(answer) = job.answer {
                        // Whoever asked may have gone away: what was decided stands all the same.
                        drop(answer.send(outcome));
                    }
                }
            }
        }
    }

    /// Decides and commits a prefix of the jobs, at least one. Returns their outcomes.
    fn work(&self, jobs: &[Job]) -> Vec<Result<Done, Error>> {
        let watch = Stopwatch::start();
        let tally = self.surroundings.tally.lane(self.kind);
        for _attempt in 0..CONFLICTS_MAX {
            let decided = self.decide(jobs);
            match self.surroundings.store.commit(&decided.batch) {
                Ok(()) => {
                    self.settle(decided.batch);
                    let commands = decided.outcomes.len();
                    let refused = decided.outcomes.iter().filter(|outcome| outcome.is_err()).count();
                    let duration_us = watch.micros().unwrap_or_default();
                    tally.batches.add(BatchEnd::Durable);
                    tally.commands.record(commands as u64);
                    tally.micros.record(duration_us);
                    tally.decisions.add_many(Decision::Done, (commands - refused) as u64);
                    tally.decisions.add_many(Decision::Refused, refused as u64);
                    tracing::trace!(commands, refused, duration_us, "batch committed");
                    return decided.outcomes;
                }
                Err(store::Error::Conflict) => {
                    tally.batches.add(BatchEnd::Conflict);
                    self.take_back(&decided);
                }
                Err(error) => {
                    tally.batches.add(BatchEnd::Failed);
                    self.take_back(&decided);
                    if !matches!(error, store::Error::Poisoned | store::Error::Damaged(_)) {
                        tracing::error!(%error, "a write failed: no more writes until the next start");
                    }
                    // Also to whom a refusal was meant: it may rest on what came before it in the batch.
                    return decided.outcomes.iter().map(|_| Err(Error::Store(error.clone()))).collect();
                }
            }
        }
        jobs.iter().map(|_| Err(Error::Overloaded)).collect()
    }

    fn decide(&self, jobs: &[Job]) -> Decided {
        let policy = current(&self.surroundings.policy);
        let now = self.surroundings.clock.now();
        let mut decided =
            Decided { batch: Batch::default(), outcomes: Vec::with_capacity(jobs.len()), ledger_changes: Vec::new() };
        let snapshot = match self.surroundings.store.snapshot() {
            Ok(snapshot) => snapshot,
            Err(error) => {
                decided.outcomes = jobs.iter().map(|_| Err(Error::Store(error.clone()))).collect();
                return decided;
            }
        };
        for job in jobs {
            let outcome = match &job.task {
                Task::Group(task) => self.decide_one(task, &mut decided, &*snapshot, &policy, now).map(Done::Group),
                // Nobody is there any more to take what would be handed out. Commands about groups go on: asking
                // again, they would be found done.
                Task::Pool(PoolTask::Fetch(..)) if job.answer.as_ref().is_some_and(oneshot::Sender::is_closed) => {
                    Err(Error::Overloaded)
                }
                Task::Pool(task) => self.decide_pool(task, &mut decided, &*snapshot, &policy, now).map(Done::Pool),
            };
            decided.outcomes.push(outcome);
            let is_full = decided.batch.bytes > BATCH_BYTES_MAX
                || self.surroundings.clock.now().saturating_sub(now) > BATCH_MS_MAX;
            // A removed partition may be opened again at once: not in the batch that removes it.
            if is_full || decided.batch.removes() {
                break;
            }
        }
        decided
    }

    fn decide_one(
        &self,
        task: &GroupTask,
        decided: &mut Decided,
        snapshot: &dyn Snapshot,
        policy: &Policy,
        now: UnixMillis,
    ) -> Result<Outcome, Error> {
        let mut outcome = Outcome::Done;
        if let Some(command) = &task.command {
            let ledger = &self.surroundings.ledger;
            let view = LaneView { group: task.group, batch: &decided.batch, memory: &self.memory, snapshot, ledger };
            let transition = sequence(&view, command, policy, now).map_err(|refusal| match refusal {
                Refusal::Rejected(rejection) => Error::Rejected(rejection),
                Refusal::State(error) => Error::Store(error),
            })?;
            view.forget_bent(&transition)?;
            let mut changes = Vec::new();
            for (provider, after) in &transition.budgets {
                let before = view.budget(provider)?.in_group;
                changes.push(LedgerChange::Used { provider: provider.clone(), before, after: *after });
            }
            changes.extend(transition.posted.iter().cloned().map(|(whose, more)| LedgerChange::Posted(whose, more)));
            changes.extend(transition.settled.iter().cloned().map(|(whose, less)| LedgerChange::Settled(whose, less)));
            for (partition, change) in &transition.followed {
                changes.extend(match (view.followed(partition)?, change) {
                    (None, FollowedChange::Put { .. }) => Some(LedgerChange::Followed),
                    (Some(_), FollowedChange::Gone) => Some(LedgerChange::Unfollowed),
                    (None, FollowedChange::Gone) | (Some(_), FollowedChange::Put { .. }) => None,
                });
            }
            for change in &changes {
                change.make(ledger);
            }
            decided.ledger_changes.extend(changes);
            outcome = transition.outcome;
            decided.batch.push(task.group, transition);
        }
        decided.batch.presentations.extend(task.presentation);
        Ok(outcome)
    }

    fn decide_pool(
        &self,
        task: &PoolTask,
        decided: &mut Decided,
        snapshot: &dyn Snapshot,
        policy: &Policy,
        now: UnixMillis,
    ) -> Result<PoolOutcome, Error> {
        let Surroundings { store, pool_policy, arrangements, .. } = &self.surroundings;
        let pool_policy = &*current(pool_policy);
        let mut meters = self.meters.borrow_mut();
        meters.set_rates(pool_policy);
        let (secret, bans) = (store.token_secret(), &policy.bans);
        let desk = Desk { secret, policy: pool_policy, meters: &mut meters, arrangements, bans, snapshot, now };
        desk.carry_out(task, &mut decided.batch)
    }

    /// After a batch that did not become durable: nothing of it is remembered.
    fn take_back(&self, decided: &Decided) {
        self.memory.forget();
        for change in decided.ledger_changes.iter().rev() {
            change.take_back(&self.surroundings.ledger);
        }
    }

    /// After the commit: what is arranged holds, readers are woken, the courier is called, and the records kept at hand.
    fn settle(&self, batch: Batch) {
        let Surroundings { waiters, errands, arrangements, policy, .. } = &self.surroundings;
        arrangements.adopt(&batch.arrangements, policy);
        if batch.dispatches.values().any(Option::is_some) {
            errands.welcomes.notify_one();
        }
        for (place, _) in batch.partitions.iter().filter(|(_, record)| record.unobserved) {
            errands.late.note(*place);
        }
        for (group, partition, _, _) in &batch.entries {
            waiters.wake(group, partition);
            let record = batch.partitions.get(&(*group, *partition));
            for subscription in record.iter().flat_map(|record| &record.subscriptions) {
                errands.pushes.call(&subscription.provider, (*group, *partition));
            }
        }
        for ((provider, group, partition), _) in batch.subscribed.iter().filter(|(_, is_subscribed)| **is_subscribed) {
            errands.pushes.call(provider, (*group, *partition));
        }
        for (group, partition, _) in &batch.kept {
            waiters.wake(group, partition);
        }
        for (letter, _) in batch.pool.inbox.letters.iter().filter(|(_, row)| row.is_some()) {
            self.surroundings.waiters.wake_inbox(&letter.user, &letter.client);
        }
        self.memory.absorb(batch);
    }
}
