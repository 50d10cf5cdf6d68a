//! Following partitions at other hubs: which step a local user's wait takes next, and what is remembered of that.
//!
//! A push saves waiting at the hub, and nothing rests on it: whoever waits for pushes looks at the hub now and then, and
//! a hub that has messages which it did not push is not waited for any more.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use lru::LruCache;

use super::Place;
use crate::{
    sequencer::{Followed, UnixMillis},
    wire::ServiceProviderId,
};

/// How many partitions are followed at once, as far as is known since the start.
const PLACES_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("not zero");
/// For so long after the hub had nothing, or pushed, its silence means that there is nothing.
const CONFIRMED_MS: UnixMillis = 20_000;
/// A message that the hub has must be pushed within this time.
const MISSING_MS: UnixMillis = 10_000;
/// How long a hub that did not push is not asked to.
const DISTRUST_MS: UnixMillis = 600_000;
/// A hub that goes on so many indexes behind what is followed was put back from a backup (specs/protocol.md S3): it has passed
/// over twice as many, less those that it had pushed and forgotten. No push gets over that.
pub(super) const FAR_BEHIND: u32 = 1 << 23;
/// The lease that is asked for, and how much of it must be left.
pub(super) const LEASE_MS: UnixMillis = 24 * 3_600_000;
const RENEW_MS: UnixMillis = LEASE_MS / 2;
/// While the hub is being asked, what it pushes is kept for so long: more than it may take to answer, and less than any
/// lease that is worth having. A lease of which no more is left is taken for none.
pub(super) const PROVISIONAL_MS: UnixMillis = 120_000;

/// What a wait does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// What is wanted is kept here.
    Serve,
    /// The hub is to be asked for pushes.
    Subscribe,
    /// A push is on its way, if there is anything: wait for it, so many milliseconds at most.
    AwaitPush(UnixMillis),
    /// Nothing was heard for a while: look whether there is something.
    Look,
    /// Wait at the hub.
    Pull,
}

/// What is remembered while the process runs. All of it may be lost.
#[derive(Debug)]
pub(super) struct Following {
    places: Mutex<LruCache<Place, Seen>>,
    distrusted: Mutex<HashMap<ServiceProviderId, UnixMillis>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Since when it is known how things stand at the hub.
    confirmed_ms: Option<UnixMillis>,
    /// Somebody is asking the hub for pushes.
    subscribing: bool,
    /// The hub has messages up to this index, and had them at that time.
    missing: Option<(u32, UnixMillis)>,
}

impl Default for Following {
    fn default() -> Self {
        Self { places: Mutex::new(LruCache::new(PLACES_MAX)), distrusted: Mutex::default() }
    }
}

impl Following {
    /// What a wait for the message at `counter` does next. The one that is told to subscribe has to say how it ended.
    pub(super) fn next(
        &self,
        hub: &ServiceProviderId,
        place: &Place,
        record: Option<&Followed>,
        counter: u32,
        now: UnixMillis,
    ) -> Next {
        if record.is_some_and(|record| (record.first_index..record.next_index).contains(&counter)) {
            return Next::Serve;
        }
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = places.get(place).copied().unwrap_or_default();
        let lease_ms = record.map_or(0, |record| record.until_ms.saturating_sub(now));
        let is_leased = lease_ms > PROVISIONAL_MS;
        if let Some((index, since_ms)) = seen.missing {
            // Without a lease no hub owes anything.
            if !is_leased || record.is_some_and(|record| record.next_index >= index) {
                seen.missing = None;
            } else if now >= since_ms.saturating_add(MISSING_MS) {
                places.pop(place);
                drop(places);
                self.distrust(hub, now);
                return Next::Pull;
            }
        }
        if self.is_distrusted(hub, now) {
            return Next::Pull;
        }
        let next = if lease_ms < RENEW_MS && !seen.subscribing {
            seen.subscribing = true;
            Next::Subscribe
        } else {
            match (record, seen.confirmed_ms) {
                _ if seen.missing.is_some() => Next::Pull,
                (Some(record), _) if !is_leased || counter < record.first_index => Next::Pull,
                (Some(_), Some(at_ms)) if now < at_ms.saturating_add(CONFIRMED_MS) => {
                    Next::AwaitPush(at_ms.saturating_add(CONFIRMED_MS) - now)
                }
                (Some(_), _) => Next::Look,
                (None, _) => Next::Pull,
            }
        };
        places.put(*place, seen);
        next
    }

