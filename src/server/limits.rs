//! What connections of each listener may take.

use std::time::Duration;

use restante_process::ConnectionLimits;

use crate::{config::Limits, courier::DeliveryLimits};

/// On a connection of another provider or of our own service, which is the connection of many users: waiting receives
/// share it.
const STREAMS_OF_SERVICES: u32 = 1024;
/// A relay has one connection for all of its users; a fetch takes a moment.
const STREAMS_OF_RELAYS: u32 = 100;
/// Several of the longest pages.
const UNREAD_BYTES_OF_SERVICES: usize = 64 * 1024 * 1024;

/// Of `[provider]` and `[local]`.
///
/// Half of the connections may come from one address: a provider has few of them, and when it begins, each of its users
/// who wait may open a connection before the first is there to share.
pub(super) fn of_services(limits: &Limits) -> ConnectionLimits {
    let of_all = of_all(limits);
    ConnectionLimits {
        connections_per_address_max: Some(of_all.connections_max.div_ceil(2).max(64)),
        streams_max: STREAMS_OF_SERVICES,
        unread_bytes_max: UNREAD_BYTES_OF_SERVICES,
        ..of_all
    }
}

/// Of `[public]`.
pub(super) fn of_relays(limits: &Limits) -> ConnectionLimits {
    ConnectionLimits { streams_max: STREAMS_OF_RELAYS, ..of_all(limits) }
}

fn of_all(limits: &Limits) -> ConnectionLimits {
    let seconds = |number: u32| Duration::from_secs(number.into());
    ConnectionLimits {
        connections_max: limits.connections_max as usize,
        header_timeout: seconds(limits.header_read_timeout_seconds),
        response_timeout: seconds(limits.response_timeout_seconds),
        idle_timeout: seconds(limits.idle_timeout_seconds),
        ..ConnectionLimits::default()
    }
}

/// Of Welcomes on their way out.
pub(super) fn of_deliveries(limits: &Limits) -> DeliveryLimits {
    DeliveryLimits {
        at_once: limits.deliveries_max,
        each_provider: limits.deliveries_per_provider,
        bytes_max: limits.deliveries_in_flight_bytes_max,
    }
}
