//! Reading, and what it means for the intents.

use std::time::Duration;

use mls_rs::client_builder::MlsConfig;

use super::{Cause, InFlight, Intent, Member, MemberError, Progress, intent::Queued, is_told_once};
use crate::{
    client::{
        Event, Keep, Pace,
        http::{Channel, delivery_service},
    },
    mls::ContentType,
    wire::ReceiveRequest,
};

impl<C: MlsConfig, H: Channel, P: Pace, K: Keep> Member<C, H, P, K> {
    /// Reads until there is nothing new, or as long as the policy allows. The first request may be held by the provider
    /// for up to `wait`, unless something waits to be sent.
    ///
    /// # Errors
    /// [`MemberError`]. What was read before is told by [`Member::next_progress`].
    pub async fn read(&mut self, wait: Duration) -> Result<(), MemberError> {
        self.drain_previous().await?;
        let mut wait = if self.queue.is_empty() && self.in_flight.is_none() { wait } else { Duration::ZERO };
        for _round in 0..self.policy.rounds {
            if self.group.is_removed() || !self.read_once(wait).await? {
                break;
            }
            wait = Duration::ZERO;
        }
        self.take_leave().await
    }

    /// Reads one page of the current partition. Says whether that led anywhere.
    pub(super) async fn read_once(&mut self, wait: Duration) -> Result<bool, MemberError> {
        let before = (self.group.epoch(), self.group.counter());
        self.exchange(self.group.receive_request(), wait).await?;
        Ok(before != (self.group.epoch(), self.group.counter()))
    }

    /// Asks the partitions that the group has left for stragglers, for some time after a commit.
    async fn drain_previous(&mut self) -> Result<(), MemberError> {
        if self.drains == 0 || self.group.is_removed() {
            return Ok(());
        }
        for request in self.group.previous_receive_requests() {
            // What is on later pages comes with the next read.
            self.exchange(request, Duration::ZERO).await?;
        }
        self.drains -= 1;
        if self.drains == 0 {
            self.group.forget_previous();
        }
        Ok(())
    }

    async fn exchange(&mut self, request: ReceiveRequest, wait: Duration) -> Result<(), MemberError> {
        if self.progress.len() >= self.policy.progress {
            return Err(MemberError::ProgressFull);
        }
        let response = self.call(delivery_service::receive_request(&request, wait)?).await?;
        let received = delivery_service::received(&response)?;
        let mut events = Vec::new();
        let processed = self.group.process(&request, &received, &mut events);
        self.watch.suspect(self.group.doubted);
        for event in events {
            self.take_note(event);
        }
        Ok(processed?)
    }

    /// Tells an event, after settling the intents that it decides.
    fn take_note(&mut self, event: Event) {
        let settled = match &event {
            Event::Committed(committed) => {
                self.drains = self.policy.drains;
                // The commit went without the removal that was proposed: it is proposed anew.
                if let Some(queued) = self.leaving.take() {
                    self.queue.push_front(queued);
                }
                self.settle(committed.digest).and_then(|in_flight| in_flight.queued).map(done)
            }
            Event::Sent { digest, place, content_type: ContentType::Application, .. } => {
                let queued = self.settle(*digest).and_then(|in_flight| in_flight.queued);
                queued.map(|queued| Progress::Accepted { intent: queued.id, index: place.index })
            }
            Event::Sent { digest, content_type: ContentType::Proposal, .. } => {
                self.leaving = self.settle(*digest).and_then(|in_flight| in_flight.queued).or(self.leaving.take());
                None
            }
            Event::Lost { digest, content_type: ContentType::Proposal } => {
                if let Some(queued) = self.settle(*digest).and_then(|in_flight| in_flight.queued) {
                    self.queue.push_front(queued);
                }
                None
            }
            Event::Lost { digest, content_type: ContentType::Commit } => {
                self.settle(*digest).and_then(|in_flight| in_flight.queued).and_then(|queued| self.rebuild(queued))
            }
            Event::Removed { .. } => {
                let in_flight = self.in_flight.take().and_then(|in_flight| in_flight.queued);
                self.takes_leave = self.leaving.is_some();
                self.progress.extend(self.leaving.take().map(done));
                let dropped: Vec<_> = in_flight.into_iter().chain(self.queue.drain(..)).collect();
                self.takes_leave |= dropped.iter().any(|queued| queued.intent == Intent::Leave);
                let dropped = dropped.into_iter().map(|queued| match queued.intent {
                    Intent::Leave => done(queued),
                    _ => Progress::Dropped { intent: queued.id, cause: Cause::Removed },
                });
                self.progress.extend(dropped);
                None
            }
            Event::Message { .. }
            | Event::Proposal { .. }
            | Event::Sent { .. }
            | Event::Lost { .. }
            | Event::Superseded { .. }
            | Event::Ignored { .. }
            | Event::Gap { .. } => None,
        };
        let told = Progress::Group(event);
        self.untold += usize::from(is_told_once(&told));
        self.progress.push_back(told);
        self.progress.extend(settled);
    }

    /// Takes the request on its way if it is this one.
    fn settle(&mut self, digest: [u8; 32]) -> Option<InFlight> {
        self.in_flight.take_if(|in_flight| in_flight.digest == digest)
    }

    /// Puts an intent whose commit came too late back to the front, or gives it up.
    fn rebuild(&mut self, queued: Queued) -> Option<Progress> {
        if queued.rebuilds >= self.policy.rebuilds {
            return Some(Progress::Dropped { intent: queued.id, cause: Cause::Outrun });
        }
        self.queue.push_front(Queued { rebuilds: queued.rebuilds + 1, ..queued });
        None
    }
}

fn done(queued: Queued) -> Progress {
    Progress::Done { intent: queued.id }
}
