//! How often providers, and each of our own users, may have something sequenced, or hubs bring Welcomes (specs/protocol.md,
//! Y3 and Y5).
//!
//! Asked before a request goes to its lane, so that whoever floods keeps nobody else waiting there. Users of other
//! providers are never told apart: their provider is asked to (draft §6).
//!
//! # Privacy
//! In memory only, by keyed hashes of users and groups; a restart begins anew.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::Error;
use crate::{
    pool::{Meter, Rate},
    sequencer::{GroupKey, UnixMillis, UserTag},
    wire::ServiceProviderId,
};

/// What is sequenced counts once for so many bytes that are begun, with all that comes beside it.
const UNIT_BYTES: usize = 64 * 1024;

/// Complaints that another provider hands on: each is a number and a write, and nobody has many in earnest.
const COMPLAINTS: Rate = Rate::each_ms(600, 1_000);

/// Groups of one provider that are remembered: its own rate bounds what it gains by using more.
const GROUPS_MAX: NonZeroUsize = NonZeroUsize::new(4_096).expect("not zero");

/// How often something may be sequenced or brought, in units of 64 KiB begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// For another provider, over all groups.
    pub provider: Rate,
    /// For another provider in one group.
    pub provider_in_group: Rate,
    /// For each of our own users, in groups of whatever hub.
    pub user: Rate,
}

impl RateLimits {
    /// How much comes at once is this many seconds' worth.
    const BURST_SECONDS: u32 = 20;

    /// So many units a second in the long run. `request_bytes_max` is the longest request, which must be able to pass.
    pub fn per_second(provider: u32, provider_in_group: u32, user: u32, request_bytes_max: usize) -> Self {
        let rate = |per_second: u32| Rate {
            burst: per_second.saturating_mul(Self::BURST_SECONDS).max(units(request_bytes_max)),
            each: Duration::from_secs(1) / per_second.max(1),
        };
        Self { provider: rate(provider), provider_in_group: rate(provider_in_group), user: rate(user) }
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self::per_second(5_000, 500, 100, 64 * 1024 * 1024)
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES).max(1)).unwrap_or(u32::MAX)
}

/// Who is charged.
#[derive(Clone, Debug)]
pub(super) enum Payer {
    /// Another provider, for what it sends to a group.
    Provider(ServiceProviderId, GroupKey),
    /// One of our own users.
    User(UserTag),
}

/// What was charged for a request: to be given back if it turns out to be one that was charged before.
#[derive(Debug)]
#[must_use]
pub(super) struct Charge {
    payer: Payer,
    units: u32,
}

/// What everybody has used up.
#[derive(Debug)]
pub(super) struct Rates(Mutex<Meters>);

#[derive(Debug)]
struct Meters {
    limits: RateLimits,
    providers: Meter<ServiceProviderId>,
    /// As many as there are peers. Each has a meter of its own: one that uses many groups makes no room among those of
    /// another.
    groups: HashMap<ServiceProviderId, Meter<GroupKey>>,
    users: Meter<UserTag>,
    complaints: Meter<ServiceProviderId>,
}

impl Rates {
    pub(super) fn new(limits: RateLimits) -> Self {
        let (providers, users) = (Meter::new(limits.provider), Meter::new(limits.user));
        let complaints = Meter::new(COMPLAINTS);
        Self(Mutex::new(Meters { limits, providers, groups: HashMap::new(), users, complaints }))
    }

    /// From now on these are the rates. What is used up stays used up.
    pub(super) fn set_limits(&self, limits: RateLimits) {
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        meters.limits = limits;
        meters.providers.set_rate(limits.provider);
        meters.groups.values_mut().for_each(|groups| groups.set_rate(limits.provider_in_group));
        meters.users.set_rate(limits.user);
    }

    /// Charges a request of so many bytes.
    ///
    /// # Errors
    /// [`Error::TooFast`], and nothing is charged.
    pub(super) fn charge(&self, payer: Payer, bytes: usize, now: UnixMillis) -> Result<Charge, Error> {
        let units = units(bytes);
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = match &payer {
            Payer::User(user) => {
                let wait = meters.users.wait_for(user, units, now);
                meters.users.take_many(*user, units, now);
                wait
            }
            Payer::Provider(provider, group) => {
                let Meters { limits, providers, groups, .. } = &mut *meters;
                let of_groups = || Meter::for_names(limits.provider_in_group, GROUPS_MAX);
                let groups = groups.entry(provider.clone()).or_insert_with(of_groups);
                let wait = providers.wait_for(provider, units, now).max(groups.wait_for(group, units, now));
                if wait.is_zero() {
                    providers.take_many(provider.clone(), units, now);
                    groups.take_many(*group, units, now);
                }
                wait
            }
        };
        // A request that could never pass is too large, and refused as that where its size is looked at.
        if wait.is_zero() { Ok(Charge { payer, units }) } else { Err(too_fast(wait)) }
    }

    /// Charges a hub for a ticket that it gets, or for a Welcome of so many bytes that it brings.
    ///
    /// # Errors
    /// [`Error::TooFast`], and nothing is charged.
    pub(super) fn charge_welcome(&self, hub: &ServiceProviderId, bytes: usize, now: UnixMillis) -> Result<(), Error> {
        let units = units(bytes);
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = meters.providers.wait_for(hub, units, now);
        if !wait.is_zero() {
            return Err(too_fast(wait));
        }
        meters.providers.take_many(hub.clone(), units, now);
        Ok(())
    }

