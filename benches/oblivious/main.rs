//! KeyPackage fetches: directly, through the gateway in the same process, and a request on the same listener that does
//! nothing; then how long fetches take by their outcome, and whether the kinds of denial take the same time: if not, it
//! ends with an error. Before all that, the costliest bundle there is.
//!
//! The server is a process of its own (this program again, with `--serve`), so that its processor time can be read apart
//! from the generator's. All requests are encapsulated before anything is measured. Every fetch is durable: it hands out
//! a last-resort KeyPackage, and through the gateway leaves a mark against replays. Prints tables and writes
//! `target/bench/oblivious.json`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot go on ends"
)]
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[path = "../shared/cpu.rs"]
mod cpu;
mod denials;
#[path = "../../tests/fixtures/key_packages.rs"]
#[allow(dead_code, reason = "shared with the tests; nobody needs all of it")]
mod key_packages;
#[path = "../shared/load.rs"]
mod load;
mod outcomes;
mod provider;
mod ranks;
#[path = "../shared/row.rs"]
mod row;
mod sealed;
#[path = "../shared/server.rs"]
mod server;
mod tries;
mod worst;
#[path = "../shared/written.rs"]
mod written;

use std::{process::ExitCode, time::Duration};

use load::{Load, Target};
use provider::Provider;
use row::{Row, Table};

/// How long each row is measured, after a quarter of it as warm-up. Requests must not grow older than the gateway's date
/// window meanwhile.
const LENGTH: Duration = Duration::from_secs(3);
/// Connections, each with one request in flight.
const IN_FLIGHT: [usize; 3] = [1, 16, 64];
/// Requests in a second, at which fetches with and without the gateway are compared: some half of what the gateway can
/// do. As fast as they can, the ones are twice as many as the others and share each sync with twice as many.
const RATE: f64 = 10_000.0;
/// By the app, of a provider that its own user is at: a short question, a short answer.
const LOCAL: &str = "local fetch";
/// As through the gateway, with bodies as long, in clear.
const FETCH: &str = "plain fetch";
const SEALED: &str = "fetch through the gateway";
/// Both again, as many of the one in a second as of the other.
const PACED_FETCH: &str = "plain fetch, 10 k/s";
const PACED_SEALED: &str = "fetch through it, 10 k/s";
/// Opened and sealed, and answered at once in between.
const TRIVIAL: &str = "nothing through a gateway";
const EMPTY: &str = "empty POST";
const OUTCOMES: &str = "outcomes";
const DENIALS: &str = "denials";
const WORST: &str = "worst bundle";

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--serve") {
        provider::serve(arguments[at + 1].as_ref());
        return ExitCode::SUCCESS;
    }
    let only = arguments.first().cloned().unwrap_or_default();
    let wanted = |name: &str| name.contains(&only);
    if wanted(WORST) {
        worst::measure();
    }
    let provider = Provider::start();
    let mut table = Table::default();
    for in_flight in IN_FLIGHT {
        let mut measure = |name: &str, durable: bool, rate: Option<f64>, target: fn(&Provider) -> Target| {
            if wanted(name) {
                let load = Load { address: provider.server.address, in_flight, length: LENGTH, rate };
                let measured = load::run(&load, &target(&provider), || provider.server.cpu_seconds());
                table.add(Row::new(name, in_flight, durable, measured));
            }
        };
        measure(EMPTY, false, None, Provider::empty_posts);
        measure(TRIVIAL, false, None, Provider::sealed_nothings);
        measure(LOCAL, true, None, Provider::fetches);
        measure(FETCH, true, None, Provider::padded_fetches);
        measure(SEALED, true, None, Provider::sealed_fetches);
        if in_flight == 64 {
            measure(PACED_FETCH, true, Some(RATE), Provider::padded_fetches);
            measure(PACED_SEALED, true, Some(RATE), Provider::sealed_fetches);
        }
    }
    table.write(concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench"), "oblivious.json");
    let cpu = |name: &str| table.find(name, 64)?.server_cpu_us;
    let more = |with: &str, without: &str| Some(cpu(with)? - cpu(without)?);
    println!();
    for (added, of) in [
        (more(PACED_SEALED, PACED_FETCH), "a fetch, 10 000 per second; goal: 40"),
        (more(SEALED, FETCH), "a fetch, 64 in flight"),
        (more(TRIVIAL, EMPTY), "nothing, 64 in flight; to reach for: 26"),
    ] {
        if let Some(added) = added {
            println!("{added:8.1}  µs of CPU that the gateway adds to {of}");
        }
    }
    if wanted(OUTCOMES) {
        outcomes::measure(&provider);
    }
    provider.expect_all_answered();
    if wanted(DENIALS) && !denials::look_alike(&provider) {
        eprintln!("kinds of denial can be told apart by their time");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
