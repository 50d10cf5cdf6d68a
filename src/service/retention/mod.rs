//! Retention: a walk over everything that is kept, which removes what has had its time (specs/protocol.md §16).
//!
//! A walk goes on step by step, with a pause between; each step looks at a bounded number of rows in a snapshot, and what
//! is to be done is decided again on the group's lane. Where the walk stands is written now and then: after a crash some of
//! it is looked at twice. After a time in which nobody could come, nothing is removed for a while.

mod contents;
mod look;
mod place;
mod presence;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mls_rs_codec::{MlsDecode, MlsEncode};
use tokio::sync::Notify;

pub(in crate::service) use self::contents::contents;
use self::{
    look::{Look, Step},
    place::Place,
};
use super::{Checkpointing, Error, Service};
use crate::{
    sequencer::{Command, GroupKey, Outcome, UnixMillis},
    store::{self, Batch, Presence, Removed, Snapshot, Store, Walk},
    wire::MaskedPartitionKey,
};

/// How long after the beginning of one walk the next one begins.
const INTERVAL_MS: UnixMillis = 24 * 3_600_000;
/// The pause between two steps.
const PAUSE: Duration = Duration::from_millis(10);
/// After so many steps it is written where the walk stands.
const STEPS_UNWRITTEN: u32 = 64;

/// Where retention stands.
#[derive(Debug)]
pub(super) struct Retention {
    standing: Mutex<Standing>,
    /// Called when somebody wants a walk now.
    asked: Notify,
}

#[derive(Clone, Debug, Default)]
struct Standing {
    walk: Walk,
    place: Place,
    /// Whether a walk is to begin whenever the last one was.
    is_asked_for: bool,
    /// Steps since it was written.
    unwritten: u32,
    /// The partition that a checkpoint was last asked for.
    awaited: Option<(GroupKey, MaskedPartitionKey)>,
    /// What was written of how long the hub has been there.
    presence: Presence,
}

/// When there is something to do again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The next step, after a pause.
    Step(Duration),
    /// The next walk, or a look whether it may begin, unless one is asked for before.
    Walk(Duration),
}

/// How far retention has come: numbers only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionStatus {
    /// When the walk began that is under way.
    pub started_ms: Option<UnixMillis>,
    /// What it has looked at and removed so far.
    pub removed: Removed,
    /// When the last walk began that came to its end.
    pub last_started_ms: UnixMillis,
    /// When it ended; 0 when none did.
    pub last_ended_ms: UnixMillis,
    /// What it had looked at and removed.
    pub last_removed: Removed,
    /// Until when nothing is removed, because the hub was not there, or its clock leapt.
    pub rests_until_ms: Option<UnixMillis>,
}

impl Retention {
    /// Goes on where the last process was.
    pub(super) fn load(store: &dyn Store) -> Result<Self, store::Error> {
        let walk = store.snapshot()?.walk()?.unwrap_or_default();
        let place = match walk.started_ms {
            Some(_) => {
                Place::mls_decode_exhaustive(&walk.place).map_err(|_| store::Error::Corrupt("place of retention"))?
            }
            None => Place::default(),
        };
        let presence = walk.presence;
        let standing = Standing { walk, place, presence, ..Standing::default() };
        Ok(Self { standing: Mutex::new(standing), asked: Notify::new() })
    }

    /// As if the clock had been looked at each day until now.
    #[cfg(test)]
    pub(super) fn was_there(&self, now: UnixMillis) {
        self.lock().walk.presence.seen_ms = now;
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    /// Looks at the clock, and begins a walk, if it is time. Returns where the one stands that is under way, if nothing
    /// keeps it from going on, and else for how long there is nothing to do.
    fn begin(&mut self, now: UnixMillis) -> Result<Place, Duration> {
        self.walk.presence = presence::seen(self.walk.presence, now);
        if let Some(rest) = presence::rest(self.walk.presence) {
            return Err(rest.min(Duration::from_millis(INTERVAL_MS)));
        }
        if self.walk.started_ms.is_none() {
            let due_ms = self.walk.last_started_ms.saturating_add(INTERVAL_MS);
            // A clock that was put back must not keep retention waiting.
            let is_due = self.walk.last_ended_ms == 0 || now >= due_ms || now < self.walk.last_started_ms;
            if !is_due && !self.is_asked_for {
                return Err(Duration::from_millis(due_ms - now));
            }
            self.is_asked_for = false;
            self.place = Place::default();
            self.walk = Walk { started_ms: Some(now), removed: Removed::default(), ..self.walk.clone() };
        }
        Ok(self.place)
    }

    /// Ends the walk.
    fn end(&mut self, now: UnixMillis) {
        let started_ms = self.walk.started_ms.take().unwrap_or(now);
        self.walk.last_started_ms = started_ms;
        self.walk.last_ended_ms = now;
        self.walk.last_removed = self.walk.removed;
        self.place = Place::default();
        self.awaited = None;
    }
}

impl Service {
    /// Does a step of the walk that is under way, or begins one when it is time. There is one caller.
    ///
    /// # Errors
    /// When something could not be read or written: the same step is done again the next time. What is no row at all is
    /// counted and passed over.
    pub async fn retain(self: &Arc<Self>) -> Result<Next, Error> {
        let (place, written, presence) = {
            let mut standing = self.retention.lock();
            (standing.begin(self.now()), standing.presence, standing.walk.presence)
        };
        let place = match place {
            Ok(place) => place,
            Err(rest) => {
                if presence::is_news(written, presence) {
                    let walk = self.retention.lock().written()?;
                    self.write_walk(walk).await?;
                }
                return Ok(Next::Walk(rest));
            }
        };
        let (policy, now, may_end_groups) = (self.policy(), self.now(), presence::may_end_groups(presence));
        let look = move |snapshot: &dyn Snapshot| {
            Look { snapshot, policy: &policy, now, may_end_groups }.step(place).map_err(Error::Store)
        };
        let Step { commands, awaited, next, again, looked } = self.read_elsewhere(look).await?;
        let (mut removed, mut has_removed) = (looked, false);
        if let Some(place) = awaited {
            // Once: one that is made and does not help is no reason to stay here.
            let is_new = self.retention.lock().awaited.replace(place) != Some(place);
            has_removed = is_new && self.has_checkpoint(place).await;
        }
        #[cfg(feature = "faults")]
        let is_step = !commands.is_empty();
        #[cfg(feature = "faults")]
        if is_step {
            restante_faults::pass(restante_faults::Point::RetentionAfterReading);
        }
        for (group, command) in commands {
            match self.carry_out(group, command, &mut removed).await {
                Err(Error::Store(store::Error::Corrupt(_))) => removed.unreadable += 1,
                done => has_removed |= done?,
            }
        }
        #[cfg(feature = "faults")]
        if is_step {
            restante_faults::pass(restante_faults::Point::RetentionAfterStep);
        }
        let next = again.filter(|_| has_removed).or(next);
        let unwritten = {
            let mut standing = self.retention.lock();
            add(&mut standing.walk.removed, removed);
            match next {
                Some(place) => standing.place = place,
                None => {
                    standing.end(now);
                    tell(standing.walk.last_removed);
                }
            }
            standing.unwritten += 1;
            let is_due = next.is_none() || standing.unwritten >= STEPS_UNWRITTEN;
            is_due.then(|| standing.written())
        };
        if let Some(walk) = unwritten {
            self.write_walk(walk?).await?;
        }
        Ok(Next::Step(PAUSE))
    }

