//! How many requests are decapsulated for whom (RFC 9458 §6.2.2): each relay that is known has a budget of its own, all
//! others share one.

use std::{fmt, num::NonZeroU32, sync::Arc};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed, keyed::HashMapStateStore},
};

/// Which relay sent a request, as its certificate says. The owner of the listener puts it among the extensions of the
/// outer request; nothing in the request itself can.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RelayIdentity(pub Arc<str>);

/// Requests per second, and how many may come at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests per second in the long run.
    pub per_second: NonZeroU32,
    /// Requests at once.
    pub burst: NonZeroU32,
}

impl Rate {
    fn quota(self) -> Quota {
        Quota::per_second(self.per_second).allow_burst(self.burst)
    }
}

/// So many relays are remembered before those that were silent for long are forgotten.
const RELAYS: usize = 1024;

/// Counts requests against budgets.
pub struct Budgets<C: Clock = DefaultClock> {
    relays: RateLimiter<RelayIdentity, HashMapStateStore<RelayIdentity>, C, NoOpMiddleware<C::Instant>>,
    others: RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>,
    clock: C,
}

impl Budgets {
    /// Budgets that are full.
    #[must_use]
    pub fn new(each_relay: Rate, others_together: Rate) -> Self {
        Self::with_clock(each_relay, others_together, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Budgets<C> {
    fn with_clock(each_relay: Rate, others_together: Rate, clock: C) -> Self {
        Self {
            relays: RateLimiter::hashmap_with_clock(each_relay.quota(), clock.clone()),
            others: RateLimiter::direct_with_clock(others_together.quota(), clock.clone()),
            clock,
        }
    }

    /// Takes one request out of its budget.
    ///
    /// # Errors
    /// When there is none left: after how many seconds there will be.
    pub fn take(&self, relay: Option<&RelayIdentity>) -> Result<(), u64> {
        let late = match relay {
            Some(relay) => {
                if self.relays.len() > RELAYS {
                    self.relays.retain_recent();
                }
                self.relays.check_key(relay).err()
            }
            None => self.others.check().err(),
        };
        match late {
            None => Ok(()),
            Some(until) => {
                let wait = until.wait_time_from(self.clock.now());
                Err(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
            }
        }
    }
}

impl<C: Clock> fmt::Debug for Budgets<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Budgets").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn rate(per_second: u32, burst: u32) -> Rate {
        Rate { per_second: NonZeroU32::new(per_second).unwrap(), burst: NonZeroU32::new(burst).unwrap() }
    }

    fn relay(name: &str) -> RelayIdentity {
        RelayIdentity(name.into())
    }

    #[test]
    fn each_relay_has_its_own_budget_and_strangers_share_one() {
        let clock = FakeRelativeClock::default();
        let budgets = Budgets::with_clock(rate(10, 3), rate(1, 2), clock.clone());
        for name in ["a.example", "b.example"] {
            for _ in 0..3 {
                assert_eq!(budgets.take(Some(&relay(name))), Ok(()));
            }
            assert_eq!(budgets.take(Some(&relay(name))), Err(1));
        }
        assert_eq!(budgets.take(None), Ok(()));
        assert_eq!(budgets.take(None), Ok(()));
        assert_eq!(budgets.take(None), Err(1));
        clock.advance(Duration::from_millis(100));
        assert_eq!(budgets.take(Some(&relay("a.example"))), Ok(()));
        assert_eq!(budgets.take(Some(&relay("a.example"))), Err(1));
        assert_eq!(budgets.take(None), Err(1));
        clock.advance(Duration::from_millis(900));
        assert_eq!(budgets.take(None), Ok(()));
    }

    #[test]
    fn silent_relays_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let budgets = Budgets::with_clock(rate(10, 3), rate(1, 1), clock.clone());
        for number in 0..=RELAYS {
            assert_eq!(budgets.take(Some(&relay(&number.to_string()))), Ok(()));
        }
        clock.advance(Duration::from_secs(10));
        assert_eq!(budgets.take(Some(&relay("another"))), Ok(()));
        assert_eq!(budgets.relays.len(), 1);
    }
}
