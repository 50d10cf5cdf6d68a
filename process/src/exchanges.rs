//! What is under way on one connection: requests until they are answered, and answers until their client has taken them
//! up.
//!
//! An answer is with HTTP until the client makes room for it, by a window (RFC 9113, §5.2) or by reading. Whoever
//! answers pings and makes no room would have it kept for ever. So each answer is known here from its head to its last
//! byte, and the connection's task looks whether one has waited too long.
//!
//! # Correctness
//! There is one timer for each connection and none for an answer: every event moves deadlines away from now or makes one
//! that is a whole limit away, so looking again after the shortest limit, or at the next known deadline, misses none.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::ConnectionLimits;

/// All exchanges of one connection.
#[derive(Debug)]
pub(crate) struct Exchanges {
    limits: ConnectionLimits,
    state: Mutex<State>,
    /// Told when unread answers have become few enough for the next request.
    room: Notify,
}

#[derive(Debug)]
struct State {
    under_way: usize,
    /// When the last exchange ended; of no meaning while one is under way.
    idle_since: Instant,
    /// The number of the next exchange.
    next: u64,
    /// Answers that are not taken up yet, by the number of their exchange.
    unread: BTreeMap<u64, Untaken>,
    unread_bytes: usize,
}

/// An answer that its client has not taken up.
#[derive(Debug)]
struct Untaken {
    since: Instant,
    /// When something of it was last taken up.
    moved: Instant,
    bytes: usize,
}

/// Why a connection is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// An answer was not taken up in time, or nothing of it for too long.
    Answer,
    /// Nothing was under way for too long.
    Idle,
}

impl Exchanges {
    pub(crate) fn new(limits: ConnectionLimits) -> Self {
        let (idle_since, unread) = (Instant::now(), BTreeMap::new());
        let state = State { under_way: 0, idle_since, next: 0, unread, unread_bytes: 0 };
        Self { limits, state: Mutex::new(state), room: Notify::new() }
    }

    /// A request has come.
    pub(crate) fn begin(self: &Arc<Self>) -> Exchange {
        let mut state = self.lock();
        let number = state.next;
        state.next = number.wrapping_add(1);
        state.under_way += 1;
        let waits = state.unread_bytes >= self.limits.unread_bytes_max;
        drop(state);
        Exchange { number, waits, exchanges: self.clone() }
    }

    /// Waits until something is overdue. `idle` is how long from now on nothing may be under way.
    pub(crate) async fn overdue(&self, idle: Duration) -> Overdue {
        let began = Instant::now();
        loop {
            match self.look(began, idle, Instant::now()) {
                Ok(next) => sleep_until(next).await,
                Err(overdue) => return overdue,
            }
        }
    }

