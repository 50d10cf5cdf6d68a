//! The HTTP binding without a socket: a file for each endpoint, and one for each thing that all have in common.
//!
//! Every answer of every test goes through [`Call::answer`], which checks what holds for all of them: nothing is for
//! caches, a refusal is a problem document of one shape, and no text tells what the request was about.

mod arrangements;
mod backup;
mod bodies;
mod call;
mod checks;
mod codes;
mod create_group;
mod delete_group;
mod forks;
mod health;
mod inbox;
mod key_package_target;
mod key_packages;
mod local_receive;
mod local_receive_literal;
mod local_send;
mod metrics;
mod mint_group_id;
mod outside;
mod outsiders;
mod problems;
mod provider_receive;
mod provider_receive_literal;
mod provider_send;
mod public_groups;
mod pushes;
mod retention;
mod routes;
mod tokens;
mod unread_answers;

use std::{sync::Arc, time::Duration};

use axum::{Router, http::StatusCode};
use zeroize::Zeroizing;

use self::{
    call::{Answer, Call, Listener, assert_private},
    checks::{
        assert_all_malformed, assert_local_access_is_checked, assert_media_type_is_checked, assert_peers_are_checked,
        malformed,
    },
};
use super::{Hub, HubParts, HubSettings, Upstream};
use crate::{
    fixtures::{mls, requests},
    sequencer::Policy,
    service::{
        Limits,
        setup::{Setup, key, peers},
    },
};

const TOKEN: &str = "service-token-canary";
const USER: &str = "user-canary";

/// A hub with both routers.
struct House {
    setup: Setup,
    hub: Arc<Hub>,
    local: Router,
    provider: Router,
}

/// What stands around the service, for tests of it.
#[derive(Clone, Copy)]
struct Bounds {
    request_bytes_max: usize,
    in_flight_bytes_max: usize,
    body_timeout: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        let body_timeout = Duration::from_secs(30);
        Self { request_bytes_max: 64 * MIB, in_flight_bytes_max: 512 * MIB, body_timeout }
    }
}

impl House {
    fn new() -> Self {
        Self::with(Policy::default(), Limits::default(), Bounds::default())
    }

    fn with(policy: Policy, limits: Limits, bounds: Bounds) -> Self {
        let setup = Setup::with(policy, limits);
        let hub = Arc::new(Hub::new(HubParts {
            service: setup.service.clone(),
            upstream: Upstream::default(),
            settings: HubSettings {
                peers: peers(),
                service_token: Some(Zeroizing::new(TOKEN.to_owned())),
                request_bytes_max: bounds.request_bytes_max,
                body_timeout: bounds.body_timeout,
            },
            in_flight_bytes_max: bounds.in_flight_bytes_max,
            certificates: Vec::new(),
        }));
        let (local, provider) = (super::local::router(hub.clone()), super::provider::router(hub.clone()));
        Self { setup, hub, local, provider }
    }

    /// The service in another process. The listeners are gone.
    async fn restart(self) -> Setup {
        let Self { setup, hub, local, provider } = self;
        drop((hub, local, provider));
        setup.restart().await
    }

    /// The messages that a user finds in the partition of that number.
    async fn messages(&self, group: &[u8], number: u8) -> usize {
        let body = requests::receive(group, key(number), 0);
        let answer = Call::local("/v1/receive", body).answer(self).await;
        assert_eq!(answer.status, StatusCode::OK);
        let response: crate::wire::ReceiveResponse = crate::wire::decode(&answer.body).unwrap();
        response.epoch.messages.len()
    }
}

fn application(group: &[u8], text: &[u8]) -> Vec<u8> {
    requests::send(&mls::application(group, 0, text), key(0))
}
