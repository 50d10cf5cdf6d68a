//! Which hubs have not answered lately, so that not everybody has to find out alone.
//!
//! A hub that refuses connections says so at once, and is asked again each time. One that says nothing costs whoever asks
//! the whole time to connect: for a little while after that, others are told without being asked to wait, and then one of
//! them at a time finds out whether it is back.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::Problem;
use crate::{client::http::ChannelError, wire::ServiceProviderId};

/// A failure that was known sooner than this is not worth remembering.
const SLOW: Duration = Duration::from_secs(1);
/// How long silence is remembered. As long as those who are refused meanwhile are told to wait.
const REMEMBERED: Duration = Duration::from_secs(2);

/// Hubs that were asked, at most as many as there are peers.
#[derive(Debug, Default)]
pub(super) struct Silence(Mutex<HashMap<ServiceProviderId, Hub>>);

#[derive(Debug, Default)]
struct Hub {
    /// When it last answered, or was found to be silent. Requests that began before that say nothing new.
    known_at: Option<Instant>,
    refused_until: Option<Instant>,
    /// Whoever finds out now, by the number that they were given.
    finding_out: Option<u64>,
    /// How many have found out.
    found_out: u64,
}

/// Whoever asks a hub that was silent a moment ago. Others are refused until it answers, or this is dropped: so it is
/// asked nothing that it may take its time for.
#[derive(Debug)]
pub(super) struct FindingOut {
    silence: Arc<Silence>,
    hub: ServiceProviderId,
    number: u64,
}

impl Silence {
    /// Whether the hub may be asked now; and whether that is to find out.
    ///
    /// # Errors
    /// When it was silent a moment ago, or somebody is finding out whether it still is.
    pub(super) fn admit(
        self: &Arc<Self>,
        hub: &ServiceProviderId,
        now: Instant,
    ) -> Result<Option<FindingOut>, Problem> {
        let mut hubs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = hubs.get_mut(hub) else { return Ok(None) };
        match known.refused_until {
            None => Ok(None),
            Some(until) if now < until || known.finding_out.is_some() => Err(Problem::hub_unavailable()),
            Some(_) => {
                known.found_out = known.found_out.wrapping_add(1);
                known.finding_out = Some(known.found_out);
                Ok(Some(FindingOut { silence: self.clone(), hub: hub.clone(), number: known.found_out }))
            }
        }
    }

    /// The hub has said something, whatever it was.
    pub(super) fn heard(&self, hub: &ServiceProviderId, now: Instant) {
        let mut hubs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = hubs.entry(hub.clone()).or_default();
        known.known_at = Some(now);
        known.refused_until = None;
    }

    /// A request that began then has failed so.
    pub(super) fn failed(&self, hub: &ServiceProviderId, error: ChannelError, since: Instant, now: Instant) {
        // Whoever breaks a connection, or answers it with nonsense, is not silent.
        let is_silence = matches!(error, ChannelError::Connect | ChannelError::Timeout);
        let mut hubs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = hubs.entry(hub.clone()).or_default();
        if known.known_at.is_some_and(|at| at >= since) {
            return;
        }
        if is_silence && now.duration_since(since) >= SLOW {
            known.known_at = Some(now);
            known.refused_until = Some(now + REMEMBERED);
        } else {
            // A quick failure ends it as well: whoever asks next finds out as quickly.
            known.refused_until = None;
        }
    }
}

