//! Mixed traffic between two providers for an hour: sends, receives that wait, commits, fetches over relay and gateway,
//! and Welcomes, at 70 % of the most that this machine can do of that mix.
//!
//! The hub, the follower with its gateway, and the relay are processes of their own; the generator is this one, with the
//! clients of the library, and shares the machine's processors with them: what it takes is told as well. First the most
//! is measured, with as much under way as is answered (a closed loop); then requests come by the clock (an open loop),
//! and time is counted from when a request should have begun. Everything that is answered is checked, and whatever was
//! acknowledged is read by somebody. Each minute is a row; prints them and writes `target/bench/mixed.json`.
//!
//! `cargo xtask bench -- mixed --minutes 60 --groups 200`: these are the numbers that it takes if it is not told others.
//! `--rate 1000` measures no maximum and sends so many in a second; `--push` has the follower subscribe.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot go on ends"
)]
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[path = "../shared/cpu.rs"]
mod cpu;
#[path = "../../tests/fixtures/key_packages.rs"]
#[allow(dead_code, reason = "shared with the tests; nobody needs all of it")]
mod key_packages;
#[path = "mod.rs"]
mod mixed;
#[path = "../shared/program.rs"]
mod program;
#[path = "../shared/traffic.rs"]
#[allow(dead_code, reason = "shared with another measurement; nobody needs all of it")]
mod traffic;
#[path = "../shared/usage.rs"]
mod usage;
#[path = "../shared/words.rs"]
mod words;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let report = mixed::run(&words::plan(mixed::Plan::of));
    report.print();
    report.write(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench"));
    if report.unexplained() > 0 {
        std::process::exit(1);
    }
}
