//! Pushes to subscribers (specs/protocol.md, "Push"): one line for each peer.
//!
//! What is to be pushed is in the store, behind a durable cursor. A line holds names of partitions, boundedly many, and a
//! few pushes that are under way; for a subscriber that takes nothing it holds no message. Each line has its own pace:
//! one that fails keeps no other one waiting.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use http::StatusCode;
use restante_process::metrics::Label as _;
use tokio::{sync::Notify, task::JoinSet, time::Instant};

use super::{Courier, addressee::Terse};
use crate::{
    client::{
        Backoff,
        http::{CallError, ChannelError, DeliveryService},
    },
    service::{self, Place, Progress, PushEnd, Service},
    wire::ServiceProviderId,
};

/// How many pushes to one peer may be under way.
const UNDER_WAY_MAX: usize = 8;
/// How many partitions a line holds that wait for their turn before it takes more, and how many that are to be tried
/// again later. What it takes at once is bounded where it is called for.
const PLACES_MAX: usize = 1024;
/// The longest answer to a push, in bytes: an index, or a problem.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// How many subscriptions are looked at in one read.
const LOOK: usize = 256;
/// How soon lines come back to something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// What failed is tried again, later and later.
    pub(super) backoff: Backoff,
    /// How often a line looks at all subscriptions of its peer: calls may be lost.
    pub(super) look_again: Duration,
}

/// From a second to five minutes.
pub(super) const PACE: Pace = Pace {
    backoff: Backoff {
        first: Duration::from_secs(1),
        maximum: Duration::from_secs(300),
        attempts: u32::MAX,
        retry_after_maximum: Duration::from_secs(300),
    },
    look_again: Duration::from_secs(300),
};

/// Pushes to all of these until it is dropped.
pub(super) async fn push(courier: &Courier, peers: Vec<ServiceProviderId>, pace: Pace) {
    let mut lines = JoinSet::new();
    for peer in peers {
        let Some(channel) = courier.providers.peer(&peer) else { continue };
        let called = courier.service.errands().pushes.open(&peer);
        let line = Line {
            service: courier.service.clone(),
            peer,
            subscriber: Terse::service(channel, ANSWER_BYTES_MAX),
            called,
            waiting: VecDeque::new(),
            known: HashSet::new(),
            departed: HashMap::new(),
            later: BTreeMap::new(),
            under_way: FuturesUnordered::new(),
            look: Look::All,
            failures: 0,
            rest: None,
            pace,
        };
        lines.spawn(line.run());
    }
    // None of them ends; one that does has a bug, and the process ends with it.
    while let Some(ended) = lines.join_next().await {
        if let Err(error) = ended
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
    }
    std::future::pending().await
}

/// The way to one peer.
struct Line {
    service: Arc<Service>,
    peer: ServiceProviderId,
    subscriber: DeliveryService<Terse>,
    called: Arc<Notify>,
    /// Whose turn is next.
    waiting: VecDeque<Place>,
    /// Those that wait or are to be tried later: no partition is twice in a line.
    known: HashSet<Place>,
    /// Those that are under way, and whether they were called for meanwhile.
    departed: HashMap<Place, bool>,
    /// What failed alone, and how often.
    later: BTreeMap<(Instant, Place), u32>,
    under_way: FuturesUnordered<BoxFuture<'static, Pushed>>,
    look: Look,
    /// How often in a row the peer could not be reached.
    failures: u32,
    /// Until when nothing is tried because of that.
    rest: Option<Instant>,
    pace: Pace,
}

/// How far a look at all subscriptions has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// From the first one on.
    All,
    /// Behind that one.
    After(Place),
    /// Done, until then.
    Done(Instant),
}

/// What came of one push.
struct Pushed {
    place: Place,
    /// How often it had failed before.
    failures: u32,
    came: Came,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    /// Nothing is left to push.
    Done,
    /// There is more.
    More,
    /// It is to be tried again, later and later.
    Refused {
        /// When the peer said to come back.
        retry_after: Option<Duration>,
    },
    /// The peer cannot be reached, or not with this.
    Unreached,
    /// This provider could not go on. It says nothing about the peer.
    Stuck,
}