impl Drop for FindingOut {
    fn drop(&mut self) {
        let mut hubs = self.silence.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = hubs.get_mut(&self.hub) {
            known.finding_out.take_if(|number| *number == self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub() -> ServiceProviderId {
        "hub.example".parse().unwrap()
    }

    fn is_free(silence: &Arc<Silence>, at: Instant) -> bool {
        matches!(silence.admit(&hub(), at), Ok(None))
    }

    fn is_refused(silence: &Arc<Silence>, at: Instant) -> bool {
        silence.admit(&hub(), at).is_err()
    }

    fn find_out(silence: &Arc<Silence>, at: Instant) -> FindingOut {
        silence.admit(&hub(), at).unwrap().expect("one finds out")
    }

    #[test]
    fn silence_is_remembered_for_a_while_and_then_found_out_by_one() {
        let (silence, began) = (Arc::new(Silence::default()), Instant::now());
        assert!(is_free(&silence, began));
        let silent = began + Duration::from_secs(5);
        silence.failed(&hub(), ChannelError::Connect, began, silent);
        for after in [0, 1999] {
            assert!(is_refused(&silence, silent + Duration::from_millis(after)), "{after}");
        }
        let again = silent + REMEMBERED;
        let finding_out = find_out(&silence, again);
        assert!(is_refused(&silence, again + 30 * REMEMBERED), "and nobody else, however long it takes");
        silence.heard(&hub(), again);
        assert!(is_free(&silence, again));
        drop(finding_out);
        // Other hubs are none of this.
        silence.failed(&hub(), ChannelError::Connect, again + SLOW, again + 2 * SLOW);
        assert!(silence.admit(&"third.example".parse().unwrap(), again + 2 * SLOW).unwrap().is_none());
    }

    #[test]
    fn whoever_finds_out_and_goes_away_leaves_it_to_the_next() {
        let (silence, began) = (Arc::new(Silence::default()), Instant::now());
        silence.failed(&hub(), ChannelError::Timeout, began, began + SLOW);
        let again = began + SLOW + REMEMBERED;
        let first = find_out(&silence, again);
        // An old request is answered after all, and the next ones are not: somebody else finds out.
        silence.heard(&hub(), again);
        silence.failed(&hub(), ChannelError::Connect, again + SLOW, again + 3 * SLOW);
        assert!(is_refused(&silence, again + 3 * SLOW + REMEMBERED), "the first one still does");
        drop(first);
        let second = find_out(&silence, again + 3 * SLOW + REMEMBERED);
        drop(second);
        drop(find_out(&silence, again + 3 * SLOW + REMEMBERED));
    }

    #[test]
    fn whoever_finds_out_and_hears_nothing_refuses_others_for_a_while_again() {
        let (silence, began) = (Arc::new(Silence::default()), Instant::now());
        silence.failed(&hub(), ChannelError::Connect, began, began + SLOW);
        let again = began + SLOW + REMEMBERED;
        let finding_out = find_out(&silence, again);
        silence.failed(&hub(), ChannelError::Connect, again, again + 5 * SLOW);
        drop(finding_out);
        assert!(is_refused(&silence, again + 5 * SLOW));
        let finding_out = find_out(&silence, again + 5 * SLOW + REMEMBERED);
        silence.failed(&hub(), ChannelError::Connect, again + 8 * SLOW, again + 8 * SLOW);
        drop(finding_out);
        assert!(is_free(&silence, again + 8 * SLOW), "it refuses connections, which is no silence");
    }

    /// A wait that began long ago and is cut off is no slow failure: the hub has been restarted.
    #[test]
    fn only_failures_that_are_silence_and_took_long_are_remembered() {
        for (error, took, refused) in [
            (ChannelError::Connect, SLOW / 2, false),
            (ChannelError::Connect, SLOW, true),
            (ChannelError::Timeout, SLOW, true),
            (ChannelError::Broken, 30 * SLOW, false),
            (ChannelError::Tls, 30 * SLOW, false),
        ] {
            let (silence, began) = (Arc::new(Silence::default()), Instant::now());
            silence.failed(&hub(), error, began, began + took);
            assert_eq!(is_refused(&silence, began + took), refused, "{error:?} {took:?}");
        }
    }

    /// One request that takes too long says nothing about a hub that answers others meanwhile, nor does it end what they
    /// have found out since.
    #[test]
    fn a_hub_that_answers_others_is_not_silent() {
        let (silence, began) = (Arc::new(Silence::default()), Instant::now());
        silence.heard(&hub(), began + SLOW);
        silence.failed(&hub(), ChannelError::Timeout, began, began + 15 * SLOW);
        assert!(is_free(&silence, began + 15 * SLOW));
        silence.failed(&hub(), ChannelError::Connect, began + 10 * SLOW, began + 16 * SLOW);
        silence.failed(&hub(), ChannelError::Broken, began, began + 16 * SLOW);
        assert!(is_refused(&silence, began + 16 * SLOW));
        // Waits that end one after the other make nobody wait for longer.
        silence.failed(&hub(), ChannelError::Timeout, began + 12 * SLOW, began + 17 * SLOW);
        drop(find_out(&silence, began + 16 * SLOW + REMEMBERED));
    }
}
