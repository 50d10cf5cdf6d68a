//! What is pushed to subscribers, and what their answers mean.

use std::sync::Arc;

use bytes::Bytes;
use mls_rs_codec::MlsSize;

use super::{
    Error, Lent, Service,
    push_calls::Place,
    receive::{last_of, list},
};
use crate::{
    sequencer::{Command, Pushed, Unsubscribe},
    wire::{PushRequest, PushResponse, ReceiveResponse, ServiceProviderId, encode},
};

/// How many bytes of messages one push holds, at least one message if there is one.
const PUSH_BYTES: u64 = 1024 * 1024;

/// How often a push is read that turns out longer than the memory it was lent.
const READS_MAX: usize = 3;

/// A push on its way to a subscriber.
pub struct Push {
    provider: ServiceProviderId,
    place: Place,
    serial: u32,
    first_index: u32,
    /// Behind the last message of it.
    next_index: u32,
    more: bool,
    /// The encoded `PushRequest`.
    pub body: Bytes,
    /// As much as the body is long.
    _memory: Lent,
}

/// What came of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The subscriber has it all, for now.
    Done,
    /// There is more to push.
    More,
    /// The subscriber wants the same again, or what there is not: later, if at all.
    None,
}

impl Service {
    /// The next push of a subscription, or nothing when there is none that is due.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when there is no memory for it now, or the store's.
    pub async fn next_push(
        self: &Arc<Self>,
        provider: &ServiceProviderId,
        place: Place,
    ) -> Result<Option<Push>, Error> {
        let page_bytes = PUSH_BYTES.min(self.limits().page_bytes);
        let mut bytes = page_bytes;
        for _attempt in 0..READS_MAX {
            let mut memory = self.pages.lend(provider, bytes).await?;
            let Some(found) = self.read_push(provider, place, page_bytes).await? else { return Ok(None) };
            let length = found.request.mls_encoded_len() as u64;
            if length > bytes {
                bytes = length;
                continue;
            }
            let body = encode(&found.request).map_err(|_| crate::store::Error::Corrupt("message"))?;
            memory.keep(length);
            let Found { serial, next_index, more, request } = found;
            let first_index = request.first_counter;
            let provider = provider.clone();
            return Ok(Some(Push {
                provider,
                place,
                serial,
                first_index,
                next_index,
                more,
                body: body.into(),
                _memory: memory,
            }));
        }
        Err(Error::Overloaded)
    }

    async fn read_push(
        self: &Arc<Self>,
        provider: &ServiceProviderId,
        place: Place,
        page_bytes: u64,
    ) -> Result<Option<Found>, Error> {
        let (provider, now, (group, partition)) = (provider.clone(), self.now(), place);
        self.snapshot_read(move |snapshot| {
            let Some(record) = snapshot.partition(&group, &partition)? else { return Ok(None) };
            let due = record.subscription_of(&provider).filter(|known| now < known.until_ms);
            let Some(subscription) = due.filter(|known| known.next_index < record.next_index) else { return Ok(None) };
            let page = snapshot.messages(&group, &partition, subscription.next_index, page_bytes)?;
            let epoch = list(snapshot, &group, &page.entries)?;
            let taken = &page.entries[..epoch.messages.len()];
            let (Some((first_counter, _)), Some(next_index)) = (taken.first(), last_of(taken)) else {
                return Ok(None);
            };
            // The hub does not keep the group's id: every message names it.
            let group_id = epoch.messages.first().map_or(Vec::new(), |message| message.message.group_id().to_vec());
            let response = ReceiveResponse { epoch, hints: Vec::new() };
            let request =
                PushRequest { group_id, masked_partition_key: partition, first_counter: *first_counter, response };
            Ok(Some(Found { serial: subscription.serial, next_index, more: next_index < record.next_index, request }))
        })
        .await
    }

    /// The subscriber has answered. When this returns, the answer is durable.
    ///
    /// # Errors
    /// When it could not be recorded; the same will be pushed again.
    pub async fn pushed(&self, push: &Push, response: PushResponse) -> Result<Progress, Error> {
        // What was not pushed cannot have been taken.
        if response.next_counter > push.next_index {
            return Ok(Progress::None);
        }
        let (group, partition) = push.place;
        let next_index = response.next_counter;
        let pushed = Pushed { provider: push.provider.clone(), partition, serial: push.serial, next_index };
        self.lanes.submit(group, Command::Pushed(pushed), None).await?;
        Ok(match next_index {
            // Behind a gap it wants earlier ones: that is progress as well, but not twice.
            next if next <= push.first_index => Progress::None,
            next if next < push.next_index || push.more => Progress::More,
            _ => Progress::Done,
        })
    }

    /// The subscriber wants no more pushes of this partition.
    ///
    /// # Errors
    /// When it could not be recorded.
    pub async fn unsubscribed(&self, push: &Push) -> Result<(), Error> {
        let (group, partition) = push.place;
        let unsubscribe = Unsubscribe { provider: push.provider.clone(), partition, serial: push.serial };
        self.lanes.submit(group, Command::Unsubscribe(unsubscribe), None).await.map(drop)
    }

    /// Of at most `limit` subscriptions of a provider after `after`, those that have something to push; and where to go
    /// on, if there are more.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn due_pushes(
        self: &Arc<Self>,
        provider: &ServiceProviderId,
        after: Option<Place>,
        limit: usize,
    ) -> Result<(Vec<Place>, Option<Place>), Error> {
        let (provider, now) = (provider.clone(), self.now());
        self.snapshot_read(move |snapshot| {
            let places = snapshot.subscribed(&provider, after.as_ref(), limit)?;
            let mut due = Vec::new();
            for (group, partition) in &places {
                let Some(record) = snapshot.partition(group, partition)? else { continue };
                let subscription = record.subscription_of(&provider).filter(|known| now < known.until_ms);
                if subscription.is_some_and(|known| known.next_index < record.next_index) {
                    due.push((*group, *partition));
                }
            }
            Ok((due, places.last().copied().filter(|_| places.len() == limit)))
        })
        .await
    }
}

/// What is due, as it was read.
struct Found {
    serial: u32,
    next_index: u32,
    more: bool,
    request: PushRequest,
}
