//! What a relay costs: requests through `restante-relay`, beside the least that any relay over TLS does.
//!
//! The load generator, the gateway (a TLS server that answers fixed bytes), the floor (TLS on both legs with nothing in
//! between but hyper) and the relay are processes of their own, so that processor time can be read apart. Rows that are
//! compared share generator, sizes and gateway. Prints a table and writes `target/bench/relay.json`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot go on ends"
)]
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

mod child;
#[path = "../../../benches/shared/cpu.rs"]
mod cpu;
mod floor;
mod gateway;
mod goals;
#[path = "../../../benches/shared/load.rs"]
#[allow(dead_code, reason = "shared: here all connections are of TLS")]
mod load;
mod pki;
#[path = "../../../benches/shared/row.rs"]
mod row;
mod target;

use std::{net::SocketAddr, path::Path, time::Duration};

use child::Child;
use load::Load;
use row::{Row, Table};

/// How long each row is measured, after a quarter of it as warm-up.
const LENGTH: Duration = Duration::from_secs(4);
/// Connections, each with one request in flight.
const IN_FLIGHT: [usize; 3] = [1, 16, 64];
/// The smallest padded request, with what its encapsulation adds, and the smallest response class.
const REQUEST_BYTES: usize = 1024 + 55;
const RESPONSE_BYTES: usize = 8 * 1024 + 48;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--gateway", folder] => gateway::serve(Path::new(folder)),
        ["--floor", folder, gateway] => floor::serve(Path::new(folder), gateway.parse().unwrap()),
        [] => measure(""),
        [only, ..] => measure(only),
    }
}

/// One of the three that are compared.
struct Subject {
    name: &'static str,
    address: SocketAddr,
    process: u32,
}

fn measure(only: &str) {
    let folder = tempfile::tempdir().unwrap();
    pki::write(folder.path());
    let gateway = Child::gateway(folder.path());
    let floor = Child::floor(folder.path(), gateway.address);
    let (relay, token) = Child::relay(folder.path(), gateway.address);
    let subjects = [
        Subject { name: "gateway alone", address: gateway.address, process: gateway.id() },
        Subject { name: "floor", address: floor.address, process: floor.id() },
        Subject { name: "relay", address: relay.address, process: relay.id() },
    ];
    let mut table = Table::default();
    let target = target::relayed(&token);
    let run = |subject: &Subject, in_flight: usize, rate: Option<f64>| {
        let load = Load { address: subject.address, in_flight, length: LENGTH, rate };
        let dial = async |address| target::dial(folder.path(), address).await;
        load::run_over(&load, dial, &target, || cpu::seconds(subject.process))
    };
    let wanted = |name: &str| name.contains(only);
    for in_flight in IN_FLIGHT {
        for subject in subjects.iter().filter(|subject| wanted(subject.name)) {
            table.add(Row::new(subject.name, in_flight, false, run(subject, in_flight, None)));
        }
    }
    // At the relay's own quarter, all three at the same rate.
    if let Some(rate) = table.find("relay", 64).map(|measured| measured.rate) {
        for subject in &subjects {
            let name = format!("{} at a quarter", subject.name);
            table.add(Row::new(&name, 64, false, run(subject, 64, Some(rate / 4.0))));
        }
    }
    table.write(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench"), "relay.json");
    goals::print(&table);
}
