//! Equal receives of local users for groups of other hubs, which become one request (specs/protocol.md R13).
//!
//! No task belongs to a shared request: whoever waits for it drives it, and it ends when nobody does any more.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::{FutureExt, Shared, WeakShared};
use tokio::sync::Semaphore;

use super::{Problem, hub_answer::HubPage};
use crate::{sequencer::GroupKey, wire::MaskedPartitionKey};

/// What all who share a request are given.
pub(super) type Outcome = Result<Arc<HubPage>, Problem>;
type Asking = Pin<Box<dyn Future<Output = Outcome> + Send>>;
/// A request that several may wait for.
pub(super) type SharedReceive = Shared<Asking>;

/// Who made a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MadeBy {
    /// Whoever asked for it now.
    Asker,
    /// Somebody else, before.
    Other,
}

/// What makes receives equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) group: GroupKey,
    pub(super) partition: MaskedPartitionKey,
    pub(super) counter: u32,
    /// Whether the hub may hold it until there is something to say.
    pub(super) waits: bool,
}

/// The requests that are under way, and of each who may still join.
#[derive(Default)]
pub(super) struct SharedReceives(Mutex<HashMap<Question, Asked>>);

struct Asked {
    /// The request that the next one who asks the same joins.
    open: Option<(u64, WeakShared<Asking>)>,
    /// How many there are, and how many there have been.
    requests: usize,
    number: u64,
    turn: Arc<Semaphore>,
}

impl Default for Asked {
    fn default() -> Self {
        Self { open: None, requests: 0, number: 0, turn: Arc::new(Semaphore::new(1)) }
    }
}

impl SharedReceives {
    /// Joins a request that asks the same, or makes one of `ask`.
    ///
    /// # Correctness
    /// An answer is never older than the question. One that waits at the hub is answered by what comes after it, and may
    /// be joined until it ends. One that does not wait is closed when it departs: whoever asks later might know of a
    /// message that the hub did not have yet when it answered. They share the next one, which departs when the one
    /// before is back, so there are never more than two.
    pub(super) fn join(self: &Arc<Self>, question: Question, ask: impl FnOnce() -> Asking) -> (SharedReceive, MadeBy) {
        let mut questions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = questions.entry(question).or_default();
        if let Some(request) = asked.open.as_ref().and_then(|(_, request)| request.upgrade()) {
            return (request, MadeBy::Other);
        }
        asked.requests += 1;
        asked.number += 1;
        let place = Place { receives: self.clone(), question, number: asked.number };
        let (turn, asking) = (asked.turn.clone(), ask());
        let request = async move {
            let _turn = if question.waits { None } else { turn.acquire_owned().await.ok() };
            if !question.waits {
                place.close();
            }
            asking.await
        };
        let request = request.boxed().shared();
        asked.open = request.downgrade().map(|request| (asked.number, request));
        (request, MadeBy::Asker)
    }

    /// How many requests are under way or about to depart.
    #[cfg(test)]
    fn requests(&self) -> usize {
        self.0.lock().unwrap().values().map(|asked| asked.requests).sum()
    }
}

impl std::fmt::Debug for SharedReceives {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SharedReceives(..)")
    }
}

/// A request's place among those that are under way, until it has ended in whatever way.
struct Place {
    receives: Arc<SharedReceives>,
    question: Question,
    number: u64,
}

impl Place {
    /// Nobody joins any more.
    fn close(&self) {
        let mut questions = self.receives.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) = questions.get_mut(&self.question) {
            asked.open.take_if(|(number, _)| *number == self.number);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.close();
        let mut questions = self.receives.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) = questions.get_mut(&self.question) {
            asked.requests -= 1;
            if asked.requests == 0 {
                questions.remove(&self.question);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    fn question(waits: bool) -> Question {
        let partition = MaskedPartitionKey::new([7; 32]);
        Question { group: GroupKey::of(b"group"), partition, counter: 3, waits }
    }

    /// A hub that counts what it is asked and answers when it is told to.
    #[derive(Default)]
    struct Hub {
        asked: AtomicUsize,
        answers: Notify,
    }

    impl Hub {
        fn ask(self: &Arc<Self>) -> Asking {
            let hub = self.clone();
            async move {
                hub.asked.fetch_add(1, Ordering::Relaxed);
                hub.answers.notified().await;
                Err(Problem::unavailable())
            }
            .boxed()
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::Relaxed)
        }
    }

    fn join(receives: &Arc<SharedReceives>, question: Question, ask: impl FnOnce() -> Asking) -> SharedReceive {
        receives.join(question, ask).0
    }

    #[tokio::test]
    async fn those_who_wait_share_one_until_it_ends() {
        let (receives, hub) = (Arc::new(SharedReceives::default()), Arc::new(Hub::default()));
        let (mut first, made_by) = receives.join(question(true), || hub.ask());
        assert_eq!(made_by, MadeBy::Asker);
        assert!(futures_util::poll!(&mut first).is_pending());
        assert_eq!(receives.join(question(true), || hub.ask()).1, MadeBy::Other);
        let others: Vec<_> = (0..100).map(|_| join(&receives, question(true), || hub.ask())).collect();
        // Whoever drove it goes away: the others do.
        drop(first);
        hub.answers.notify_one();
        for other in others {
            assert!(other.await.is_err());
        }
        assert_eq!((hub.asked(), receives.requests()), (1, 0));
        let again = join(&receives, question(true), || hub.ask());
        hub.answers.notify_one();
        assert!(again.await.is_err());
        assert_eq!(hub.asked(), 2, "what has ended is joined by nobody");
    }

    #[tokio::test]
    async fn those_who_do_not_wait_share_the_next_one() {
        let (receives, hub) = (Arc::new(SharedReceives::default()), Arc::new(Hub::default()));
        let mut first = join(&receives, question(false), || hub.ask());
        assert!(futures_util::poll!(&mut first).is_pending());
        let mut others: Vec<_> = (0..100).map(|_| join(&receives, question(false), || hub.ask())).collect();
        for other in &mut others {
            assert!(futures_util::poll!(other).is_pending());
        }
        assert_eq!((hub.asked(), receives.requests()), (1, 2), "the next one waits for its turn");
        hub.answers.notify_one();
        assert!(first.await.is_err());
        assert!(futures_util::poll!(&mut others[99]).is_pending());
        assert_eq!(hub.asked(), 2);
        hub.answers.notify_one();
        for other in others {
            assert!(other.await.is_err());
        }
        assert_eq!((hub.asked(), receives.requests()), (2, 0));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_ends() {
        let (receives, hub) = (Arc::new(SharedReceives::default()), Arc::new(Hub::default()));
        for waits in [true, false] {
            let mut first = join(&receives, question(waits), || hub.ask());
            assert!(futures_util::poll!(&mut first).is_pending());
            drop(first);
            assert_eq!(receives.requests(), 0);
        }
        assert!(receives.0.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn different_questions_are_different_requests() {
        let (receives, hub) = (Arc::new(SharedReceives::default()), Arc::new(Hub::default()));
        let questions = [
            question(true),
            question(false),
            Question { counter: 4, ..question(true) },
            Question { group: GroupKey::of(b"other"), ..question(true) },
            Question { partition: MaskedPartitionKey::new([8; 32]), ..question(true) },
        ];
        let mut all: Vec<_> = questions.iter().map(|question| join(&receives, *question, || hub.ask())).collect();
        for request in &mut all {
            assert!(futures_util::poll!(request).is_pending());
        }
        assert_eq!((hub.asked(), receives.requests()), (5, 5));
    }
}
