//! The program `restante-relay` as a process, between clients and gateways that this test plays, over real TLS.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod client;
#[path = "../../../process/tests/shared/collector.rs"]
#[allow(dead_code, reason = "shared with the tests of all programs; nobody needs all of it")]
mod collector;
mod gateway;
#[path = "../../../tests/fixtures/metrics.rs"]
#[allow(dead_code, reason = "shared with the tests of all programs; nobody needs all of it")]
mod metrics;
#[path = "../../../process/tests/shared/patience.rs"]
mod patience;
mod pki;
mod process;
mod raw_gateway;
mod site;
#[path = "../../../process/tests/shared/supervised.rs"]
mod supervised;

mod exporting;
mod failing;
mod forwarding;
mod key_lists;
mod leaving;
mod lifetime;
mod privacy;
mod refusals;
mod tunnels;
