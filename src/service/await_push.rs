//! A local user's wait for messages of another hub that pushes: what is kept is given, and what is not is waited for.

use std::{sync::Arc, time::Duration};

use mls_rs_codec::MlsSize;

use super::{
    Answer, Error, Found, Place, Received, Service, UserId,
    following::{FAR_BEHIND, LEASE_MS, Next, PROVISIONAL_MS},
    waiters::Woken,
};
use crate::{
    sequencer::{Command, Follow, Followed, Lease, Outcome},
    store,
    wire::{Epoch, Message, ReceiveResponse, ServiceProviderId, decode},
};

/// What a wait does next.
pub enum Step {
    /// This is the answer.
    Serve(Box<Answer>),
    /// The hub is to be asked for pushes, and [`Subscribing::ended`] told what it said.
    Subscribe(Subscribing),
    /// [`Service::await_push`], for so long at most.
    AwaitPush(Duration),
    /// The hub is to be asked, without waiting: [`Service::hub_had_nothing`] or [`Service::hub_had_messages`].
    Look,
    /// The hub is to be waited at; then as above.
    Pull,
}

/// A subscription that is being made. Dropped without an end, somebody else may try.
pub struct Subscribing {
    service: Arc<Service>,
    hub: ServiceProviderId,
    place: Place,
    ended: bool,
    /// The index of the first message that is wanted.
    pub from: u32,
    /// The lease that is wanted, in seconds.
    pub ttl_seconds: u32,
}

impl Service {
    /// What a wait for the message at `counter` does next.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when there is no memory for the answer; or the store's.
    pub async fn next_step(
        self: &Arc<Self>,
        user: &UserId,
        hub: &ServiceProviderId,
        place: Place,
        counter: u32,
    ) -> Result<Step, Error> {
        if !self.limits().follows {
            return Ok(Step::Pull);
        }
        let (group, partition) = place;
        let record = self.snapshot_read(move |snapshot| snapshot.followed(&group, &partition)).await?;
        let now = self.now();
        let next = self.following.next(hub, &place, record.as_ref(), counter, now);
        if let Some(record) = &record
            && next != Next::Subscribe
            && now >= record.needed_ms.saturating_add(self.policy().unneeded_ms / 4)
        {
            let follow = Follow { partition, lease: Lease::Unchanged };
            self.lanes.remark(group, Some(Command::Follow(follow)), None);
        }
        Ok(match next {
            // It may have been let go in the meantime.
            Next::Serve => {
                self.kept_for(user, place, counter).await?.map_or(Step::Pull, |answer| Step::Serve(Box::new(answer)))
            }
            Next::Subscribe => {
                let subscribing = self.begin_subscribing(hub, place, record, counter).await?;
                subscribing.map_or(Step::Pull, Step::Subscribe)
            }
            Next::AwaitPush(ms) => Step::AwaitPush(Duration::from_millis(ms)),
            Next::Look => Step::Look,
            Next::Pull => Step::Pull,
        })
    }

    /// What the hub pushes from now on is kept: it may come before the hub has answered. For a little while only: whoever
    /// asks it may never tell what it said. Nothing where as many partitions are followed as may be.
    async fn begin_subscribing(
        self: &Arc<Self>,
        hub: &ServiceProviderId,
        place: Place,
        record: Option<Followed>,
        counter: u32,
    ) -> Result<Option<Subscribing>, Error> {
        let from = record.map_or(counter, |record| record.next_index);
        let ttl_seconds = u32::try_from(LEASE_MS / 1000).unwrap_or(u32::MAX);
        let subscribing =
            Subscribing { service: self.clone(), hub: hub.clone(), place, ended: false, from, ttl_seconds };
        let until_ms = self.now().saturating_add(PROVISIONAL_MS);
        let follow = Follow { partition: place.1, lease: Lease::Asked { from: counter, until_ms } };
        let outcome = self.lanes.submit(place.0, Command::Follow(follow), None).await?;
        Ok((outcome != Outcome::Wanted(None)).then_some(subscribing))
    }

    /// What is kept of a partition from that message on, for a user who has shown its key; nothing if that message is not.
    ///
    /// # Errors
    /// As [`Service::next_step`].
    pub async fn kept_for(
        self: &Arc<Self>,
        user: &UserId,
        place: Place,
        counter: u32,
    ) -> Result<Option<Answer>, Error> {
        if !self.limits().follows {
            return Ok(None);
        }
        let answer = self.kept_page(place, counter).await?;
        if answer.is_some() {
            self.entitlements(user, place.0, place.1, Vec::new(), Found::Messages).await?;
        }
        Ok(answer)
    }

