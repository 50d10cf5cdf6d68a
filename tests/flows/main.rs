//! Whole flows through real `restante` processes: real databases, real TLS on loopback, ports that the system chooses.
//!
//! One module for each flow. A process belongs to the test that started it and ends with it; every wait has an end; and
//! nothing sleeps where there is something to wait for.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a broken flow fails loudly")]

mod backing_up;
mod bans;
#[cfg(feature = "faults")]
mod bugs;
#[path = "../../process/tests/shared/collector.rs"]
#[allow(dead_code, reason = "shared with the tests of all programs; nobody needs all of it")]
mod collector;
#[cfg(target_os = "linux")]
mod core_dumps;
mod damage;
mod draining;
mod example;
mod exporting;
mod federation;
#[path = "../fixtures/mod.rs"]
#[allow(dead_code, reason = "shared with the unit tests; nobody needs all of it")]
mod fixtures;
mod flipped_bits;
mod forks;
mod full_disk;
#[cfg(target_os = "linux")]
mod hostile;
mod https;
mod hub_down;
mod inboxes;
mod killing;
mod line;
#[path = "../../process/tests/shared/patience.rs"]
mod listeners;
mod lone_gateway;
mod messaging;
mod oblivious;
mod patience;
mod people;
mod pki;
mod privacy;
mod process;
mod pushing;
mod refusals;
mod relay;
mod reloading;
mod restoring;
mod sharing;
mod site;
mod starting;
#[path = "../../process/tests/shared/supervised.rs"]
mod supervised;
mod tls;
mod unix_socket;
