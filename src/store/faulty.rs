//! A store that fails, conflicts or stalls when a test says so, and tells what is written and read.

use std::{
    sync::{Condvar, Mutex, MutexGuard},
    time::Duration,
};

use super::{
    Batch, Error, SharedStore, Snapshot, Store,
    watched::{Damage, Watched},
};

/// No test waits longer for a step of another thread.
const PATIENCE: Duration = Duration::from_secs(30);

/// Stands in front of an engine.
pub(crate) struct Faulty {
    inner: SharedStore,
    plan: Mutex<Plan>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Plan {
    conflicts: usize,
    /// The next commit panics.
    panics: bool,
    /// How many commits still succeed, and how the next one fails.
    failure: Option<(usize, Error)>,
    unreadable: Option<Error>,
    damage: Option<Damage>,
    poisoned: bool,
    held: bool,
    arrived: usize,
    /// How many messages each successful commit held.
    commits: Vec<usize>,
    /// How often a commit was tried.
    attempts: usize,
    /// How many snapshots were taken.
    snapshots: usize,
    /// Nothing is at hand.
    forgetful: bool,
    /// What was read while somebody watched.
    reads: Option<Vec<&'static str>>,
}

impl Faulty {
    pub(crate) fn new(inner: SharedStore) -> Self {
        Self { inner, plan: Mutex::default(), changed: Condvar::new() }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap()
    }

    /// The next so many commits find that somebody else wrote.
    pub(crate) fn conflict(&self, times: usize) {
        self.plan().conflicts = times;
    }

    /// The next commit fails, and those after it find the store poisoned.
    pub(crate) fn fail_writes(&self, error: Error) {
        self.fail_after(0, error);
    }

    /// The same after so many commits have succeeded.
    pub(crate) fn fail_after(&self, successes: usize, error: Error) {
        self.plan().failure = Some((successes, error));
    }

    /// The next commit panics, as a bug would.
    pub(crate) fn panic_on_commit(&self) {
        self.plan().panics = true;
    }

    /// Reads fail from now on, or work again.
    pub(crate) fn fail_reads(&self, error: Option<Error>) {
        self.plan().unreadable = error;
    }

    /// Some rows cannot be read from now on.
    pub(crate) fn damage(&self, damage: Damage) {
        self.plan().damage = Some(damage);
    }

    /// Commits stall from now on.
    pub(crate) fn hold(&self) {
        self.plan().held = true;
    }

    /// Commits go on.
    pub(crate) fn release(&self) {
        self.plan().held = false;
        self.changed.notify_all();
    }

    /// Waits until so many commits have stalled since the beginning.
    pub(crate) fn await_stalled(&self, number: usize) {
        let (plan, timeout) =
            self.changed.wait_timeout_while(self.plan(), PATIENCE, |plan| plan.arrived < number).unwrap();
        assert!(!timeout.timed_out(), "{plan:?}");
    }

    /// How many messages each commit held, in order.
    pub(crate) fn commits(&self) -> Vec<usize> {
        self.plan().commits.clone()
    }

    /// How many snapshots were taken.
    pub(crate) fn snapshots(&self) -> usize {
        self.plan().snapshots
    }

    /// From now on it is noted what is read.
    pub(crate) fn watch(&self) {
        self.plan().reads = Some(Vec::new());
    }

    /// What was read since, by the names of the reads.
    pub(crate) fn watched(&self) -> Vec<&'static str> {
        self.plan().reads.take().unwrap_or_default()
    }

    /// From now on nothing is at hand.
    pub(crate) fn forget(&self) {
        self.plan().forgetful = true;
    }

    /// How often a commit was tried.
    pub(crate) fn attempts(&self) -> usize {
        self.plan().attempts
    }
}

impl Store for Faulty {
    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, Error> {
        if let Some(error) = &self.plan().unreadable {
            return Err(error.clone());
        }
        let inner = self.inner.snapshot()?;
        let mut plan = self.plan();
        plan.snapshots += 1;
        if plan.reads.is_none() && plan.damage.is_none() {
            return Ok(inner);
        }
        let damage = plan.damage.unwrap_or_default();
        let note = |read| {
            if let Some(reads) = &mut self.plan().reads {
                reads.push(read);
            }
        };
        Ok(Box::new(Watched { inner, note: Box::new(note), damage }))
    }

    fn at_hand(&self, bytes: u64) -> Result<Box<dyn Snapshot + '_>, Error> {
        let mut plan = self.plan();
        if let Some(error) = &plan.unreadable {
            return Err(error.clone());
        }
        plan.snapshots += 1;
        // Without a byte to spend no row can be read.
        self.inner.at_hand(if plan.forgetful { 0 } else { bytes })
    }

    fn commit(&self, batch: &Batch) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut plan = self.plan();
        plan.attempts += 1;
        if plan.held {
            plan.arrived += 1;
            self.changed.notify_all();
            let (released, timeout) = self.changed.wait_timeout_while(plan, PATIENCE, |plan| plan.held).unwrap();
            assert!(!timeout.timed_out(), "nobody released a stalled commit");
            plan = released;
        }
        if std::mem::take(&mut plan.panics) {
            // The plan is still wanted.
            drop(plan);
            panic!("a bug");
        }
        if plan.poisoned {
            return Err(Error::Poisoned);
        }
        match plan.failure.take() {
            Some((0, error)) => {
                plan.poisoned = true;
                return Err(error);
            }
            Some((successes, error)) => plan.failure = Some((successes - 1, error)),
            None => {}
        }
        if plan.conflicts > 0 {
            plan.conflicts -= 1;
            return Err(Error::Conflict);
        }
        self.inner.commit(batch)?;
        plan.commits.push(batch.entries.len());
        Ok(())
    }

    fn writable(&self) -> Result<(), Error> {
        if self.plan().poisoned { Err(Error::Poisoned) } else { self.inner.writable() }
    }

    fn back_up(&self, folder: &std::path::Path, keep: usize) -> Result<super::Backup, Error> {
        self.inner.back_up(folder, keep)
    }

    fn footprint(&self) -> super::Footprint {
        self.inner.footprint()
    }

    fn forgotten(&self) -> crate::sequencer::Forgotten {
        self.inner.forgotten()
    }

    fn user_tag_secret(&self) -> &[u8; 32] {
        self.inner.user_tag_secret()
    }

    fn token_secret(&self) -> &crate::pool::TokenSecret {
        self.inner.token_secret()
    }
}
