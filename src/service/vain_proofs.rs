//! Joins and proposals that were checked in vain, and Welcomes that were asked about in vain (specs/protocol.md, J1, J7,
//! V10): how many of a provider, or of a user of the hub's own, lately.
//!
//! To find the place of one takes up to eight GroupInfos and signatures, and it costs its sender nothing to make it up.
//! Whoever makes up many shuts nobody else out: the hub's own users are counted one by one, and together only as far as
//! the hub's own work goes.

use std::sync::{Mutex, PoisonError};

use super::Error;
use crate::{
    pool::{Meter, Rate},
    sequencer::{UnixMillis, UserTag},
    wire::ServiceProviderId,
};

/// In tries, each of a whole message: enough for honest newcomers who lose races, at a provider of many.
const RATE: Rate = Rate::each_ms(256, 5_000);

/// Of one of the hub's own users.
const OF_USER: Rate = Rate::each_ms(64, 20_000);

/// Of all of them together. Accounts cost nothing, so whoever has thousands can use this up.
const OF_USERS: Rate = Rate::each_ms(16_384, 80);

/// On whose account a message is checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Trier {
    /// A peer, with all of its users.
    Provider(ServiceProviderId),
    /// One of the hub's own users.
    User(UserTag),
}

impl Trier {
    /// Whoever submits, as that user of ours if it is one.
    pub(super) fn of(submitter: &ServiceProviderId, user: Option<UserTag>) -> Self {
        user.map_or_else(|| Self::Provider(submitter.clone()), Self::User)
    }
}

/// What was tried.
#[derive(Debug)]
pub(super) struct VainProofs(Mutex<Meters>);

/// Each remembers a bounded number of names.
#[derive(Debug)]
struct Meters {
    providers: Meter<ServiceProviderId>,
    users: Meter<UserTag>,
    all_users: Meter<()>,
}

impl Default for VainProofs {
    fn default() -> Self {
        Self(Mutex::new(Meters {
            providers: Meter::new(RATE),
            users: Meter::new(OF_USER),
            all_users: Meter::new(OF_USERS),
        }))
    }
}

impl VainProofs {
    /// Whether another message on that account may be checked.
    ///
    /// # Errors
    /// [`Error::TooManyInVain`].
    pub(super) fn admit(&self, trier: &Trier, now: UnixMillis) -> Result<(), Error> {
        let meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let may_try = match trier {
            Trier::Provider(provider) => meters.providers.has(provider, now),
            Trier::User(user) => meters.users.has(user, now) && meters.all_users.has(&(), now),
        };
        if may_try { Ok(()) } else { Err(Error::TooManyInVain) }
    }

    /// A message was checked against so many candidates and belongs nowhere, or so many tickets were given for a Welcome
    /// that is refused. To look for them, or to ask, is a try as well.
    pub(super) fn count(&self, trier: &Trier, candidates: usize, now: UnixMillis) {
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for _try in 0..=candidates {
            match trier {
                Trier::Provider(provider) => {
                    meters.providers.take(provider.clone(), now);
                }
                Trier::User(user) => {
                    meters.users.take(*user, now);
                    meters.all_users.take((), now);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sequencer::CANDIDATES_MAX;

    const NOW: UnixMillis = 1_000_000_000;

    fn provider(name: &str) -> Trier {
        Trier::Provider(name.parse().unwrap())
    }

    fn user(number: u16) -> Trier {
        let mut tag = [0; 16];
        tag[..2].copy_from_slice(&number.to_be_bytes());
        Trier::User(UserTag(tag))
    }

    /// How many messages are checked until no more are.
    fn flood(vain: &VainProofs, trier: &Trier) -> usize {
        let mut checked = 0;
        while vain.admit(trier, NOW).is_ok() {
            vain.count(trier, CANDIDATES_MAX, NOW);
            checked += 1;
        }
        checked
    }

    #[test]
    fn each_provider_has_its_own_and_time_brings_it_back() {
        let vain = VainProofs::default();
        let [flooding, other] = ["follower.example", "third.example"].map(provider);
        assert_eq!(flood(&vain, &flooding), 29);
        assert_eq!(vain.admit(&other, NOW), Ok(()));
        assert_eq!(vain.admit(&flooding, NOW + 4_999), Err(Error::TooManyInVain));
        assert_eq!(vain.admit(&flooding, NOW + 5_000), Ok(()));
    }

    #[test]
    fn one_user_shuts_no_other_out() {
        let vain = VainProofs::default();
        assert_eq!(flood(&vain, &user(0)), 8);
        assert_eq!(vain.admit(&user(1), NOW), Ok(()));
        assert_eq!(vain.admit(&user(0), NOW + 20_000), Ok(()));
        // All together they are bounded too, and take nothing from peers.
        let checked: usize = (1..1_000).map(|number| flood(&vain, &user(number))).sum();
        assert!(checked < 2_000, "{checked}");
        assert_eq!(vain.admit(&user(2_000), NOW), Err(Error::TooManyInVain));
        assert_eq!(vain.admit(&provider("follower.example"), NOW), Ok(()));
    }
}
