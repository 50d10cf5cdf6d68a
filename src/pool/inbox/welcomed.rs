//! Which Welcomes were taken for a KeyPackage.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::{DeliveryKey, InboxPolicy};
use crate::wire::ServiceProviderId;

/// The Welcomes of one KeyPackage, oldest first. There is no row before the first one and after a join.
#[derive(Clone, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Welcomed {
    /// Each once.
    pub taken: Vec<Taken>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Taken {
    /// Who delivered it.
    pub hub: ServiceProviderId,
    /// Which it is.
    pub delivery: DeliveryKey,
    /// Whether its letter is still there.
    #[mls_codec(with = "crate::wire::flag")]
    pub waits: bool,
}

impl Welcomed {
    /// Whether that one was taken before.
    pub(super) fn has(&self, delivery: &DeliveryKey) -> bool {
        self.taken.iter().any(|taken| taken.delivery == *delivery)
    }

    /// Whether one more may be taken.
    ///
    /// Anybody who saw a one-time KeyPackage added can have garbage sent to it: so it takes several, and never more. A
    /// last-resort KeyPackage is meant for many: of those only what waits counts.
    pub(super) fn takes_more(&self, hub: &ServiceProviderId, last_resort: bool, policy: &InboxPolicy) -> bool {
        let counts = |taken: &&Taken| taken.waits || !last_resort;
        let of_all = self.taken.iter().filter(counts).count();
        let of_hub = self.taken.iter().filter(counts).filter(|taken| taken.hub == *hub).count();
        let (hub_max, all_max) = policy.per_reference(last_resort);
        of_hub < hub_max && of_all < all_max
    }

    /// Notes one more. Of those that do not wait any more, only so many are remembered as wait at most.
    pub(super) fn take(&mut self, taken: Taken, last_resort: bool, policy: &InboxPolicy) {
        let (_, all_max) = policy.per_reference(last_resort);
        if self.taken.len() >= all_max
            && let Some(oldest) = self.taken.iter().position(|taken| !taken.waits)
        {
            self.taken.remove(oldest);
        }
        self.taken.push(taken);
    }

    /// Its letter is gone.
    pub(super) fn settle(&mut self, delivery: &DeliveryKey) {
        for taken in self.taken.iter_mut().filter(|taken| taken.delivery == *delivery) {
            taken.waits = false;
        }
    }
}
