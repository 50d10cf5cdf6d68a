//! What connections of each listener may take, and what the service.

use std::time::Duration;

use restante_process::ConnectionLimits;

use crate::{
    config::{Config, Limits},
    courier::DeliveryLimits,
    service::{self, ObservingLimits, RateLimits},
};

/// On a connection of another provider or of our own service, which is the connection of many users: waiting receives
/// share it.
const STREAMS_OF_SERVICES: u32 = 1024;
/// A relay has one connection for all of its users; a fetch takes a moment.
const STREAMS_OF_RELAYS: u32 = 100;
/// Several of the longest pages.
const UNREAD_BYTES_OF_SERVICES: usize = 64 * 1024 * 1024;

/// Of `[provider]` and `[local]`, with no more than so many connections each.
///
/// Half of the connections may come from one address: a provider has few of them, and when it begins, each of its users
/// who wait may open a connection before the first is there to share.
pub(super) fn of_services(limits: &Limits, connections: usize) -> ConnectionLimits {
    let of_all = of_all(limits).at_most(connections);
    ConnectionLimits {
        connections_per_address_max: Some(of_all.connections_max.div_ceil(2).max(64)),
        streams_max: STREAMS_OF_SERVICES,
        unread_bytes_max: UNREAD_BYTES_OF_SERVICES,
        ..of_all
    }
}

/// Of `[public]`, with no more than so many connections.
pub(super) fn of_relays(limits: &Limits, connections: usize) -> ConnectionLimits {
    ConnectionLimits { streams_max: STREAMS_OF_RELAYS, ..of_all(limits).at_most(connections) }
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

/// Of the service.
pub(super) fn of_service(config: &Config) -> service::Limits {
    service::Limits {
        receive_wait: Duration::from_secs(config.limits.wait_seconds_max.into()),
        waiting_per_provider: config.limits.waiting_per_provider,
        page_bytes: config.limits.page_bytes,
        pages_bytes_max: config.limits.responses_in_flight_bytes_max,
        reads: reads_at_once(processors()),
        follows: config.provider.push,
        rates: RateLimits::per_second(
            config.policy.messages_per_provider_and_second,
            config.policy.messages_per_provider_group_and_second,
            config.policy.messages_per_user_and_second,
            config.limits.request_bytes_max(),
        ),
        observing: observing_limits(config),
        ..service::Limits::default()
    }
}

/// Reads of rows that are not at hand have threads of their own, with as much of the processors as the lanes and the threads
/// of connections have each. With many more of them than processors these would hardly get a turn, just when most is to be
/// done. A disk has enough to do with a few at once.
fn reads_at_once(processors: usize) -> usize {
    processors.saturating_mul(4).clamp(8, 64)
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Large public states of groups are worked by one thread fewer than there are processors, and the trees of creations by
/// as many more. All of them give way to everything else.
fn observing_limits(config: &Config) -> ObservingLimits {
    ObservingLimits {
        at_once: processors().saturating_sub(1).max(1),
        states_bytes_max: config.limits.public_states_bytes_max,
        ..ObservingLimits::default()
    }
}
