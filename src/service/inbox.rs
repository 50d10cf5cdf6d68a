//! The acting user's Welcomes: fetching, waiting for them, acknowledging (specs/protocol.md, "Welcomes").

use std::{sync::Arc, time::Duration};

use mls_rs_codec::MlsSize;

use super::{Act, Error, Lent, Service, UserId, pool_desk::PoolTask, waiters::Woken, welcome::Content};
use crate::{
    mls::{WireRatchetTree, WireWelcome},
    pool::{Acknowledge, Letter, LetterKey},
    sequencer::UserTag,
    store::{self, Snapshot},
    wire::{
        ClientId, InboxAckRequest, InboxEntry, InboxOutcome, InboxRequest, InboxResponse, ServiceProviderId, decode,
    },
};

/// A client that waits looks again after so long even when nobody woke it.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// The most entries on a page.
const ENTRIES_MAX: usize = 256;

/// How often a page is read that turns out to be longer than was thought.
const READS_MAX: usize = 3;

/// Welcomes, and the memory that they take: to be kept until the client has them.
#[derive(Debug)]
pub struct InboxAnswer {
    /// What goes on the wire.
    pub response: InboxResponse,
    /// As much as its encoding is long.
    pub memory: Lent,
}

impl Service {
    /// The Welcomes that wait for a client of the user, from a number on. Waits up to `wait` for one.
    ///
    /// # Errors
    /// [`Error::TooManyWaiting`]; [`Error::Overloaded`] when there is no memory for the answer, or too much waits for the
    /// store; or the store's.
    pub async fn inbox(
        self: &Arc<Self>,
        user: &UserId,
        request: InboxRequest,
        wait: Duration,
    ) -> Result<InboxAnswer, Error> {
        self.admit(user, &self.provider, Act::TakePart)?;
        let tag = self.tag(user);
        let barred: Arc<[ServiceProviderId]> = self.hubs_that_ban(user).into();
        let wait = wait.min(self.limits().receive_wait);
        if wait.is_zero() {
            return self.read_inbox(tag, request, &barred).await;
        }
        let waiter = self.waiters.register_inbox(&self.provider, &tag, &request.client_id)?;
        let until = tokio::time::Instant::now() + wait;
        loop {
            let step = until.min(tokio::time::Instant::now() + LOOK_AGAIN);
            let read_or_wait = waiter.read_or_wait(async || match self.read_inbox(tag, request, &barred).await {
                Ok(answer) if answer.response.entries.is_empty() => None,
                answer => Some(answer),
            });
            match tokio::time::timeout_at(step, read_or_wait).await {
                Ok(Ok(answer)) => return answer,
                Ok(Err(Woken::Closed)) => return self.read_inbox(tag, request, &barred).await,
                Err(_) if tokio::time::Instant::now() >= until => return self.read_inbox(tag, request, &barred).await,
                Ok(Err(Woken::Maybe)) | Err(_) => {}
            }
        }
    }

    /// Removes an entry, and says so whether it was there or not.
    ///
    /// # Errors
    /// When its fate is unknown: asking again is safe.
    pub async fn acknowledge(&self, user: &UserId, request: InboxAckRequest) -> Result<(), Error> {
        let InboxAckRequest { client_id, number, outcome } = request;
        let letter = LetterKey { user: self.tag(user), client: client_id, number };
        let acknowledge = Acknowledge { letter, joined: outcome == InboxOutcome::Joined };
        self.lanes.submit_pool(PoolTask::Acknowledge(acknowledge)).await.map(drop)
    }

    /// Memory comes first, for a usual page. One with a single Welcome that is longer is read once more when there is
    /// memory for it.
    async fn read_inbox(
        self: &Arc<Self>,
        user: UserTag,
        request: InboxRequest,
        barred: &Arc<[ServiceProviderId]>,
    ) -> Result<InboxAnswer, Error> {
        let page_bytes = self.limits().page_bytes;
        let mut bytes = page_bytes;
        for _attempt in 0..READS_MAX {
            let mut memory = self.pages.lend(&self.provider, bytes).await?;
            let InboxRequest { client_id, after } = request;
            let barred = barred.clone();
            let page =
                self.snapshot_read(move |snapshot| read_page(snapshot, &user, &client_id, after, page_bytes, &barred));
            let response = page.await?;
            let length = response.mls_encoded_len() as u64;
            if length <= bytes {
                memory.keep(length);
                tracing::trace!(entries = response.entries.len(), more = response.more, "inbox read");
                return Ok(InboxAnswer { response, memory });
            }
            bytes = length;
        }
        Err(Error::Overloaded)
    }
}

fn read_page(
    snapshot: &dyn Snapshot,
    user: &UserTag,
    client: &ClientId,
    after: u64,
    bytes: u64,
    barred: &[ServiceProviderId],
) -> Result<InboxResponse, store::Error> {
    // What is passed over is no more than waits for one user.
    let limit = if barred.is_empty() { ENTRIES_MAX + 1 } else { usize::MAX };
    let letters = snapshot.letters(user, client, after, limit)?;
    let mut response = InboxResponse::default();
    let mut total = 0;
    for (key, letter) in letters {
        let delivery = snapshot.delivery(&letter.delivery)?.ok_or(store::Error::Corrupt("delivery"))?;
        if barred.contains(&delivery.hub) {
            continue;
        }
        total += u64::from(delivery.bytes);
        let is_full = total > bytes || response.entries.len() == ENTRIES_MAX;
        if is_full && !response.entries.is_empty() {
            response.more = true;
            break;
        }
        let content = snapshot.content(&letter.delivery, delivery.bytes)?.ok_or(store::Error::Corrupt("delivery"))?;
        let (welcome, ratchet_tree) = cut(&content, &letter)?;
        let (number, hub, arrived_ms) = (key.number, delivery.hub, delivery.arrived_ms);
        response.entries.push(InboxEntry { number, hub, arrived_ms, welcome, ratchet_tree });
    }
    Ok(response)
}

/// What of a delivery is for the letter's client.
fn cut(content: &[u8], letter: &Letter) -> Result<(WireWelcome, Option<WireRatchetTree>), store::Error> {
    let Content { welcome, ratchet_tree } = decode(content).map_err(|_| store::Error::Corrupt("delivery"))?;
    let is_addressed =
        |place: usize| letter.addressed.iter().any(|addressed| u32::try_from(place) == Ok(addressed.place));
    Ok((welcome.only(is_addressed), ratchet_tree))
}