impl Line {
    async fn run(mut self) {
        loop {
            self.take_calls();
            self.look().await;
            self.depart();
            let wake = self.next_wake();
            tokio::select! {
                Some(pushed) = self.under_way.next() => self.settle(pushed),
                () = self.called.notified() => {}
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    fn take_calls(&mut self) {
        if self.waiting.len() >= PLACES_MAX {
            return;
        }
        let called = self.service.errands().pushes.take(&self.peer);
        if called.overflowed {
            self.look = Look::All;
        }
        for place in called.places {
            self.enqueue(place);
        }
    }

    fn enqueue(&mut self, place: Place) {
        if let Some(again) = self.departed.get_mut(&place) {
            // What is under way may have been read before what it is called for now.
            *again = true;
        } else if self.known.insert(place) {
            self.waiting.push_back(place);
        }
    }

    /// Goes on with the look at all subscriptions, as far as there is room.
    async fn look(&mut self) {
        let after = match self.look {
            Look::Done(until) if Instant::now() < until => return,
            Look::All | Look::Done(_) => None,
            Look::After(place) => Some(place),
        };
        if self.is_resting() || self.waiting.len() + LOOK > PLACES_MAX {
            return;
        }
        match self.service.due_pushes(&self.peer, after, LOOK).await {
            Ok((due, next)) => {
                due.into_iter().for_each(|place| self.enqueue(place));
                self.look = next.map_or_else(|| Look::Done(Instant::now() + self.pace.look_again), Look::After);
            }
            Err(error) => {
                tracing::warn!(%error, "subscriptions could not be looked at");
                self.look = Look::Done(Instant::now() + self.pace.look_again);
            }
        }
    }

    fn is_resting(&self) -> bool {
        self.rest.is_some_and(|until| Instant::now() < until)
    }

    /// How many pushes may be under way. Of a peer that was silent, one finds out whether it is back.
    fn room(&self) -> usize {
        if self.failures > 0 { 1 } else { UNDER_WAY_MAX }
    }

    /// Sends as many pushes on their way as may be.
    fn depart(&mut self) {
        if self.is_resting() {
            return;
        }
        let now = Instant::now();
        while self.under_way.len() < self.room() {
            let due = self.later.first_entry().filter(|entry| entry.key().0 <= now);
            let (place, failures) = match due {
                Some(entry) => {
                    let ((_, place), failures) = entry.remove_entry();
                    (place, failures)
                }
                None => match self.waiting.pop_front() {
                    Some(place) => (place, 0),
                    None => break,
                },
            };
            self.known.remove(&place);
            self.departed.insert(place, false);
            let (service, peer, subscriber) = (self.service.clone(), self.peer.clone(), self.subscriber.clone());
            let pushing = async move {
                let came = push_one(&service, &peer, &subscriber, place).await;
                Pushed { place, failures, came }
            };
            self.under_way.push(pushing.boxed());
        }
    }

    fn settle(&mut self, Pushed { place, failures, came }: Pushed) {
        let again = self.departed.remove(&place).unwrap_or(false);
        match came {
            Came::Done | Came::More => {
                self.failures = 0;
                self.rest = None;
                if again || came == Came::More {
                    self.enqueue(place);
                }
            }
            Came::Refused { retry_after } => {
                self.failures = 0;
                self.rest = None;
                self.put_off(place, failures, retry_after);
            }
            Came::Stuck => self.put_off(place, failures, None),
            Came::Unreached => {
                // What was under way together fails together, over one connection: that is one failure.
                let is_news = !self.is_resting();
                if is_news {
                    self.failures = self.failures.saturating_add(1);
                    let delay = self.pace.backoff.delay(self.failures, self.service.jitter(), None);
                    self.rest = Some(Instant::now() + delay);
                }
                // It may be this push alone that does not get through: it does not stand in the way of the others.
                if is_news && self.failures == 1 {
                    self.put_off(place, failures, None);
                } else if self.known.insert(place) {
                    self.waiting.push_back(place);
                }
            }
        }
    }

    /// Tries it again later, the later the more often it has failed.
    fn put_off(&mut self, place: Place, failures: u32, retry_after: Option<Duration>) {
        // Without room it is forgotten here, and found again by the next look.
        if self.later.len() < PLACES_MAX {
            let failures = failures.saturating_add(1);
            let delay = self.pace.backoff.delay(failures, self.service.jitter(), retry_after);
            self.later.insert((Instant::now() + delay, place), failures);
            self.known.insert(place);
        }
    }

    /// When there is something to do even if nobody calls and nothing comes back.
    fn next_wake(&self) -> Instant {
        let look = match self.look {
            Look::Done(until) => until,
            Look::All | Look::After(_) if self.waiting.len() + LOOK > PLACES_MAX => {
                Instant::now() + self.pace.look_again
            }
            Look::All | Look::After(_) => Instant::now(),
        };
        let later = self.later.first_key_value().map_or(look, |((due, _), _)| look.min(*due));
        match self.rest.filter(|until| Instant::now() < *until) {
            Some(until) => until,
            // As many are under way as may be: one of them has to come back first.
            None if self.under_way.len() >= self.room() => Instant::now() + self.pace.look_again,
            None => later,
        }
    }
}

/// Pushes one page of a partition, if there is one that is due.
async fn push_one(
    service: &Arc<Service>,
    peer: &ServiceProviderId,
    subscriber: &DeliveryService<Terse>,
    place: Place,
) -> Came {
    // Until the block is lifted, it is as if it were away.
    if service.blocks(peer) {
        return Came::Unreached;
    }
    let push = match service.next_push(peer, place).await {
        Ok(Some(push)) => push,
        Ok(None) => return Came::Done,
        Err(error) => {
            service.tally().pushes.add(PushEnd::Stuck);
            tracing::warn!(%error, "a push could not be made");
            return Came::Stuck;
        }
    };
    let came = match subscriber.push_encoded(push.body.clone()).await {
        Ok(response) => {
            #[cfg(feature = "faults")]
            restante_faults::pass(restante_faults::Point::PushBeforeCursor);
            let recorded = service.pushed(&push, response).await;
            #[cfg(feature = "faults")]
            restante_faults::pass(restante_faults::Point::PushAfterCursor);
            came(recorded)
        }
        Err(CallError::Problem(problem)) if problem.status == StatusCode::GONE => {
            came(service.unsubscribed(&push).await.map(|()| Progress::Done))
        }
        Err(CallError::Problem(problem)) => Came::Refused { retry_after: problem.retry_after },
        Err(CallError::Channel(ChannelError::NoMemory) | CallError::MediaType | CallError::Encoding(_)) => {
            Came::Refused { retry_after: None }
        }
        Err(CallError::Channel(_)) => Came::Unreached,
    };
    service.tally().pushes.add(came.end());
    tracing::trace!(bytes = push.body.len(), outcome = came.end().word(), "messages pushed");
    came
}

/// What it means that the subscriber's answer was recorded, or was not.
fn came(recorded: Result<Progress, service::Error>) -> Came {
    match recorded {
        Ok(Progress::Done) => Came::Done,
        Ok(Progress::More) => Came::More,
        Ok(Progress::None) => Came::Refused { retry_after: None },
        Err(error) => {
            tracing::warn!(%error, "what came of a push could not be recorded");
            Came::Stuck
        }
    }
}

impl Came {
    /// What came of it, as log and metrics say it.
    fn end(self) -> PushEnd {
        match self {
            Self::Done => PushEnd::Done,
            Self::More => PushEnd::More,
            Self::Refused { .. } => PushEnd::Refused,
            Self::Unreached => PushEnd::Unreached,
            Self::Stuck => PushEnd::Stuck,
        }
    }
}