    /// Has a walk begin now, unless one is under way.
    pub fn ask_for_retention(&self) {
        let mut standing = self.retention.lock();
        standing.is_asked_for |= standing.walk.started_ms.is_none();
        drop(standing);
        self.retention.asked.notify_one();
    }

    /// Returns when a walk was asked for.
    pub async fn retention_asked_for(&self) {
        self.retention.asked.notified().await;
    }

    /// How far retention has come.
    pub fn retention_status(&self) -> RetentionStatus {
        let walk = self.retention.lock().walk.clone();
        let Walk { started_ms, removed, last_started_ms, last_ended_ms, last_removed, presence, place: _ } = walk;
        let rests_until_ms = presence::rests_until(presence);
        RetentionStatus { started_ms, removed, last_started_ms, last_ended_ms, last_removed, rests_until_ms }
    }

    /// Sees to a checkpoint, without which nothing can be removed above that partition. What cannot be done now is tried by
    /// the next walk.
    async fn has_checkpoint(self: &Arc<Self>, (group, partition): (GroupKey, MaskedPartitionKey)) -> bool {
        match self.checkpoint(group, partition).await {
            // Either way nothing is waited for there any more.
            Ok(Checkpointing::Kept | Checkpointing::Unobservable) => true,
            Err(error) => {
                tracing::debug!(%error, "retention goes on without a checkpoint");
                false
            }
        }
    }

    /// Returns whether anything was removed.
    async fn carry_out(&self, group: GroupKey, command: Command, removed: &mut Removed) -> Result<bool, Error> {
        let (receipts, presentations) = match &command {
            Command::Review(review) => (review.receipts.len() as u64, 0),
            Command::Lapse(lapse) => (0, lapse.presentations.len() as u64),
            _ => (0, 0),
        };
        let outcome = self.lanes.submit(group, command, None).await?;
        removed.receipts += receipts;
        removed.presentations += presentations;
        match outcome {
            Outcome::Trimmed { messages, bytes, is_emptied } => {
                removed.messages += u64::from(messages);
                removed.bytes += bytes;
                removed.emptied += u64::from(is_emptied);
                Ok(true)
            }
            Outcome::Reserved
            | Outcome::Created(_)
            | Outcome::Sent(_)
            | Outcome::Wanted(_)
            | Outcome::Branch(_)
            | Outcome::Done => Ok(false),
        }
    }

    /// The walk is the only one who writes this row, so it needs no lane.
    async fn write_walk(self: &Arc<Self>, walk: Walk) -> Result<(), Error> {
        let (service, presence) = (self.clone(), walk.presence);
        let batch = Batch { walk: Some(walk), ..Batch::default() };
        let writing = tokio::task::spawn_blocking(move || service.store.commit(&batch));
        writing.await.map_err(|_| Error::NoThread)?.map_err(Error::Store)?;
        let mut standing = self.retention.lock();
        (standing.presence, standing.unwritten) = (presence, 0);
        Ok(())
    }
}

impl Standing {
    fn written(&self) -> Result<Walk, Error> {
        let place = self.place.mls_encode_to_vec().map_err(|_| store::Error::Corrupt("place of retention"))?;
        Ok(Walk { place, ..self.walk.clone() })
    }
}

/// Says in the log what a walk has done that is at its end.
fn tell(removed: Removed) {
    let Removed { messages, partitions, unreadable, .. } = removed;
    tracing::debug!(messages, partitions, "retention has come to its end");
    if unreadable > 0 {
        tracing::warn!(unreadable, "retention has passed over what cannot be read");
    }
}

fn add(sum: &mut Removed, more: Removed) {
    let Removed { groups, partitions, messages, bytes, emptied, receipts, presentations, unreadable } = more;
    sum.groups += groups;
    sum.partitions += partitions;
    sum.messages += messages;
    sum.bytes += bytes;
    sum.emptied += emptied;
    sum.receipts += receipts;
    sum.presentations += presentations;
    sum.unreadable += unreadable;
}
