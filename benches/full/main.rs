//! A large database beside an almost empty one: bytes on disk, the start, memory, and what sends and receives take.
//!
//! The databases are built by the service in this process, as fast as it goes; then the program serves each, with its
//! default limits. The large one is kept in `target/bench/full/` and used again by the next run that wants the same.
//! Prints a table and writes `target/bench/full.json`.
//!
//! `cargo xtask bench -- full --partitions 1000000 --messages 10000000 --seconds 4 --rounds 3 --delete`: these are the
//! numbers that it takes if it is not told others, and `--delete` removes the large database at the end. `--cache-mib 2048` gives both servers
//! so much of `store.cache_bytes`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot go on ends"
)]
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[path = "../shared/cpu.rs"]
mod cpu;
#[path = "mod.rs"]
mod full;
#[path = "../shared/load.rs"]
mod load;
#[path = "../shared/program.rs"]
mod program;
#[path = "../shared/row.rs"]
#[allow(dead_code, reason = "shared with other measurements; nobody needs all of it")]
mod row;
#[path = "../shared/traffic.rs"]
#[allow(dead_code, reason = "shared with another measurement; nobody needs all of it")]
mod traffic;
#[path = "../shared/usage.rs"]
mod usage;
#[path = "../shared/words.rs"]
mod words;
#[path = "../shared/written.rs"]
mod written;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let report = full::run(&words::plan(full::Plan::of));
    report.write(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench"));
    report.print();
}
