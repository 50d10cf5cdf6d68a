//! What the operator's listener says.
//!
//! # Privacy
//! Gateways are told apart by their place in the configuration, and users not at all.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use restante_process::{admin::Standing, metrics::Exposition};

use crate::{
    keys::{KeyTrouble, Keys},
    relay::Relay,
};

/// How the relay fares.
#[derive(Clone, Debug)]
pub struct RelayStanding {
    relay: Relay,
    draining: Arc<AtomicBool>,
}

impl RelayStanding {
    /// Of this relay.
    pub fn new(relay: Relay) -> Self {
        Self { relay, draining: Arc::default() }
    }

    /// From here on the relay is not ready.
    pub fn drain(&self) {
        self.draining.store(true, Relaxed);
    }
}

impl Standing for RelayStanding {
    /// Ready unless it drains or has no key list of any gateway: one gateway that is down is no reason to go elsewhere.
    /// What is wrong with single gateways stands below, in either case.
    fn readiness(&self) -> Result<String, String> {
        let routes = self.relay.routes();
        let mut details: Vec<_> = routes.all().filter_map(|route| Some((route.place, detail(&route.keys)?))).collect();
        details.sort_unstable();
        let lines: String = details.iter().map(|(place, detail)| format!("gateways[{place}]: {detail}\n")).collect();
        if self.draining.load(Relaxed) {
            Err(format!("draining\n{lines}"))
        } else if routes.all().any(|route| route.keys.list().is_some()) {
            Ok(format!("ready\n{lines}"))
        } else {
            Err(format!("no gateway's key list has been fetched yet\n{lines}"))
        }
    }

    fn metrics(&self) -> Exposition {
        self.relay.counters().expose()
    }
}

/// What the operator should know of a gateway's key list.
fn detail(keys: &Keys) -> Option<&'static str> {
    Some(match (keys.trouble(), keys.list().is_some()) {
        (None, true) => return None,
        (None, false) => "the key list has not been fetched yet",
        (Some(KeyTrouble::TooSoon), _) => {
            "a key list was refused: it changed sooner than limits.key_change_min_hours after the one before, which is \
             still served"
        }
        (Some(KeyTrouble::Unusable(_) | KeyTrouble::NoList), _) => "a key list was refused: it is not usable",
        (Some(KeyTrouble::Unreachable), true) => "the key list could not be fetched again",
        (Some(KeyTrouble::Unreachable), false) => "the key list could not be fetched",
        (Some(KeyTrouble::NotRecorded), _) => "a new key list could not be recorded under relay.state_path",
    })
}
