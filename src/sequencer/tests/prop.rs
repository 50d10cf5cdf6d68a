//! Random operations of three providers in two groups, against a [`model`].
//!
//! After every operation the hub's rows say what the model says, and the [`super::invariants`] hold. The same
//! operations are also decided and applied in batches, and come to the same.

#[cfg(feature = "fuzzing")]
mod bytes;
#[cfg(test)]
mod cases;
mod compare;
mod joining;
mod model;
mod operation;
mod run;
#[cfg(test)]
mod strategy;

use super::{notation::provider, *};

const PROVIDERS: [&str; 3] = ["hub", "north", "south"];
const GROUPS: [&str; 2] = ["one", "two"];
/// Few enough that operations meet.
const PARTITIONS: u8 = 9;
const ROOT: u8 = 0;
const ROOT_EPOCH: u64 = 5;
const OPERATIONS: usize = 100;

/// Small limits, so that they are met.
fn policy() -> Policy {
    Policy {
        providers: std::sync::Arc::new(PROVIDERS.map(provider).into()),
        hub: Some(provider(PROVIDERS[0])),
        budget_in_group: Usage { partitions: 4, bytes: 1000 },
        budget_in_all: Usage { partitions: 6, bytes: 1600 },
        free_chain: 2,
        hint_epochs: 3,
        hint_bytes: 700,
        idle_ms: 90 * 86_400_000,
        ..Policy::default()
    }
}

#[test]
fn the_hub_does_what_the_model_says() {
    cases::hold();
}

/// The operations that the bytes say.
#[cfg(feature = "fuzzing")]
pub(crate) fn play(bytes: &[u8]) {
    let mut bytes = arbitrary::Unstructured::new(bytes);
    let mut run = run::Run::new();
    for _ in 0..OPERATIONS {
        // At their end bytes mean zeros for ever.
        if bytes.is_empty() {
            break;
        }
        let Ok((group, operation)) = bytes::operation(&mut bytes) else { break };
        run.operate(group, operation);
    }
    run.flush();
}
