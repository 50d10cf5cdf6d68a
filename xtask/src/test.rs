//! `cargo xtask test`: every test of the workspace, in one build.
//!
//! nextest when it is installed, because its last lines list what failed; else `cargo test`. Never
//! package by package: that would unify features differently and compile the dependencies again.

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::stopwatch::Stopwatch;
use crate::{rocksdb, toolchain};

/// What only tests are built with: `faults`, so that programs can be told to end at chosen points, which the torture
/// harness needs, and `fuzzing`, what the fuzz targets reach into. What is compiled otherwise is without them.
pub(crate) const FEATURES: &str = "restante/faults,restante/fuzzing,restante-relay/faults";

/// Runs the tests. With `arguments`, which go to nextest or `cargo test` as they are, only those
/// that they select.
///
/// # Errors
///
/// When something does not compile or a test fails.
pub(crate) fn run(cargo: &mut Cargo, arguments: &[String]) -> Result<(), Failure> {
    let watch = Stopwatch::start();
    toolchain::ensure(cargo)?;
    rocksdb::reuse(cargo)?;
    if cargo.has_subcommand("nextest") {
        cargo
            .run(&extended(&["nextest", "run", "--workspace", "--features", FEATURES, "--no-fail-fast"], arguments))?;
        if arguments.is_empty() {
            // nextest runs no documentation tests.
            cargo.run(&["test", "--doc", "--workspace", "--features", FEATURES, "--no-fail-fast"])?;
        } else {
            eprintln!("test: documentation tests run only without arguments");
        }
    } else {
        cargo.run(&extended(&["test", "--workspace", "--features", FEATURES, "--no-fail-fast"], arguments))?;
    }
    eprintln!("test: done in {watch}");
    Ok(())
}

fn extended<'call>(call: &[&'call str], arguments: &'call [String]) -> Vec<&'call str> {
    let mut call = call.to_vec();
    call.extend(arguments.iter().map(String::as_str));
    call
}
