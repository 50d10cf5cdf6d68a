//! The program `restante-gateway` as relays, clients, its origin and its operator meet it: real processes, real TLS, the
//! `ohttp` crate as the client. Everything is on loopback, and every wait has an end.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "../../../process/tests/shared/collector.rs"]
#[allow(dead_code, reason = "shared with the tests of all programs; nobody needs all of it")]
mod collector;
mod commands;
mod exporting;
mod lasting;
mod limits;
#[path = "../../../tests/fixtures/metrics.rs"]
#[allow(dead_code, reason = "shared with the tests of all programs; nobody needs all of it")]
mod metrics;
mod origin;
#[path = "../../../process/tests/shared/patience.rs"]
mod patience;
mod process;
mod serving;
mod site;
#[path = "../../../process/tests/shared/supervised.rs"]
mod supervised;
mod wire;
