//! What relays may bring, and the room that the gateway needs to know copies of it.

use std::num::NonZeroU32;

use restante_gateway::{Policy, Rate};

use super::Public;

/// Marks of requests that the gateway may have to remember: about 3 GB.
const MARKS_MAX: u64 = 20_000_000;

/// What a mark takes, as measured (specs/operations.md, "Sizing").
const MARK_BYTES: u64 = 150;

impl Public {
    /// The gateway's numbers: the budgets as configured, and room for the marks of everything that comes within them, so
    /// that no relay, and no stranger, ever takes the room of another.
    pub fn gateway_policy(&self) -> Policy {
        let policy = Policy {
            each_relay: rate(self.requests_per_second_and_relay),
            others_together: rate(self.requests_per_second_of_others),
            ..Policy::default()
        };
        let marks = policy.marks_within_budgets(self.relays.as_ref().map_or(0, |relays| relays.names.len()));
        Policy { replay_marks_max: usize::try_from(marks).unwrap_or(usize::MAX), ..policy }
    }

    /// Says what is wrong with budgets that need more memory than there should be for them.
    pub(super) fn check_budgets(&self) -> Result<(), String> {
        let marks = self.gateway_policy().replay_marks_max as u64;
        if marks <= MARKS_MAX {
            return Ok(());
        }
        Err(format!(
            "would have copies of up to {marks} requests recognised, about {} MB of memory, and {MARKS_MAX} is the most; \
             lower this number or public.requests_per_second_of_others, or list fewer public.relays",
            marks.saturating_mul(MARK_BYTES) / 1_000_000
        ))
    }
}

/// Twice a second's requests may come at once.
fn rate(per_second: NonZeroU32) -> Rate {
    Rate { per_second, burst: per_second.saturating_mul(NonZeroU32::new(2).unwrap_or(NonZeroU32::MIN)) }
}
