//! What the operator's listener says.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use restante_gateway::{Counters, ReplayWindow};
use restante_process::admin::Standing;

use crate::{marks::Marks, metrics};

/// How the gateway fares.
#[derive(Clone)]
pub(crate) struct GatewayStanding {
    pub(crate) counters: Arc<Counters>,
    pub(crate) replays: Arc<ReplayWindow>,
    pub(crate) marks: Marks,
    pub(crate) draining: Arc<AtomicBool>,
}

impl GatewayStanding {
    /// There is always a key: without one the process does not start.
    fn trouble(&self) -> Option<&'static str> {
        if self.draining.load(Relaxed) {
            Some("draining")
        } else if self.marks.is_poisoned() {
            Some("marks of requests cannot be written: see replays.path, then restart")
        } else {
            None
        }
    }
}

impl Standing for GatewayStanding {
    fn readiness(&self) -> Result<String, String> {
        self.trouble().map_or_else(|| Ok("ready\n".to_owned()), |trouble| Err(format!("{trouble}\n")))
    }

    fn metrics(&self) -> String {
        metrics::render(&self.counters, &self.replays, self.trouble().is_none())
    }
}
