//! `cargo xtask deb`: a Debian package of the three programs, their units, configurations and manuals.
//!
//! A tree is laid out as it will be installed, and `dpkg-deb` packs it: that takes what every Debian machine has, no
//! privileges, and no tool that would have to be compiled first (specs/decisions/). Packages of one commit are equal, byte
//! for byte, if the programs are.

mod arguments;
mod control;
mod faults;
mod libraries;
mod notices;
mod tree;
mod version;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::stopwatch::Stopwatch;
use crate::{rocksdb, toolchain};

use arguments::Arguments;
pub(crate) use version::commit_seconds;

/// The programs of the package. Each has a unit of its own name.
const PROGRAMS: [&str; 3] = ["restante", "restante-relay", "restante-gateway"];

/// Packs the programs of `--programs`, or those of a release build that is made first. Prints the package's path.
///
/// # Errors
///
/// When something does not compile, a program is a test's, a file cannot be written, or a tool of Debian's is missing or
/// fails.
pub(crate) fn run(cargo: &mut Cargo, arguments: &[String]) -> Result<(), Failure> {
    let arguments = Arguments::parse(arguments)?;
    let watch = Stopwatch::start();
    let programs = match arguments.programs {
        Some(folder) => folder,
        None => build(cargo)?,
    };
    if !arguments.although_faults {
        faults::refuse(&PROGRAMS.map(|program| programs.join(program)))?;
    }
    let output = arguments.output.unwrap_or_else(|| cargo.target_dir().join("deb"));
    let tree = output.join("tree");
    if tree.exists() {
        fs::remove_dir_all(&tree).map_err(|error| failed("remove", &tree, &error))?;
    }
    let version = version::of(cargo.root())?;
    tree::lay_out(cargo, &programs, &tree, &version)?;
    if let Some(documents) = &arguments.documents {
        tree::lay_out_documents(documents, &tree)?;
    }
    let depends = libraries::of(&PROGRAMS.map(|program| tree.join("usr/bin").join(program)))?;
    control::write_all(cargo.root(), &tree, &version, &depends)?;
    let package = output.join(format!("restante_{}_{}.deb", version.number, architecture()?));
    pack(&tree, &package, &arguments.compression, version.seconds)?;
    fs::remove_dir_all(&tree).map_err(|error| failed("remove", &tree, &error))?;
    eprintln!("deb: done in {watch}");
    println!("{}", package.display());
    Ok(())
}

/// The programs of a release build.
fn build(cargo: &mut Cargo) -> Result<PathBuf, Failure> {
    toolchain::ensure(cargo)?;
    rocksdb::reuse(cargo)?;
    let mut call = vec!["build", "--release", "--locked", "--bins"];
    call.extend(PROGRAMS.iter().flat_map(|program| ["--package", program]));
    cargo.run(&call)?;
    Ok(cargo.target_dir().join("release"))
}

fn pack(tree: &Path, package: &Path, compression: &str, seconds: u64) -> Result<(), Failure> {
    let mut command = Command::new("dpkg-deb");
    // Everything belongs to root, and is as old as the commit: whoever packs, and when, is not in the package.
    command.args(["--root-owner-group", "-Z", compression, "--build"]).arg(tree).arg(package);
    command.env("SOURCE_DATE_EPOCH", seconds.to_string());
    said(&mut command).map(drop)
}

fn architecture() -> Result<String, Failure> {
    said(Command::new("dpkg").arg("--print-architecture"))
}

/// Runs a tool to its end, and returns what it said, without the last line's end.
fn said(command: &mut Command) -> Result<String, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| Failure::new(format!("cannot start {name}: {error}")))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!("{name} ended with {}: {}", output.status, why.trim_end())));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| Failure::new(format!("{name} wrote no UTF-8")))?;
    Ok(text.trim_end().to_owned())
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot {what} {}: {error}", path.display()))
}