    /// Charges another provider for a complaint.
    ///
    /// # Errors
    /// [`Error::TooFast`], and nothing is charged.
    pub(super) fn charge_complaint(&self, from: &ServiceProviderId, now: UnixMillis) -> Result<(), Error> {
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = meters.complaints.wait_for(from, 1, now);
        meters.complaints.take(from.clone(), now);
        if wait.is_zero() { Ok(()) } else { Err(too_fast(wait)) }
    }

    /// Gives a charge back: the request was a repetition of one that was charged.
    pub(super) fn give_back(&self, charge: Charge) {
        let Charge { payer, units } = charge;
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match payer {
            Payer::User(user) => meters.users.give_back(&user, units),
            Payer::Provider(provider, group) => {
                meters.providers.give_back(&provider, units);
                if let Some(groups) = meters.groups.get_mut(&provider) {
                    groups.give_back(&group, units);
                }
            }
        }
    }
}

fn too_fast(wait: Duration) -> Error {
    let seconds = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
    Error::TooFast { retry_after_seconds: seconds.min(3600) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: RateLimits = RateLimits {
        provider: Rate::each_ms(4, 250),
        provider_in_group: Rate::each_ms(2, 500),
        user: Rate::each_ms(3, 1_000),
    };

    fn peer(name: &str, group: u8) -> Payer {
        Payer::Provider(name.parse().unwrap(), GroupKey::new([group; 32]))
    }

    fn user(number: u8) -> Payer {
        Payer::User(UserTag([number; 16]))
    }

    fn refused(seconds: u32) -> Option<Error> {
        Some(Error::TooFast { retry_after_seconds: seconds })
    }

    #[test]
    fn a_provider_is_limited_in_each_group_and_over_all() {
        let rates = Rates::new(LIMITS);
        let charge = |name, group, now| rates.charge(peer(name, group), 100, now).err();
        assert_eq!([charge("a.example", 1, 0), charge("a.example", 1, 0)], [None, None]);
        assert_eq!(charge("a.example", 1, 0), refused(1), "of the group");
        assert_eq!([charge("a.example", 2, 0), charge("a.example", 3, 0)], [None, None]);
        assert_eq!(charge("a.example", 4, 0), refused(1), "of all");
        // Nobody pays for another, and a refusal costs nothing anywhere.
        assert_eq!([charge("b.example", 1, 0), charge("b.example", 1, 0)], [None, None]);
        assert_eq!([charge("a.example", 4, 250), charge("a.example", 4, 500)], [None, None]);
    }

    #[test]
    fn users_are_limited_one_by_one() {
        let rates = Rates::new(LIMITS);
        for _message in 0..3 {
            assert!(rates.charge(user(1), 1, 0).is_ok());
        }
        assert_eq!(rates.charge(user(1), 1, 0).err(), refused(1));
        assert!(rates.charge(user(2), 1, 0).is_ok());
        assert_eq!(rates.charge(user(1), UNIT_BYTES * 3, 500).err(), refused(3));
        assert!(rates.charge(user(1), UNIT_BYTES * 3, 3_000).is_ok());
    }

    #[test]
    fn complaints_have_a_rate_of_their_own() {
        let rates = Rates::new(LIMITS);
        let [flooding, other] = ["a.example", "b.example"].map(|name| name.parse().unwrap());
        for _complaint in 0..600 {
            assert_eq!(rates.charge_complaint(&flooding, 0), Ok(()));
        }
        assert_eq!(rates.charge_complaint(&flooding, 0).err(), refused(1));
        assert_eq!(rates.charge_complaint(&flooding, 1_000), Ok(()));
        assert_eq!(rates.charge_complaint(&other, 0), Ok(()));
        assert!(rates.charge(peer("a.example", 1), 100, 0).is_ok(), "and cost no message");
    }

    #[test]
    fn what_is_given_back_was_charged_to_nobody() {
        let rates = Rates::new(LIMITS);
        for _repeat in 0..100 {
            rates.give_back(rates.charge(peer("a.example", 1), 100, 0).unwrap());
            rates.give_back(rates.charge(user(1), 100, 0).unwrap());
        }
    }

    /// Whoever had nothing left has what the new rate gives, and a burst that was smaller is not given again.
    #[test]
    fn new_limits_hold_at_once_and_give_nothing_back() {
        let rates = Rates::new(LIMITS);
        let charge = |payer: Payer| rates.charge(payer, 100, 0).err();
        for _message in 0..3 {
            assert_eq!(charge(user(1)), None);
        }
        assert_eq!([charge(peer("a.example", 1)), charge(peer("a.example", 1))], [None, None]);
        let (user_rate, group_rate) = (Rate::each_ms(5, 1_000), Rate::each_ms(3, 500));
        rates.set_limits(RateLimits { user: user_rate, provider_in_group: group_rate, ..LIMITS });
        assert_eq!([charge(user(1)), charge(user(1)), charge(user(1))], [None, None, refused(1)]);
        assert_eq!([charge(peer("a.example", 1)), charge(peer("a.example", 1))], [None, refused(1)]);
        rates.set_limits(RateLimits { provider: Rate::each_ms(1, 1_000), user: Rate::each_ms(1, 1_000), ..LIMITS });
        assert_eq!([charge(peer("b.example", 1)), charge(peer("b.example", 2))], [None, refused(1)]);
        assert_eq!([charge(user(2)), charge(user(2))], [None, refused(1)]);
    }

    #[test]
    fn the_longest_request_passes_however_slow_the_rate_is() {
        let longest = 52 * 1024 * 1024;
        let rates = Rates::new(RateLimits::per_second(1, 1, 1, longest));
        assert!(rates.charge(peer("a.example", 1), longest, 0).is_ok());
        assert!(rates.charge(user(1), longest, 0).is_ok());
        assert_eq!(rates.charge(user(1), 1, 0).err(), refused(1));
    }
}
