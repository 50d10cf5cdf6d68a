//! Timers: orphans age out, reservations lapse.

use std::{sync::Arc, time::Duration};

use super::{Error, Service};
use crate::sequencer::{Command, Expire};

/// How often due timers are looked for.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(30);

/// Timers looked at in one step.
const PAGE: usize = 256;
/// Steps in one sweep; the next sweep goes on.
const PAGES_MAX: usize = 64;

impl Service {
    /// Gives every due timer to its group's lane. Returns how many there were.
    ///
    /// # Errors
    /// When the store failed; the next sweep tries again.
    pub async fn sweep(self: &Arc<Self>) -> Result<usize, Error> {
        let mut swept = 0;
        for _page in 0..PAGES_MAX {
            let (service, now) = (self.clone(), self.now());
            let due = tokio::task::spawn_blocking(move || service.store.snapshot()?.due(now, PAGE))
                .await
                .unwrap_or(Err(crate::store::Error::Poisoned))?;
            for (group, timer) in &due {
                let expire = Expire { partition: timer.partition, due_ms: timer.due_ms };
                self.lanes.submit(*group, Command::Expire(expire), None).await?;
            }
            swept += due.len();
            if due.len() < PAGE {
                break;
            }
        }
        Ok(swept)
    }
}
