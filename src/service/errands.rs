//! How the courier is called: something may be due that goes out to other providers.
//!
//! Calling is lossy by contract: a courier looks now and then even when nobody called.

use tokio::sync::Notify;

use super::{Late, PushCalls};

/// One call for each kind of errand. Each has one courier that waits; calls that come before it waits are kept, as one.
#[derive(Debug, Default)]
pub struct Errands {
    /// Welcomes to deliver.
    pub welcomes: Notify,
    /// Messages to push.
    pub pushes: PushCalls,
    /// Public states to find out.
    pub late: Late,
}
