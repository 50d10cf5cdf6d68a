//! Timers: orphans age out, reservations lapse.

use std::{sync::Arc, time::Duration};

use super::{Error, Service, pool_desk::PoolTask};
use crate::sequencer::{Command, Expire};

/// How often due timers are looked for.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(30);

/// Timers looked at in one step.
const PAGE: usize = 256;
/// Steps in one sweep; the next sweep goes on.
const PAGES_MAX: usize = 64;

impl Service {
    /// Gives every due timer to its group's lane. Returns how many there were.
    async fn sweep_groups(self: &Arc<Self>) -> Result<usize, Error> {
        let (mut swept, mut failed) = (0, None);
        for _page in 0..PAGES_MAX {
            let (service, now) = (self.clone(), self.now());
            let due = tokio::task::spawn_blocking(move || service.store.snapshot()?.due(now, PAGE))
                .await
                .unwrap_or(Err(crate::store::Error::Poisoned))?;
            for (group, timer) in &due {
                let expire = Expire { partition: timer.partition, due_ms: timer.due_ms };
                // A group that cannot be read does not stand in the way of the others.
                if let Err(error) = self.lanes.submit(*group, Command::Expire(expire), None).await {
                    failed.get_or_insert(error);
                }
            }
            swept += due.len();
            if due.len() < PAGE || failed.is_some() {
                break;
            }
        }
        failed.map_or(Ok(swept), Err)
    }

    /// Both sweeps, each whatever becomes of the other.
    ///
    /// # Errors
    /// The first one; the next sweep tries again.
    pub async fn sweep(self: &Arc<Self>) -> Result<usize, Error> {
        let (groups, pool) = (self.sweep_groups().await, self.sweep_pool().await);
        Ok(groups? + pool?)
    }

    /// The same for KeyPackages, what is known of them, and marks of answered requests.
    async fn sweep_pool(self: &Arc<Self>) -> Result<usize, Error> {
        let mut swept = 0;
        for _page in 0..PAGES_MAX {
            let (service, now) = (self.clone(), self.now());
            let looking = tokio::task::spawn_blocking(move || {
                let snapshot = service.store.snapshot()?;
                let mut marks = snapshot.replay_marks(None, PAGE)?;
                marks.retain(|mark| mark.expires_ms <= now);
                Ok((snapshot.expiries(now, PAGE)?, marks))
            });
            let (due, marks) = looking.await.unwrap_or(Err(crate::store::Error::Poisoned))?;
            let found = due.len() + marks.len();
            let is_last = due.len() < PAGE && marks.len() < PAGE;
            if !marks.is_empty() {
                self.lanes.submit_pool(PoolTask::Lapse(marks)).await?;
            }
            if !due.is_empty() {
                self.lanes.submit_pool(PoolTask::Expire(due)).await?;
            }
            swept += found;
            if is_last {
                break;
            }
        }
        Ok(swept)
    }
}
