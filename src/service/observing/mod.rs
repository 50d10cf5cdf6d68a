//! Following the public state of groups whose handshakes are public (specs/protocol.md F10, S16 to S18).
//!
//! A commit is looked at before its command is queued, from what does not change any more: the state of the partition in
//! which it is to stand, and the proposals there. States are derived, never stored as such: from checkpoints, by following
//! the commits since; what was needed last is at hand, within a bound. What is small is done where the request is, what is
//! large on threads that give way to all others, by few at once. A commit waits for it no longer than a moment: then it is sequenced as it is, and looked at later. It must never
//! be refused because nobody could look, or could not follow.
//!
//! Messages other than public commits, and groups whose beginning shows nothing, are not looked at.

mod background;
mod cache;
mod derive;
mod follow;
mod known;
mod late;
mod leaves;
mod look;
mod origin;
mod turns;

use std::{sync::Arc, time::Duration};

use mls_rs_codec::MlsDecode;
use restante_process::metrics::Counted;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::tally::Lookup;

use self::{
    background::Background,
    cache::Cache,
    derive::Deriving,
    known::Known,
    leaves::UserLeaves,
    origin::Origin,
    turns::{Turn, Turns, Whose},
};
pub use late::Late;

use super::{Error, Service};
use crate::{
    mls::WireRatchetTree,
    sequencer::{Checkpointed, Command, GroupKey, UserTag},
    store::{self, Snapshot},
    wire::MaskedPartitionKey,
};

/// Bounds of looking at public states.
#[derive(Clone, Copy, Debug)]
pub struct ObservingLimits {
    /// How many states may be worked at once that are not small. Each takes a processor while it lasts.
    pub at_once: usize,
    /// How many bytes of states are kept at hand.
    pub states_bytes_max: usize,
    /// How long a commit waits for being looked at. Without any time it is looked at afterwards.
    pub wait: Duration,
    /// How long it waits when it is refused otherwise, because its GroupInfo comes without a tree.
    pub tree_wait: Duration,
}

impl Default for ObservingLimits {
    fn default() -> Self {
        Self {
            at_once: 1,
            states_bytes_max: 128 * 1024 * 1024,
            wait: Duration::from_secs(1),
            tree_wait: Duration::from_secs(10),
        }
    }
}

/// What is at hand and under way.
pub(super) struct Standing<'a> {
    pub(super) states: usize,
    pub(super) bytes: usize,
    pub(super) lookups: &'a Counted<Lookup>,
    /// By what they are for.
    pub(super) turns_taken: [(&'static str, u64); 3],
}

/// How long bookkeeping waits for its turn, which delays nobody.
const PATIENCE: Duration = Duration::from_secs(60);

/// As many small states are worked at once, beside the others: each takes less than a millisecond.
const SMALL_AT_ONCE: usize = 4;

/// States at hand, and who may work at which.
pub(super) struct Observing {
    cache: Cache,
    limits: ObservingLimits,
    turns: Turns,
    small: Turns,
    /// Of creations, whose trees are looked at in any case.
    trees: Turns,
    background: Background,
}

impl Observing {
    pub(super) fn start(limits: ObservingLimits) -> Result<Self, Error> {
        Ok(Self {
            cache: Cache::new(limits.states_bytes_max),
            limits,
            turns: Turns::new(limits.at_once),
            small: Turns::new(SMALL_AT_ONCE),
            trees: Turns::new(limits.at_once),
            background: Background::start(2 * limits.at_once + SMALL_AT_ONCE)?,
        })
    }

    /// Ends the threads. Blocks until they have done what they are at.
    pub(super) fn finish(&self) {
        self.background.finish();
    }

    /// What is at hand and under way, in numbers.
    pub(super) fn standing(&self) -> Standing<'_> {
        let (states, bytes) = self.cache.standing();
        let turns = [("small", &self.small), ("large", &self.turns), ("tree", &self.trees)];
        let turns_taken = turns.map(|(kind, turns)| (kind, turns.taken() as u64));
        Standing { states, bytes, lookups: self.cache.lookups(), turns_taken }
    }

    /// How many bytes of states are at hand.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.cache.bytes()
    }
}

/// What came of asking for a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpointing {
    /// The partition's state has one.
    Kept,
    /// It has no state, and never will, or none that can be had yet.
    Unobservable,
}

impl Service {
    /// Sees to it that the public state of a partition's epoch has a checkpoint: then nothing that stands in the partitions
    /// above is needed for it any more.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when too much else is to be done, or what the store and the lane say: it may be asked again.
    pub async fn checkpoint(
        self: &Arc<Self>,
        group: GroupKey,
        partition: MaskedPartitionKey,
    ) -> Result<Checkpointing, Error> {
        let save = |known: &Known| (known.digest, known.save());
        let (mut known, was_late) = self.derive(group, partition, PATIENCE, save).await?;
        if was_late {
            // Somebody else may have looked late as well, and the lane has recorded what one of the two saw: what is kept
            // follows from that.
            (known, _) = self.derive(group, partition, PATIENCE, save).await?;
        }
        let Some((digest, checkpoint)) = known else { return Ok(Checkpointing::Unobservable) };
        let command = Checkpointed { partition, digest, checkpoint };
        self.lanes.submit(group, Command::Checkpoint(Box::new(command)), None).await?;
        Ok(Checkpointing::Kept)
    }