    /// What is overdue, or when to look again.
    fn look(&self, began: Instant, idle: Duration, now: Instant) -> Result<Instant, Overdue> {
        let ConnectionLimits { response_timeout, response_stall, .. } = self.limits;
        let state = self.lock();
        let idle = if state.under_way == 0 { state.idle_since.max(began) + idle } else { now + idle };
        if idle <= now {
            return Err(Overdue::Idle);
        }
        let mut next = idle.min(now + response_timeout.min(response_stall));
        for unread in state.unread.values() {
            let deadline = (unread.since + response_timeout).min(unread.moved + response_stall);
            if deadline <= now {
                return Err(Overdue::Answer);
            }
            next = next.min(deadline);
        }
        Ok(next)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request and its answer. It is over when this is dropped.
#[derive(Debug)]
pub(crate) struct Exchange {
    number: u64,
    /// Too much was unread on the connection when the request came.
    waits: bool,
    exchanges: Arc<Exchanges>,
}

impl Exchange {
    /// Waits while too much is unread, if that was so when the request came. The deadlines of what is unread end that, one
    /// way or the other.
    pub(crate) async fn room(&self) {
        if !self.waits {
            return;
        }
        loop {
            let room = self.exchanges.room.notified();
            if self.exchanges.lock().unread_bytes < self.exchanges.limits.unread_bytes_max {
                return;
            }
            room.await;
        }
    }

    /// There is an answer, which holds so many bytes.
    pub(crate) fn answered(&self, bytes: usize) {
        let now = Instant::now();
        let mut state = self.exchanges.lock();
        state.unread_bytes = state.unread_bytes.saturating_add(bytes);
        state.unread.insert(self.number, Untaken { since: now, moved: now, bytes });
    }

    /// The client has taken up something of it.
    pub(crate) fn moved(&self) {
        let now = Instant::now();
        if let Some(unread) = self.exchanges.lock().unread.get_mut(&self.number) {
            unread.moved = now;
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut state = self.exchanges.lock();
        let was_full = state.unread_bytes >= self.exchanges.limits.unread_bytes_max;
        if let Some(unread) = state.unread.remove(&self.number) {
            state.unread_bytes = state.unread_bytes.saturating_sub(unread.bytes);
        }
        state.under_way = state.under_way.saturating_sub(1);
        if state.under_way == 0 {
            state.idle_since = Instant::now();
        }
        drop(state);
        if was_full {
            self.exchanges.room.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const LIMITS: fn() -> ConnectionLimits = || ConnectionLimits {
        response_timeout: 50 * SECOND,
        response_stall: 20 * SECOND,
        idle_timeout: 100 * SECOND,
        unread_bytes_max: 1000,
        ..ConnectionLimits::default()
    };

    fn exchanges() -> Arc<Exchanges> {
        Arc::new(Exchanges::new(LIMITS()))
    }

    /// In whole seconds: when something is overdue, and what.
    async fn overdue(exchanges: &Exchanges) -> (u64, Overdue) {
        let began = Instant::now();
        let overdue = exchanges.overdue(LIMITS().idle_timeout).await;
        (began.elapsed().as_secs(), overdue)
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_does_not_move_is_overdue_after_the_stall() {
        let exchanges = exchanges();
        let exchange = exchanges.begin();
        let answering = async {
            sleep(7 * SECOND).await;
            exchange.answered(10);
        };
        let (overdue, ()) = tokio::join!(overdue(&exchanges), answering);
        assert_eq!(overdue, (27, Overdue::Answer));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_moves_has_its_time_and_no_more() {
        let exchanges = exchanges();
        let exchange = exchanges.begin();
        exchange.answered(10);
        let moving = async {
            loop {
                sleep(19 * SECOND).await;
                exchange.moved();
            }
        };
        tokio::select! {
            overdue = overdue(&exchanges) => assert_eq!(overdue, (50, Overdue::Answer)),
            () = moving => {}
        }
    }

    /// Whoever takes up others does not put off the deadline of one.
    #[tokio::test(start_paused = true)]
    async fn each_answer_has_its_own_deadline() {
        let exchanges = exchanges();
        let stuck = exchanges.begin();
        sleep(3 * SECOND).await;
        stuck.answered(10);
        let others = async {
            loop {
                let other = exchanges.begin();
                other.answered(10);
                sleep(SECOND / 2).await;
            }
        };
        tokio::select! {
            overdue = overdue(&exchanges) => assert_eq!(overdue, (20, Overdue::Answer)),
            () = others => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_not_answered_yet_is_neither_idle_nor_unread() {
        let exchanges = exchanges();
        let exchange = exchanges.begin();
        assert!(timeout(1000 * SECOND, overdue(&exchanges)).await.is_err());
        drop(exchange);
        assert_eq!(overdue(&exchanges).await, (100, Overdue::Idle));
    }

    #[tokio::test(start_paused = true)]
    async fn idle_is_counted_from_the_last_end() {
        let exchanges = exchanges();
        let [first, second] = [exchanges.begin(), exchanges.begin()];
        let ending = async {
            sleep(10 * SECOND).await;
            drop(first);
            sleep(30 * SECOND).await;
            drop(second);
        };
        let (overdue, ()) = tokio::join!(overdue(&exchanges), ending);
        assert_eq!(overdue, (140, Overdue::Idle));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_until_unread_answers_are_few_enough() {
        let exchanges = exchanges();
        let (large, small) = (exchanges.begin(), exchanges.begin());
        large.answered(999);
        exchanges.begin().room().await;
        small.answered(1);
        let next = exchanges.begin();
        let began = Instant::now();
        let reading = async {
            sleep(SECOND).await;
            drop(small);
        };
        tokio::join!(next.room(), reading);
        assert_eq!(began.elapsed(), SECOND);
        drop((large, next));
        let state = exchanges.lock();
        assert_eq!((state.under_way, state.unread_bytes, state.unread.len()), (0, 0, 0));
    }
}
