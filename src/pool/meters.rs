//! Everything that is metered, in memory: a restart begins anew.

use super::{Meter, Policy};
use crate::sequencer::UserTag;

/// How often tokens were shown, users asked for and KeyPackages uploaded.
#[derive(Debug)]
pub struct Meters {
    pub(super) tokens: Meter<[u8; 16]>,
    pub(super) targets: Meter<UserTag>,
    pub(super) uploads: Meter<UserTag>,
}

impl Meters {
    /// Nothing happened yet.
    pub fn new(policy: &Policy) -> Self {
        Self {
            tokens: Meter::new(policy.token_rate),
            targets: Meter::new(policy.target_rate),
            uploads: Meter::new(policy.upload_rate),
        }
    }

    /// From now on the rates are those of this policy.
    pub fn set_rates(&mut self, policy: &Policy) {
        self.tokens.set_rate(policy.token_rate);
        self.targets.set_rate(policy.target_rate);
        self.uploads.set_rate(policy.upload_rate);
    }
}