    /// Whoever was told to subscribe has done so, or not.
    pub(super) fn subscribed(&self, hub: &ServiceProviderId, place: &Place, accepted: bool, now: UnixMillis) {
        self.change(place, |seen| {
            seen.subscribing = false;
            if accepted {
                *seen = Seen { confirmed_ms: Some(now), ..Seen::default() };
            }
        });
        if !accepted {
            self.distrust(hub, now);
        }
    }

    /// Whoever was told to subscribe has gone away, and nobody knows how it ended.
    pub(super) fn abandoned(&self, place: &Place) {
        self.change(place, |seen| seen.subscribing = false);
    }

    /// The hub has pushed, or had nothing more than what is here.
    pub(super) fn confirm(&self, place: &Place, now: UnixMillis) {
        self.change(place, |seen| seen.confirmed_ms = Some(now));
    }

    /// The hub had messages up to that index when it was asked.
    pub(super) fn found(&self, place: &Place, next_index: u32, now: UnixMillis) {
        self.change(place, |seen| seen.missing = seen.missing.or(Some((next_index, now))));
    }

    fn change(&self, place: &Place, change: impl FnOnce(&mut Seen)) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = places.get_mut(place) {
            change(seen);
        }
    }

    fn distrust(&self, hub: &ServiceProviderId, now: UnixMillis) {
        let mut distrusted = self.distrusted.lock().unwrap_or_else(PoisonError::into_inner);
        distrusted.insert(hub.clone(), now.saturating_add(DISTRUST_MS));
    }

    fn is_distrusted(&self, hub: &ServiceProviderId, now: UnixMillis) -> bool {
        let mut distrusted = self.distrusted.lock().unwrap_or_else(PoisonError::into_inner);
        match distrusted.get(hub) {
            Some(until_ms) if now < *until_ms => true,
            Some(_) => {
                distrusted.remove(hub);
                false
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{sequencer::GroupKey, wire::MaskedPartitionKey};

    const NOW: UnixMillis = 1_000_000_000;
    const PLACE: Place = (GroupKey::new([1; 32]), MaskedPartitionKey::NONE);

    fn hub() -> ServiceProviderId {
        "hub.example".parse().unwrap()
    }

    /// Messages 3 to 6 are kept.
    fn record() -> Followed {
        let until_ms = NOW + LEASE_MS;
        Followed { until_ms, needed_ms: NOW, first_index: 3, next_index: 7, bytes: 4, timer_ms: NOW }
    }

    fn next(following: &Following, record: Option<&Followed>, counter: u32, now: UnixMillis) -> Next {
        following.next(&hub(), &PLACE, record, counter, now)
    }

    fn subscribed() -> Following {
        let following = Following::default();
        assert_eq!(next(&following, None, 0, NOW), Next::Subscribe);
        following.subscribed(&hub(), &PLACE, true, NOW);
        following
    }

    #[test]
    fn one_subscribes_and_others_wait_at_the_hub_meanwhile() {
        let following = Following::default();
        assert_eq!(next(&following, None, 0, NOW), Next::Subscribe);
        assert_eq!(next(&following, None, 0, NOW), Next::Pull);
        // What is pushed meanwhile is kept, and nobody waits for that.
        let provisional = Followed { until_ms: NOW + PROVISIONAL_MS, ..record() };
        assert_eq!(next(&following, Some(&provisional), 7, NOW), Next::Pull);
        following.confirm(&PLACE, NOW);
        assert_eq!(next(&following, Some(&provisional), 7, NOW), Next::Pull, "one push is no lease");
        following.abandoned(&PLACE);
        assert_eq!(next(&following, Some(&provisional), 7, NOW), Next::Subscribe);
        following.subscribed(&hub(), &PLACE, true, NOW);
        assert_eq!(next(&following, Some(&record()), 7, NOW), Next::AwaitPush(CONFIRMED_MS));
        // Half of the lease is over.
        assert_eq!(next(&following, Some(&record()), 7, NOW + RENEW_MS + 1), Next::Subscribe);
    }

    #[test]
    fn what_is_kept_is_served_and_what_is_not_is_at_the_hub() {
        let following = subscribed();
        for (counter, expected) in [
            (2, Next::Pull),
            (3, Next::Serve),
            (6, Next::Serve),
            (7, Next::AwaitPush(CONFIRMED_MS)),
            (9, Next::AwaitPush(CONFIRMED_MS)),
        ] {
            assert_eq!(next(&following, Some(&record()), counter, NOW), expected, "{counter}");
        }
        // Also when nobody remembers anything, as after a restart.
        assert_eq!(next(&Following::default(), Some(&record()), 3, NOW), Next::Serve);
        assert_eq!(next(&Following::default(), Some(&record()), 7, NOW), Next::Look);
    }

    #[test]
    fn silence_is_looked_into() {
        let following = subscribed();
        let later = NOW + CONFIRMED_MS;
        assert_eq!(next(&following, Some(&record()), 7, later - 1), Next::AwaitPush(1));
        assert_eq!(next(&following, Some(&record()), 7, later), Next::Look);
        following.confirm(&PLACE, later);
        assert_eq!(next(&following, Some(&record()), 7, later), Next::AwaitPush(CONFIRMED_MS));
    }

    #[test]
    fn a_hub_that_has_what_it_does_not_push_is_not_waited_for() {
        let following = subscribed();
        following.found(&PLACE, 8, NOW);
        assert_eq!(next(&following, Some(&record()), 8, NOW), Next::Pull, "until it is pushed");
        assert_eq!(next(&following, Some(&record()), 8, NOW + MISSING_MS - 1), Next::Pull);
        let pushed = Followed { next_index: 8, ..record() };
        assert_eq!(next(&following, Some(&pushed), 8, NOW + 5), Next::AwaitPush(CONFIRMED_MS - 5));
        // This time nothing comes.
        following.found(&PLACE, 9, NOW + 5);
        assert_eq!(next(&following, Some(&pushed), 9, NOW + 5 + MISSING_MS), Next::Pull);
        assert_eq!(next(&following, None, 0, NOW + 5 + MISSING_MS), Next::Pull, "it is not even asked");
        assert_eq!(next(&following, None, 0, NOW + 5 + MISSING_MS + DISTRUST_MS), Next::Subscribe, "for a while");
    }

    /// What was missing while nobody waited, or under a lease that is over, says nothing about the hub.
    #[test]
    fn a_hub_owes_nothing_without_a_lease() {
        let over = Followed { until_ms: NOW, ..record() };
        let provisional = Followed { until_ms: NOW + MISSING_MS + PROVISIONAL_MS, ..record() };
        for record in [None, Some(over), Some(provisional)] {
            let following = subscribed();
            following.found(&PLACE, 8, NOW);
            assert_eq!(next(&following, record.as_ref(), 8, NOW + MISSING_MS), Next::Subscribe, "{record:?}");
        }
    }

    #[test]
    fn a_hub_that_refuses_is_left_alone() {
        let following = Following::default();
        assert_eq!(next(&following, None, 0, NOW), Next::Subscribe);
        following.subscribed(&hub(), &PLACE, false, NOW);
        assert_eq!(next(&following, None, 0, NOW + 1), Next::Pull);
        let other = "third.example".parse().unwrap();
        assert_eq!(following.next(&other, &PLACE, None, 0, NOW + 1), Next::Subscribe);
    }
}
