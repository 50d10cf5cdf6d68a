//! `cargo xtask demo`: the server's own demonstration, compiled and started.

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::{rocksdb, toolchain};

/// Runs `restante demo` with `arguments`.
///
/// # Errors
///
/// When it does not compile, or a check of the demonstration fails.
pub(crate) fn run(cargo: &mut Cargo, arguments: &[String]) -> Result<(), Failure> {
    toolchain::ensure(cargo)?;
    rocksdb::reuse(cargo)?;
    let mut call = vec!["run", "--bin", "restante", "--", "demo"];
    call.extend(arguments.iter().map(String::as_str));
    cargo.run(&call)
}
