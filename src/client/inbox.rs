//! The Welcomes that wait for this client at its own provider.

use std::{collections::VecDeque, time::Duration};

use super::http::{CallError, Channel, DeliveryService};
use crate::wire::{ClientId, InboxAckRequest, InboxEntry, InboxOutcome, InboxRequest};

/// Reads a client's inbox, page by page, and gives each entry once.
///
/// What was given and not acknowledged is given again by the next `Inbox`, after a restart for example: then joining
/// fails with [`super::GroupError::KeyPackageGone`] if it had gone so far.
///
/// # Cancellation
/// Futures of this type may be dropped at any point: nothing is lost.
#[derive(Debug)]
pub struct Inbox {
    client_id: ClientId,
    /// The number of the last entry that was fetched.
    after: u64,
    /// Fetched and not given yet; a page at most.
    fetched: VecDeque<InboxEntry>,
}

impl Inbox {
    /// The inbox of the client that uploaded its KeyPackages under that id.
    pub fn new(client_id: ClientId) -> Self {
        Self { client_id, after: 0, fetched: VecDeque::new() }
    }

    /// The next Welcome; waits up to `wait` for one.
    ///
    /// # Errors
    /// [`CallError`]. Asking again is safe.
    pub async fn next<H: Channel>(
        &mut self,
        service: &DeliveryService<H>,
        wait: Duration,
    ) -> Result<Option<InboxEntry>, CallError> {
        if self.fetched.is_empty() {
            let request = InboxRequest { client_id: self.client_id, after: self.after };
            let response = service.inbox(&request, wait).await?;
            // Whatever a provider answers: forward, and nothing twice.
            for entry in response.entries {
                if entry.number > self.after {
                    self.after = entry.number;
                    self.fetched.push_back(entry);
                }
            }
        }
        Ok(self.fetched.pop_front())
    }

    /// Says what became of an entry; the provider forgets it.
    ///
    /// # Errors
    /// [`CallError`]. Saying it again is safe.
    pub async fn acknowledge<H: Channel>(
        &self,
        service: &DeliveryService<H>,
        entry: &InboxEntry,
        outcome: InboxOutcome,
    ) -> Result<(), CallError> {
        let request = InboxAckRequest { client_id: self.client_id, number: entry.number, outcome };
        service.acknowledge(&request).await
    }
}
