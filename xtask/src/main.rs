//! `cargo xtask`: the menu of this repository.
//!
//! Owns everything that surrounds the code: finding or installing the C++ toolchain, keeping the
//! compiled RocksDB between builds, and the checks that a change has to pass. Uses nothing but
//! `std`, so that it starts on a machine where nothing else compiles yet, and must never depend on
//! the crates that it builds.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool: results go to stdout, narration to stderr"
)]

mod bench;
mod cargo;
mod check;
mod deb;
mod demo;
mod dependencies;
mod failure;
mod fuzz;
mod lockfile;
mod machine_paths;
mod menu;
mod rocksdb;
mod sbom;
mod source;
mod stopwatch;
mod test;
mod toolchain;
mod torture;
mod walls;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match menu::choose(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            failure.exit_code()
        }
    }
}
