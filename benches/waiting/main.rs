//! Receives that wait: what each of them takes of the hub's memory, how long a message takes to its reader, and to many;
//! and to many that are pushed to.
//!
//! The hub is the program as it ships, with its default limits, on a database that holds ten thousand groups when it
//! starts. Its peers are clients of this process, over mutual TLS and HTTP/2, as a follower has them: a hundred requests
//! wait on each connection. Every row has a fresh process, and compares with what was measured on that process just
//! before. Prints tables and writes `target/bench/waiting.json`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot go on ends"
)]
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[path = "../shared/cpu.rs"]
#[allow(dead_code, reason = "of the shared server")]
mod cpu;
mod fan_out;
mod followers;
mod group;
#[path = "../shared/groups.rs"]
mod groups;
mod hub;
mod latency;
mod memory;
#[path = "../durable/message.rs"]
#[allow(dead_code, reason = "shared with another measurement; nobody needs all of it")]
mod message;
mod peer;
mod readers;
mod report;
#[path = "../shared/server.rs"]
#[allow(dead_code, reason = "shared with other measurements; nobody needs all of it")]
mod server;
mod site;

use std::time::Duration;

use report::Report;
use site::Site;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Groups, and with them partitions, that one reader each waits for.
const WAITING_MAX: usize = 10_000;
/// How many wait while one message at a time goes to one of them.
const WAITING: [usize; 3] = [1, 1_000, WAITING_MAX];
/// How many providers wait for the same partition, or have subscribed to it.
const PROVIDERS: [usize; 3] = [1, 10, 100];
/// How long messages are sent for one figure, after a quarter of it as warm-up.
const LENGTH: Duration = Duration::from_secs(8);

const MEMORY: &str = "memory";
const LATENCY: &str = "latency";
const FAN_OUT: &str = "fan-out";

fn main() {
    let only = std::env::args().skip(1).find(|argument| argument != "--bench").unwrap_or_default();
    let wanted = |name: &str| name.contains(&only);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let site = Site::make(WAITING_MAX, *PROVIDERS.last().unwrap()).await;
        let mut report = Report::default();
        if wanted(MEMORY) {
            memory::measure(&site, WAITING_MAX, &mut report).await;
        }
        if wanted(LATENCY) {
            for waiting in WAITING {
                report.latency(latency::measure(&site, waiting, LENGTH).await);
            }
        }
        if wanted(FAN_OUT) {
            for providers in PROVIDERS {
                report.fan_out(fan_out::to_waiting(&site, providers, LENGTH).await);
            }
            for providers in PROVIDERS {
                report.fan_out(fan_out::to_subscribed(&site, providers, LENGTH).await);
            }
        }
        report.write("waiting.json");
        report.print_goals();
    });
}
