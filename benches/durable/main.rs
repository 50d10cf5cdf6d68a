//! Durable sends and receives over HTTP, beside what the same machine can do in the same run.
//!
//! The server is a process of its own (this program again, with `--serve`), so that its processor time can be read
//! apart from the generator's. Rows that are compared share listener, body size and generator. Prints a table and
//! writes `target/bench/durable.json`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot go on ends"
)]
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

mod committer;
#[path = "../shared/cpu.rs"]
mod cpu;
mod disk;
mod goals;
#[path = "../shared/groups.rs"]
mod groups;
mod hub;
#[path = "../shared/load.rs"]
mod load;
mod message;
mod redis;
#[path = "../shared/row.rs"]
mod row;
#[path = "../shared/server.rs"]
mod server;
#[path = "../shared/written.rs"]
mod written;

use std::time::Duration;

use load::{Load, Target};
use row::{Row, Table};

/// How long each row is measured, after a quarter of it as warm-up.
const LENGTH: Duration = Duration::from_secs(4);
/// Connections, each with one request in flight.
const IN_FLIGHT: [usize; 3] = [1, 16, 64];
/// Groups, and with them partitions, for the rows that spread.
const PARTITIONS: usize = 10_000;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--serve") {
        hub::serve(arguments[at + 1].as_ref(), arguments[at + 2].parse().unwrap());
        return;
    }
    let only = arguments.first().cloned().unwrap_or_default();
    let wanted = |name: &str| name.contains(&only);
    let mut table = Table::default();

    if wanted("fdatasync append") {
        table.add(disk::appends(LENGTH));
    }
    for in_flight in [1, 16, 64, 256] {
        if wanted("committer") {
            table.add(committer::sends(in_flight, LENGTH));
        }
    }
    if ["empty POST", "send", "receive"].into_iter().any(wanted) {
        measure_hub(&mut table, &wanted);
    }
    if wanted("redis XADD always") {
        for in_flight in IN_FLIGHT {
            match redis::appends(in_flight, LENGTH) {
                Some(row) => table.add(row),
                None => {
                    eprintln!("redis-server is not installed: its rows are left out");
                    break;
                }
            }
        }
    }
    table.write(concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench"), "durable.json");
    goals::print(&table);
}

fn measure_hub(table: &mut Table, wanted: &dyn Fn(&str) -> bool) {
    let hub = hub::Hub::start(PARTITIONS);
    let run = |name: &str, durable: bool, in_flight: usize, target: Target| {
        let load = Load { address: hub.server.address, in_flight, length: LENGTH, rate: None };
        let measured = load::run(&load, &target, || hub.server.cpu_seconds());
        Row::new(name, in_flight, durable, measured)
    };
    for in_flight in IN_FLIGHT {
        if wanted("empty POST") {
            table.add(run("empty POST", false, in_flight, hub.empty_posts()));
        }
        if wanted("send, one partition") {
            table.add(run("send, one partition", true, in_flight, hub.sends(1)));
        }
        if wanted("send, 10000 partitions") {
            table.add(run("send, 10000 partitions", true, in_flight, hub.sends(PARTITIONS)));
        }
        if wanted("receive") {
            table.add(run("receive", false, in_flight, hub.receives()));
        }
    }
}
