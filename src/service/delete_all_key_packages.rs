//! Removing all KeyPackages of all users: after an old copy of the database was put back, nobody knows which of them were
//! handed out (specs/storage.md, "Restoring a backup").
//!
//! With many users it takes longer than anybody waits for an answer. So it is a task of the service's own: whoever asks
//! meanwhile waits for the same one, and it goes on when nobody does. It ends with the service, between two pages.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::{
    sync::watch,
    task::{JoinSet, spawn_blocking},
};

use super::{Error, Service, pool_desk::PoolTask};
use crate::{pool::Forget, sequencer::UserTag, store};

/// Users who are looked at in one step, and share writes.
const PAGE: usize = 64;

/// How many users had some, once it is known.
type Outcome = Option<Result<usize, Error>>;

/// The removal that is under way, or was last.
#[derive(Debug, Default)]
pub(super) struct Deletion(Mutex<Option<watch::Receiver<Outcome>>>);

/// What was done.
#[derive(Default)]
struct Tally {
    users: usize,
    failed: usize,
    error: Option<store::Error>,
}

impl Tally {
    fn fail(&mut self, error: store::Error) {
        self.failed += 1;
        self.error.get_or_insert(error);
    }
}

impl Service {
    /// Removes all KeyPackages that there are, user by user. Gives the number of users who had some; what is uploaded
    /// meanwhile may stay. What Welcomes may still refer to is remembered. It goes on when the future is dropped.
    ///
    /// # Errors
    /// When it is not done: calling it again goes on with what is left. KeyPackages of a user that cannot be read stay,
    /// and those of all others are gone.
    pub async fn delete_all_key_packages(self: &Arc<Self>) -> Result<usize, Error> {
        let mut deletion = self.begin_or_join();
        // Without a sender it stopped by a bug.
        let outcome = deletion.wait_for(Option::is_some).await.map_err(|_| Error::ShuttingDown)?;
        outcome.clone().unwrap_or(Err(Error::ShuttingDown))
    }

    /// Returns when no removal is under way any more: soon after [`Service::stop_waiting`].
    pub async fn deletion_ended(&self) {
        let deletion = self.deletion.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(mut deletion) = deletion {
            drop(deletion.wait_for(Option::is_some).await);
        }
    }

    fn begin_or_join(self: &Arc<Self>) -> watch::Receiver<Outcome> {
        let mut latest = self.deletion.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(deletion) = latest.as_ref().filter(|deletion| deletion.has_changed().is_ok()) {
            return deletion.clone();
        }
        let (done, deletion) = watch::channel(None);
        *latest = Some(deletion.clone());
        let service = self.clone();
        tokio::spawn(async move {
            let outcome = service.delete_page_by_page().await;
            // Whoever waits for the end may close the database then.
            drop(service);
            done.send_replace(Some(outcome));
        });
        deletion
    }

    async fn delete_page_by_page(self: &Arc<Self>) -> Result<usize, Error> {
        let (mut after, mut tally) = (None, Tally::default());
        loop {
            // Only here: within a page, others hold the database as well.
            if self.waiters.is_closed() {
                return Err(Error::ShuttingDown);
            }
            let Some(last) = self.delete_page(after, &mut tally).await? else { break };
            after = Some(last);
        }
        let Tally { users, failed, error } = tally;
        let Some(error) = error else { return Ok(users) };
        tracing::error!(users, failed, %error, "KeyPackages of some users cannot be read, and were not deleted");
        Err(error.into())
    }

    /// The last user of the page; `None` when there are no more. A user whose rows cannot be read does not stand in the
    /// way of the others.
    async fn delete_page(
        self: &Arc<Self>,
        after: Option<UserTag>,
        tally: &mut Tally,
    ) -> Result<Option<UserTag>, Error> {
        let service = self.clone();
        let looking = spawn_blocking(move || service.store.snapshot()?.accounts(after.as_ref(), PAGE));
        let page = looking.await.unwrap_or(Err(store::Error::Poisoned))?;
        let last = page.last().map(|(last, _)| *last);
        let mut removing = JoinSet::new();
        for (user, account) in page {
            let clients = account.map(|account| account.clients()).unwrap_or_else(|error| {
                tally.fail(error);
                Vec::new()
            });
            let forgets: Vec<_> = clients.into_iter().map(|client| Forget { user, client }).collect();
            if !forgets.is_empty() {
                let service = self.clone();
                removing.spawn(async move { service.lanes.submit_pool(PoolTask::Forget(forgets)).await });
            }
        }
        while let Some(removed) = removing.join_next().await {
            match removed.unwrap_or(Err(Error::ShuttingDown)) {
                Ok(_) => tally.users += 1,
                Err(Error::Store(error @ store::Error::Corrupt(_))) => tally.fail(error),
                Err(error) => {
                    removing.shutdown().await;
                    return Err(error);
                }
            }
        }
        Ok(last)
    }
}
