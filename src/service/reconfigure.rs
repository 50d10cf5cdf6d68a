//! What an operator changes while the service runs.

use std::sync::{Arc, PoisonError};

use super::{Limits, Service};
use crate::{pool, sequencer::Policy};

impl Service {
    /// Goes by these from now on. Of the limits that is so for `receive_wait`, `waiting_per_provider`, `page_bytes` and
    /// `rates`; the others are what they were at the start, and so are bans and
    /// what a restore has forgotten, which are the database's.
    ///
    /// A batch that is being decided goes by what held when it began. What was promised by an earlier policy, such as when
    /// an orphan expires, stays as it was promised.
    pub fn reconfigure(&self, policy: Policy, pool_policy: pool::Policy, limits: Limits) {
        {
            // Under the lock: a ban that a lane puts in force meanwhile is not lost.
            let mut in_force = self.policy.write().unwrap_or_else(PoisonError::into_inner);
            let (bans, forgotten) = (in_force.bans.clone(), in_force.forgotten);
            *in_force = Arc::new(Policy { bans, forgotten, ..policy });
        }
        *self.pool_policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pool_policy);
        let Limits { receive_wait, waiting_per_provider, page_bytes, rates, .. } = limits;
        {
            let mut in_force = self.limits.write().unwrap_or_else(PoisonError::into_inner);
            *in_force = Limits { receive_wait, waiting_per_provider, page_bytes, rates, ..*in_force };
        }
        self.waiters.set_per_provider_max(waiting_per_provider);
        self.rates.set_limits(rates);
    }
}
