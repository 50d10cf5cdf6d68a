//! `cargo xtask demo`: the server's own demonstration, compiled and started.

use std::process::Command;

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::{rocksdb, toolchain};

/// Runs `restante demo` with `arguments`. The demonstration starts the relay's program too, which lies beside its own:
/// both are built, in one build.
///
/// # Errors
///
/// When it does not compile, or a check of the demonstration fails.
pub(crate) fn run(cargo: &mut Cargo, arguments: &[String]) -> Result<(), Failure> {
    toolchain::ensure(cargo)?;
    rocksdb::reuse(cargo)?;
    cargo.run(&["build", "--package", "restante", "--package", "restante-relay", "--bins"])?;
    let program = cargo.target_dir().join("debug").join("restante");
    let status = Command::new(&program).arg("demo").args(arguments).status();
    let status = status.map_err(|error| Failure::new(format!("cannot start {}: {error}", program.display())))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("the demonstration ended with {status}"))) }
}
