//! Timers: orphans age out, reservations lapse. And marks of answered requests, which have no timers: their own keys say
//! when they may go.

use std::{sync::Arc, time::Duration};

use super::{Error, Service, pool_desk::PoolTask, retention::contents};
use crate::{
    sequencer::{BranchOutcome, Command, Expire, GroupKey, Outcome, Policy, Timer, UnixMillis},
    store::{self, Snapshot},
};

/// How often due timers are looked for.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(30);

/// Timers looked at in one step.
const PAGE: usize = 256;
/// Steps in one sweep; the next sweep goes on.
const PAGES_MAX: usize = 64;

/// Steps of ending one branch in one sweep: some hundred thousand partitions.
const SPREADS_MAX: usize = 1_024;

/// A timer that is due, with what its group's lane is to know, or why that cannot be read.
type Due = (GroupKey, Result<Expire, store::Error>);

/// The first timers that are due.
fn due(snapshot: &dyn Snapshot, policy: &Policy, now: UnixMillis) -> Result<Vec<Due>, store::Error> {
    let timers = snapshot.due(now, PAGE)?;
    Ok(timers.into_iter().map(|(group, timer)| (group, expire(snapshot, &group, &timer, policy, now))).collect())
}

/// The command for a timer: with the messages of an orphan that may be old enough.
fn expire(
    snapshot: &dyn Snapshot,
    group: &GroupKey,
    timer: &Timer,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Expire, store::Error> {
    let orphan = snapshot.partition(group, &timer.partition)?.filter(|record| {
        record.is_orphan() && record.has_messages() && now >= record.created_ms.saturating_add(policy.orphan_ms)
    });
    let contents = match orphan {
        Some(orphan) => Some(contents(snapshot, group, &timer.partition, &orphan, |_| true)?.0),
        None => None,
    };
    Ok(Expire { partition: timer.partition, due_ms: timer.due_ms, contents })
}

impl Service {
    /// Gives every due timer to its group's lane. Returns how many there were.
    async fn sweep_groups(self: &Arc<Self>) -> Result<usize, Error> {
        let (mut swept, mut failed) = (0, None);
        for _page in 0..PAGES_MAX {
            let (service, now) = (self.clone(), self.now());
            let policy = self.policy();
            let due = tokio::task::spawn_blocking(move || due(&*service.store.snapshot()?, &policy, now))
                .await
                .unwrap_or(Err(store::Error::Poisoned))?;
            let found = due.len();
            for (group, expire) in due {
                // A group that cannot be read does not stand in the way of the others.
                match expire {
                    Ok(expire) => {
                        if let Err(error) = self.ring(group, expire).await {
                            failed.get_or_insert(error);
                        }
                    }
                    Err(error) => drop(failed.get_or_insert(Error::Store(error))),
                }
            }
            swept += found;
            if found < PAGE || failed.is_some() {
                break;
            }
        }
        failed.map_or(Ok(swept), Err)
    }

    /// Gives a due timer to its group's lane. Where a branch is being ended and nobody waits for that, all of it is ended:
    /// until then commits there are refused or charged.
    async fn ring(&self, group: GroupKey, expire: Expire) -> Result<(), Error> {
        let mut next = Command::Expire(expire);
        for _step in 0..SPREADS_MAX {
            match self.lanes.submit(group, next, None).await? {
                Outcome::Branch(BranchOutcome::Spread { is_done: false, .. }) => next = Command::Spread,
                _ => break,
            }
        }
        Ok(())
    }

    /// Both sweeps, each whatever becomes of the other.
    ///
    /// # Errors
    /// The first one; the next sweep tries again.
    pub async fn sweep(self: &Arc<Self>) -> Result<usize, Error> {
        let (groups, pool) = tokio::join!(self.sweep_groups(), self.sweep_pool());
        Ok(groups? + pool?)
    }

    /// Removes the marks of answered requests that have expired, however many there are: their number is up to relays.
    /// Waits for no timer. Returns whether there were any.
    ///
    /// # Errors
    /// What is not removed is looked at by the next sweep.
    pub async fn sweep_marks(self: &Arc<Self>) -> Result<bool, Error> {
        let (service, now) = (self.clone(), self.now());
        let looking = tokio::task::spawn_blocking(move || service.store.snapshot()?.lapsed_marks(now));
        let Some(lapsed) = looking.await.unwrap_or(Err(store::Error::Poisoned))? else { return Ok(false) };
        self.lanes.submit_pool(PoolTask::Lapse(lapsed)).await?;
        Ok(true)
    }

    /// The same for KeyPackages and what is known of them.
    async fn sweep_pool(self: &Arc<Self>) -> Result<usize, Error> {
        let mut swept = 0;
        for _page in 0..PAGES_MAX {
            let (service, now) = (self.clone(), self.now());
            let looking = tokio::task::spawn_blocking(move || service.store.snapshot()?.expiries(now, PAGE));
            let due = looking.await.unwrap_or(Err(store::Error::Poisoned))?;
            let found = due.len();
            if !due.is_empty() {
                self.lanes.submit_pool(PoolTask::Expire(due)).await?;
            }
            swept += found;
            if found < PAGE {
                break;
            }
        }
        Ok(swept)
    }
}