    async fn kept_page(self: &Arc<Self>, place: Place, counter: u32) -> Result<Option<Answer>, Error> {
        // Of a partition no more than this is kept.
        let bytes = self.policy().kept_bytes.min(self.limits().page_bytes).max(1);
        let mut memory = self.pages.lend(&self.provider, bytes).await?;
        let (group, partition) = place;
        let found = self
            .snapshot_read(move |snapshot| {
                let Some(record) = snapshot.followed(&group, &partition)? else { return Ok(None) };
                let kept = snapshot.kept(&group, &partition, counter, bytes)?;
                let mut epoch = Epoch::default();
                for message in &kept {
                    let message: Message =
                        decode(&message.message).map_err(|_| store::Error::Corrupt("kept message"))?;
                    let is_delimited = message.message.is_delimited();
                    epoch.messages.push(message);
                    if !is_delimited {
                        break;
                    }
                }
                let places = (kept.first(), kept.get(epoch.messages.len().wrapping_sub(1)));
                let (Some(first), Some(last)) = places else { return Ok(None) };
                let next_index = last.index.saturating_add(1);
                let (first_index, more) = (first.index, next_index < record.next_index);
                let response = ReceiveResponse { epoch, hints: Vec::new() };
                Ok(Some(Received { response, first_index, passed_over: false, next_index, more }))
            })
            .await?;
        Ok(found.filter(|received| received.first_index == counter).map(|received| {
            memory.keep(received.response.mls_encoded_len() as u64);
            Answer { received, memory }
        }))
    }

    /// Returns when the message at `counter` may be here, and after `longest` at the latest.
    ///
    /// # Errors
    /// [`Error::TooManyWaiting`], or the store's.
    pub async fn await_push(self: &Arc<Self>, place: Place, counter: u32, longest: Duration) -> Result<(), Error> {
        let (group, partition) = place;
        let waiter = self.waiters.register(&self.provider, &group, &partition)?;
        let is_here = async || {
            let record = self.snapshot_read(move |snapshot| snapshot.followed(&group, &partition)).await;
            match record {
                Ok(Some(record)) if counter >= record.next_index => None,
                // It is here, or nothing is followed any more.
                Ok(_) => Some(Ok(())),
                Err(error) => Some(Err(error)),
            }
        };
        match tokio::time::timeout(longest, waiter.read_or_wait(is_here)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(Woken::Maybe | Woken::Closed)) | Err(_) => Ok(()),
        }
    }

    /// The hub was asked, and had nothing behind what the user knows.
    pub fn hub_had_nothing(&self, place: Place) {
        self.following.confirm(&place, self.now());
    }

    /// The hub was asked, and had messages from that index up to that one. They are to be pushed as well; where the hub
    /// cannot push them, because it goes on far behind what is here, the next wait follows the partition anew from there.
    pub async fn hub_had_messages(self: &Arc<Self>, place: Place, first_index: u32, next_index: u32) {
        if !self.limits().follows {
            return;
        }
        let (group, partition) = place;
        let record = self.snapshot_read(move |snapshot| snapshot.followed(&group, &partition)).await.ok().flatten();
        if record.is_some_and(|record| first_index.saturating_sub(record.next_index) >= FAR_BEHIND) {
            // What cannot be written down now is noticed by the next one who asks the hub.
            drop(self.lanes.submit(group, Command::Unfollow(partition), None).await);
        } else {
            self.following.found(&place, next_index, self.now());
        }
    }
}

impl Subscribing {
    /// What the hub said: how long it will push, or nothing if it will not.
    ///
    /// # Errors
    /// When it could not be recorded.
    pub async fn ended(mut self, ttl_seconds: Option<u32>) -> Result<(), Error> {
        let (service, (group, partition)) = (self.service.clone(), self.place);
        let now = service.now();
        let granted_ms = ttl_seconds.map_or(0, |seconds| u64::from(seconds) * 1000).min(LEASE_MS);
        // Less than a few minutes is not worth the trouble.
        let is_accepted = granted_ms >= LEASE_MINIMUM_MS;
        let command = if is_accepted {
            let until_ms = now.saturating_add(granted_ms);
            Command::Follow(Follow { partition, lease: Lease::Granted { until_ms } })
        } else {
            Command::Unfollow(partition)
        };
        let recorded = service.lanes.submit(group, command, None).await.map(drop);
        // A lease that is not written down would be a lease of which nothing is taken.
        if recorded.is_ok() || !is_accepted {
            service.following.subscribed(&self.hub, &self.place, is_accepted, now);
            self.ended = true;
        }
        recorded
    }
}

/// A hub that grants less does not push.
const LEASE_MINIMUM_MS: u64 = 600_000;

impl Drop for Subscribing {
    fn drop(&mut self) {
        if !self.ended {
            self.service.following.abandoned(&self.place);
        }
    }
}
