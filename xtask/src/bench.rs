//! `cargo xtask bench`: the load generator in `benches/`, with the release profile.

use std::fs;

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::{rocksdb, toolchain};

/// Runs the benchmark `durable` with `arguments`; its rows go to `target/bench/`.
///
/// # Errors
///
/// When it does not compile, or the benchmark ends with an error.
pub(crate) fn run(cargo: &mut Cargo, arguments: &[String]) -> Result<(), Failure> {
    toolchain::ensure(cargo)?;
    rocksdb::reuse(cargo)?;
    let rows = cargo.target_dir().join("bench");
    fs::create_dir_all(&rows).map_err(|error| Failure::new(format!("cannot create {}: {error}", rows.display())))?;
    let mut call = vec!["bench", "--bench", "durable", "--"];
    call.extend(arguments.iter().map(String::as_str));
    cargo.run(&call)?;
    eprintln!("bench: rows are in {}", rows.display());
    Ok(())
}
