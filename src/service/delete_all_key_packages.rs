//! Removing all KeyPackages of all users: after an old copy of the database was put back, nobody knows which of them were
//! handed out (specs/storage.md, "Restoring an old copy").

use std::sync::Arc;

use tokio::task::{JoinSet, spawn_blocking};

use super::{Error, Service, pool_desk::PoolTask};
use crate::{pool::Forget, store};

/// Users who are looked at in one step, and share writes.
const PAGE: usize = 64;

impl Service {
    /// Removes all KeyPackages that there are, user by user. Gives the number of users who had some; what is uploaded
    /// meanwhile may stay. What Welcomes may still refer to is remembered.
    ///
    /// # Errors
    /// When it is not done: calling it again goes on with what is left.
    pub async fn delete_all_key_packages(self: &Arc<Self>) -> Result<usize, Error> {
        let (mut after, mut users) = (None, 0);
        loop {
            let service = self.clone();
            let looking = spawn_blocking(move || service.store.snapshot()?.accounts(after.as_ref(), PAGE));
            let page = looking.await.unwrap_or(Err(store::Error::Poisoned))?;
            let Some((last, _)) = page.last() else { return Ok(users) };
            after = Some(*last);
            let mut removing = JoinSet::new();
            for (user, account) in page {
                let forgets: Vec<_> = account.clients().into_iter().map(|client| Forget { user, client }).collect();
                if !forgets.is_empty() {
                    let service = self.clone();
                    removing.spawn(async move { service.lanes.submit_pool(PoolTask::Forget(forgets)).await });
                }
            }
            users += removing.len();
            while let Some(removed) = removing.join_next().await {
                removed.map_err(|_| Error::ShuttingDown)??;
            }
        }
    }
}
