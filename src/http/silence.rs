//! Which hubs have not answered lately, so that not everybody has to find out alone.
//!
//! A hub that refuses connections says so at once, and is asked again each time. One that says nothing costs whoever asks
//! the whole time to connect: for a little while after that, others are told without being asked to wait, and then one of
//! them at a time finds out whether it is back.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::Problem;
use crate::wire::ServiceProviderId;

/// A failure that was known sooner than this is not worth remembering.
const SLOW: Duration = Duration::from_secs(1);
/// How long silence is remembered. As long as those who are refused meanwhile are told to wait.
const REMEMBERED: Duration = Duration::from_secs(2);
/// How long others wait for the one who finds out: a connection takes no longer.
const FINDING_OUT: Duration = Duration::from_secs(6);

/// Hubs that were asked, at most as many as there are peers.
#[derive(Debug, Default)]
pub(super) struct Silence(Mutex<HashMap<ServiceProviderId, Hub>>);

#[derive(Debug, Default)]
struct Hub {
    heard: Option<Instant>,
    refused_until: Option<Instant>,
}

impl Silence {
    /// Whether the hub may be asked now.
    ///
    /// # Errors
    /// When it was silent a moment ago, or somebody is finding out whether it still is.
    pub(super) fn admit(&self, hub: &ServiceProviderId, now: Instant) -> Result<(), Problem> {
        let mut hubs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = hubs.get_mut(hub) else { return Ok(()) };
        match known.refused_until {
            None => Ok(()),
            Some(until) if now < until => Err(Problem::hub_unavailable()),
            Some(_) => {
                known.refused_until = Some(now + FINDING_OUT);
                Ok(())
            }
        }
    }

    /// The hub has said something, whatever it was.
    pub(super) fn heard(&self, hub: &ServiceProviderId, now: Instant) {
        let mut hubs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hubs.insert(hub.clone(), Hub { heard: Some(now), refused_until: None });
    }

    /// Nothing came for a request that began then.
    pub(super) fn unheard(&self, hub: &ServiceProviderId, since: Instant, now: Instant) {
        let mut hubs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = hubs.entry(hub.clone()).or_default();
        let others_heard = known.heard.is_some_and(|heard| heard >= since);
        // A quick failure ends it as well: whoever asks next finds out as quickly.
        let is_silent = !others_heard && now.duration_since(since) >= SLOW;
        known.refused_until = is_silent.then(|| now + REMEMBERED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub() -> ServiceProviderId {
        "hub.example".parse().unwrap()
    }

    #[test]
    fn silence_is_remembered_for_a_while_and_then_found_out_by_one() {
        let (silence, began) = (Silence::default(), Instant::now());
        assert_eq!(silence.admit(&hub(), began), Ok(()));
        let silent = began + Duration::from_secs(5);
        silence.unheard(&hub(), began, silent);
        for after in [0, 1999] {
            assert!(silence.admit(&hub(), silent + Duration::from_millis(after)).is_err(), "{after}");
        }
        let again = silent + REMEMBERED;
        assert_eq!(silence.admit(&hub(), again), Ok(()), "one finds out");
        assert!(silence.admit(&hub(), again).is_err(), "and nobody else");
        silence.heard(&hub(), again);
        assert_eq!(silence.admit(&hub(), again), Ok(()));
        // Other hubs are none of this.
        silence.unheard(&hub(), again, again + SLOW);
        assert_eq!(silence.admit(&"third.example".parse().unwrap(), again + SLOW), Ok(()));
    }

    #[test]
    fn whoever_finds_out_and_never_says_keeps_nobody_for_ever() {
        let (silence, began) = (Silence::default(), Instant::now());
        silence.unheard(&hub(), began, began + SLOW);
        let again = began + SLOW + REMEMBERED;
        silence.admit(&hub(), again).unwrap();
        assert!(silence.admit(&hub(), again + FINDING_OUT / 2).is_err());
        assert_eq!(silence.admit(&hub(), again + FINDING_OUT), Ok(()));
    }

    #[test]
    fn a_quick_failure_is_not_remembered() {
        let (silence, began) = (Silence::default(), Instant::now());
        silence.unheard(&hub(), began, began + SLOW / 2);
        assert_eq!(silence.admit(&hub(), began + SLOW / 2), Ok(()));
    }

    /// One request that takes too long says nothing about a hub that answers others meanwhile.
    #[test]
    fn a_hub_that_answers_others_is_not_silent() {
        let (silence, began) = (Silence::default(), Instant::now());
        silence.heard(&hub(), began + SLOW);
        silence.unheard(&hub(), began, began + 15 * SLOW);
        assert_eq!(silence.admit(&hub(), began + 15 * SLOW), Ok(()));
    }
}