    /// The tree of a partition's epoch; `None` when the hub cannot infer it.
    ///
    /// # Errors
    /// As [`Service::checkpoint`].
    pub async fn inferred_tree(
        self: &Arc<Self>,
        group: GroupKey,
        partition: MaskedPartitionKey,
    ) -> Result<Option<WireRatchetTree>, Error> {
        let wait = self.observing.limits.tree_wait;
        let tree = self.find_out(group, partition, wait, |known| known.state.export_tree()).await?;
        let tree = tree.map(|tree| WireRatchetTree::mls_decode_exhaustive(&tree)).transpose();
        tree.map_err(|_| Error::Store(store::Error::Corrupt("tree")))
    }

    /// About how many bytes the public state of a partition's epoch has: no less than its tree. As
    /// [`Service::inferred_tree`].
    pub(super) async fn state_weight(
        self: &Arc<Self>,
        group: GroupKey,
        partition: MaskedPartitionKey,
    ) -> Result<Option<u64>, Error> {
        let wait = self.observing.limits.tree_wait;
        self.find_out(group, partition, wait, |known| known.weight() as u64).await
    }

    /// Looks at the next partition that nobody had time to look at, as soon as there is one.
    ///
    /// # Errors
    /// As [`Service::checkpoint`]. It is found out by whoever needs it.
    pub async fn catch_up(self: &Arc<Self>) -> Result<(), Error> {
        let (group, partition) = self.errands.late.next().await;
        self.find_out(group, partition, PATIENCE, |_| ()).await.map(drop)
    }

    /// Derives a state, and says of it what is wanted. What was found out on the way is kept.
    async fn find_out<T: Send + 'static>(
        self: &Arc<Self>,
        group: GroupKey,
        partition: MaskedPartitionKey,
        wait: Duration,
        wanted: impl FnOnce(&Known) -> T + Send + 'static,
    ) -> Result<Option<T>, Error> {
        self.derive(group, partition, wait, wanted).await.map(|(found, _)| found)
    }

    /// The same, and whether something was found out on the way that was not recorded.
    async fn derive<T: Send + 'static>(
        self: &Arc<Self>,
        group: GroupKey,
        partition: MaskedPartitionKey,
        wait: Duration,
        wanted: impl FnOnce(&Known) -> T + Send + 'static,
    ) -> Result<(Option<T>, bool), Error> {
        let turn = self.observing.turns.take(Whose::default(), wait).await.ok_or(Error::Overloaded)?;
        let (found, late) = self
            .work(turn, move |service, snapshot| {
                let mut deriving = service.deriving(snapshot, group);
                let derived = deriving.state(&partition)?;
                Ok((derived.map(|derived| wanted(&derived.known)), deriving.late))
            })
            .await?;
        let was_late = !late.is_empty();
        for observe in late {
            self.lanes.submit(group, Command::Observe(Box::new(observe)), None).await?;
        }
        Ok((found, was_late))
    }

    /// What would be noted of a partition, and of those above it, if somebody looked late now.
    #[cfg(test)]
    pub(super) fn late_notes(
        &self,
        group: GroupKey,
        partition: &MaskedPartitionKey,
    ) -> Result<Vec<crate::sequencer::Observe>, store::Error> {
        let snapshot = self.store.snapshot()?;
        let mut deriving = self.deriving(&*snapshot, group);
        deriving.state(partition)?;
        Ok(deriving.late)
    }

    fn deriving<'a>(&'a self, snapshot: &'a dyn Snapshot, group: GroupKey) -> Deriving<'a> {
        Deriving { snapshot, group, cache: &self.observing.cache, hub: &self.provider, late: Vec::new() }
    }

    /// Does something in the background that takes a turn, to its end, whether or not somebody still waits for it.
    async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        turn: Turn,
        work: impl FnOnce(&Self, &dyn Snapshot) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let service = self.clone();
        let working = self.observing.background.spawn(move || service.work_here(turn, work));
        working.await.map_err(|_| Error::ShuttingDown)?
    }

    /// The same for what takes no longer than it takes to wake two threads: this one does it, and leaves what else it has
    /// to do to another.
    async fn work_briefly<T: Send + 'static>(
        self: &Arc<Self>,
        turn: Turn,
        work: impl FnOnce(&Self, &dyn Snapshot) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, Error> {
        match Handle::current().runtime_flavor() {
            RuntimeFlavor::MultiThread => tokio::task::block_in_place(|| self.work_here(turn, work)),
            _ => self.work(turn, work).await,
        }
    }

    fn work_here<T>(
        &self,
        turn: Turn,
        work: impl FnOnce(&Self, &dyn Snapshot) -> Result<T, store::Error>,
    ) -> Result<T, Error> {
        let done = self.store.snapshot().and_then(|snapshot| work(self, &*snapshot));
        drop(turn);
        done.map_err(Error::Store)
    }

    /// The leaves of a user in one group, to be looked for in the epochs of a branch one after the other.
    pub(super) fn leaves_of<'a>(
        &'a self,
        snapshot: &'a dyn Snapshot,
        group: GroupKey,
        user: UserTag,
    ) -> UserLeaves<'a> {
        UserLeaves { snapshot, group, cache: &self.observing.cache, user, last: None }
    }
}
