//! One question at a time for each gateway's key list, whoever waits for the answer.
//!
//! # Privacy
//! A relay that denies a key, or a start with much to do, makes many fetches need a list at once. If each asked by itself,
//! the relay could count them, and have a tunnel opened for each.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::time::Instant;

use super::{FetchError, remembered_keys::KeyInUse};
use crate::wire::ServiceProviderId;

/// When a question was asked last, and what came of it.
type Outcome = Option<(Instant, Result<KeyInUse, FetchError>)>;

/// The questions that are being asked.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<ServiceProviderId, Arc<tokio::sync::Mutex<Outcome>>>>);

impl Turns {
    /// Waits for whoever is asking, then takes what `known` finds; then the outcome of a question that was asked since
    /// this began to wait; and asks only if there is neither. So nobody waits for more than two questions, and a list that
    /// may be used once was asked for after all who use it had come.
    pub(super) async fn take<A>(
        &self,
        provider: &ServiceProviderId,
        known: impl Fn() -> Option<KeyInUse>,
        ask: impl FnOnce() -> A,
    ) -> Result<KeyInUse, FetchError>
    where
        A: Future<Output = Result<KeyInUse, FetchError>>,
    {
        let began = Instant::now();
        let turn = self.turn(provider);
        let mut last = turn.lock().await;
        if let Some(key) = known() {
            return Ok(key);
        }
        if let Some((asked, outcome)) = &*last
            && *asked >= began
        {
            return outcome.clone();
        }
        let asked = Instant::now();
        let outcome = ask().await;
        *last = Some((asked, outcome.clone()));
        outcome
    }

    /// There are as many as gateways that somebody is waiting for, and those that nobody has looked for since.
    fn turn(&self, provider: &ServiceProviderId) -> Arc<tokio::sync::Mutex<Outcome>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(provider.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::{sync::Semaphore, task::JoinSet};

    use super::*;

    /// Twenty wait at once while the first question is under way; so many questions are asked in all.
    async fn questions() -> usize {
        let (turns, asked, gate) =
            (Arc::new(Turns::default()), Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let provider: ServiceProviderId = "follower.example".parse().unwrap();
        let mut waiting = JoinSet::new();
        for _ in 0..20 {
            let (turns, asked, gate, provider) = (turns.clone(), asked.clone(), gate.clone(), provider.clone());
            waiting.spawn(async move {
                let ask = || async {
                    asked.fetch_add(1, Ordering::Relaxed);
                    drop(gate.acquire().await);
                    Err(FetchError::KeyTargeting)
                };
                turns.take(&provider, || None, ask).await.map(drop)
            });
        }
        // On one thread all of them wait now.
        for _ in 0..40 {
            tokio::task::yield_now().await;
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        gate.add_permits(20);
        while let Some(ended) = waiting.join_next().await {
            assert_eq!(ended.unwrap(), Err(FetchError::KeyTargeting));
        }
        assert_eq!(turns.0.lock().unwrap().len(), 1);
        assert_eq!(Arc::strong_count(&turns.turn(&"other.example".parse().unwrap())), 2);
        assert_eq!(turns.0.lock().unwrap().len(), 1, "what nobody waits for is forgotten");
        asked.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn a_failure_is_shared_by_those_who_waited_for_it() {
        // One that was under way, and one for all who came meanwhile.
        assert_eq!(questions().await, 2);
    }

    #[tokio::test]
    async fn who_gives_up_lets_the_next_one_ask() {
        let turns = Turns::default();
        let provider: ServiceProviderId = "follower.example".parse().unwrap();
        let endless = turns.take(&provider, || None, std::future::pending);
        tokio::select! {
            biased;
            _ = endless => panic!("it has no end"),
            () = tokio::task::yield_now() => {}
        }
        let asked = turns.take(&provider, || None, || async { Err(FetchError::Date) }).await;
        assert_eq!(asked.map(drop), Err(FetchError::Date));
    }
}
