//! Joins and proposals that were checked in vain (specs/protocol.md, J1, J7): how many of a provider, lately.
//!
//! To find the place of one takes up to eight GroupInfos and signatures, and it costs its sender nothing to make it up.

use std::sync::{Mutex, PoisonError};

use super::Error;
use crate::{
    pool::{Meter, Rate},
    sequencer::UnixMillis,
    wire::ServiceProviderId,
};

/// In tries, each of a whole message: enough for honest newcomers who lose races, at a provider of many.
const RATE: Rate = Rate::each_ms(256, 5_000);

/// What was tried. A provider is remembered for each peer that there is, and our own users as one.
#[derive(Debug)]
pub(super) struct VainProofs(Mutex<Meter<ServiceProviderId>>);

impl Default for VainProofs {
    fn default() -> Self {
        Self(Mutex::new(Meter::new(RATE)))
    }
}

impl VainProofs {
    /// Whether another message of that provider may be checked.
    ///
    /// # Errors
    /// [`Error::TooManyInVain`].
    pub(super) fn admit(&self, provider: &ServiceProviderId, now: UnixMillis) -> Result<(), Error> {
        let meter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if meter.has(provider, now) { Ok(()) } else { Err(Error::TooManyInVain) }
    }

    /// A message was checked against so many candidates and belongs nowhere. To look for them is a try as well.
    pub(super) fn count(&self, provider: &ServiceProviderId, candidates: usize, now: UnixMillis) {
        let mut meter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for _try in 0..=candidates {
            meter.take(provider.clone(), now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sequencer::CANDIDATES_MAX;

    #[test]
    fn each_provider_has_its_own_and_time_brings_it_back() {
        let (vain, now) = (VainProofs::default(), 1_000_000_000);
        let [flooding, other]: [ServiceProviderId; 2] =
            ["follower.example", "third.example"].map(|name| name.parse().unwrap());
        for message in 0..29 {
            assert_eq!(vain.admit(&flooding, now), Ok(()), "{message}");
            vain.count(&flooding, CANDIDATES_MAX, now);
        }
        assert_eq!(vain.admit(&flooding, now), Err(Error::TooManyInVain));
        assert_eq!(vain.admit(&other, now), Ok(()));
        assert_eq!(vain.admit(&flooding, now + 4_999), Err(Error::TooManyInVain));
        assert_eq!(vain.admit(&flooding, now + 5_000), Ok(()));
    }
}
