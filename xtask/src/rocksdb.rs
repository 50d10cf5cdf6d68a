//! The compiled RocksDB, kept in the user's cache directory.
//!
//! librocksdb-sys compiles 344 C++ files whenever a profile, a flag or the set of features changes.
//! Here they are compiled once for each [key](cache_key), and `ROCKSDB_LIB_DIR` and
//! `ROCKSDB_STATIC` make its build script link that file in every later call of cargo. Where
//! nothing can be kept, cargo compiles it by itself as it always would: slower, otherwise the same.
//!
//! # Correctness
//!
//! A kept library is only ever renamed into place, so that whoever finds it finds all of it. It is
//! compiled with `-O3` and without debug information, whatever the profile that links it.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::lockfile;
use crate::stopwatch::Stopwatch;
use crate::toolchain::{self, Compiler};

/// Counts up when [`compile`] changes so that old files must not be reused.
const RECIPE: u32 = 1;

const PACKAGE: &str = "librocksdb-sys";
const LIBRARY: &str = "librocksdb.a";

/// How many object files librocksdb-sys 0.19 makes, for the progress lines only.
const OBJECTS: usize = 344;

/// Variables that choose the compiler's flags.
const FLAGS: &[&str] = &["CXXFLAGS", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "ROCKSDB_CXX_STD", "CXXSTDLIB"];

/// Variables by which somebody has already chosen a RocksDB.
const CHOSEN: &[&str] = &["ROCKSDB_LIB_DIR", "ROCKSDB_COMPILE"];

/// Makes later calls of `cargo` link the kept library; compiles it first if it is not there.
///
/// # Errors
///
/// When RocksDB does not compile. That nothing can be kept is only said.
pub(crate) fn reuse(cargo: &mut Cargo) -> Result<(), Failure> {
    if let Some(variable) = CHOSEN.iter().find(|name| env::var_os(name).is_some()) {
        eprintln!("rocksdb: {variable} is set, so the kept library is left alone");
        return Ok(());
    }
    let key = match identify(cargo) {
        Ok(key) => key,
        Err(reason) => {
            fall_back(&reason);
            return Ok(());
        }
    };
    let homes = homes(cargo);
    if let Some(kept) = homes.iter().map(|home| home.join(&key)).find(|dir| is_library(&dir.join(LIBRARY))) {
        eprintln!("rocksdb: linking {}", kept.join(LIBRARY).display());
        link(cargo, &kept);
        return Ok(());
    }
    // Before ten minutes are spent: is there a place for the result?
    let Some(home) = homes.iter().find(|home| is_writable(&home.join(&key))) else {
        fall_back("no cache directory can be written");
        return Ok(());
    };
    let kept = home.join(&key);
    let compiled = compile(cargo, &kept)?;
    match keep(&compiled, &kept) {
        Ok(()) => {
            link(cargo, &kept);
            // A quarter of a gigabyte that nothing reads again.
            let _ = fs::remove_dir_all(build_dir(cargo));
        }
        Err(error) => fall_back(&format!("cannot write {}: {error}", kept.display())),
    }
    Ok(())
}

/// `cargo xtask env`: the shell's exports for plain cargo, on stdout.
///
/// # Errors
///
/// When the toolchain is missing or RocksDB does not compile.
pub(crate) fn print_exports(cargo: &mut Cargo) -> Result<(), Failure> {
    toolchain::ensure(cargo)?;
    reuse(cargo)?;
    for (name, value) in cargo.environment() {
        println!("export {name}={}", quoted(&value.to_string_lossy()));
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn fall_back(reason: &str) {
    eprintln!(
        "rocksdb: {reason}; cargo compiles RocksDB itself, about ten minutes each time that a \
         profile or flag changes"
    );
}

fn link(cargo: &mut Cargo, kept: &Path) {
    cargo.set("ROCKSDB_LIB_DIR", kept);
    cargo.set("ROCKSDB_STATIC", "1");
}

/// The key of the library that this repository, compiler and target need.
fn identify(cargo: &Cargo) -> Result<String, String> {
    let path = cargo.root().join("Cargo.lock");
    let lock = fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let version = lockfile::version_of(&lock, PACKAGE)
        .ok_or_else(|| format!("Cargo.lock names no single version of {PACKAGE}"))?;
    let compiler = toolchain::compiler().ok_or("no C++ compiler answers")?;
    let target = toolchain::host().ok_or("rustc does not say what it compiles for")?;
    let flags: Vec<(&str, String)> = FLAGS
        .iter()
        .filter_map(|name| Some((*name, env::var(name).ok()?)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    Ok(cache_key(version, &compiler, &target, &flags))
}

/// One folder name for all that decides what the compiled library holds: readable, and different
/// whenever the bytes may differ.
fn cache_key(version: &str, compiler: &Compiler, target: &str, flags: &[(&str, String)]) -> String {
    let mut key = format!("{}-{}-{}-recipe{RECIPE}", plain(version), compiler_key(&compiler.version), plain(target));
    if !flags.is_empty() {
        let all: String = flags.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        key.push_str(&format!("-flags{:016x}", fnv1a(all.as_bytes())));
    }
    key
}

/// GCC prints the name that it was called by, then a version in parentheses: `c++` and `g++` are
/// one compiler. Clang prints its own name.
fn compiler_key(version: &str) -> String {
    match version.split_once(' ') {
        Some((_, rest)) if rest.starts_with('(') => plain(&format!("gcc {rest}")),
        Some(_) | None => plain(version),
    }
}

/// Only characters that neither a shell nor a linker's command line treats specially.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

/// FNV-1a: the same number with every version of the standard library, unlike its own hasher.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Where libraries are kept: the user's cache directory, else the build directory.
fn homes(cargo: &Cargo) -> Vec<PathBuf> {
    let mut homes = Vec::new();
    homes.extend(
        user_cache(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME")).map(|cache| cache.join("restante/rocksdb")),
    );
    homes.push(cargo.target_dir().join("rocksdb-cache"));
    homes
}

/// The XDG base directory rule: a relative or empty `XDG_CACHE_HOME` counts as not set.
fn user_cache(xdg: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: OsString| {
        let path = PathBuf::from(path);
        path.is_absolute().then_some(path)
    };
    xdg.and_then(absolute).or_else(|| Some(home.and_then(absolute)?.join(".cache")))
}

fn is_writable(dir: &Path) -> bool {
    let probe = dir.join(format!(".probe-{}", std::process::id()));
    let written = fs::create_dir_all(dir).and_then(|()| fs::write(&probe, b""));
    let _ = fs::remove_file(&probe);
    written.is_ok()
}

/// Whether there is an archive at `path`. What is kept was renamed into place, so the first bytes
/// tell enough.
fn is_library(path: &Path) -> bool {
    let mut magic = [0; 8];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"!<arch>\n"
}

fn build_dir(cargo: &Cargo) -> PathBuf {
    cargo.target_dir().join("rocksdb")
}

/// Compiles RocksDB in a folder of its own and returns the library.
fn compile(cargo: &Cargo, kept: &Path) -> Result<PathBuf, Failure> {
    eprintln!(
        "rocksdb: compiling RocksDB, {OBJECTS} C++ files: about ten minutes on two cores, this \
         once; it will be kept in {}",
        kept.display()
    );
    let dir = build_dir(cargo);
    let watch = Stopwatch::start();
    let mut child = cargo
        .command(&["build", "--quiet", "--release", "--package", PACKAGE])
        .env("CARGO_TARGET_DIR", &dir)
        // Gigabytes of C++ debug information would be linked into every test.
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| Failure::new(format!("cannot start cargo: {error}")))?;
    let mut minutes = 0;
    let status = loop {
        if let Some(status) =
            child.try_wait().map_err(|error| Failure::new(format!("cannot wait for cargo: {error}")))?
        {
            break status;
        }
        std::thread::sleep(Duration::from_millis(200));
        let elapsed = watch.elapsed().as_secs() / 60;
        if elapsed > minutes {
            minutes = elapsed;
            let done = objects(&dir, &watch);
            eprintln!("rocksdb: {minutes} min, {done} of about {OBJECTS} files compiled");
        }
    };
    if !status.success() {
        return Err(Failure::new(format!(
            "RocksDB does not compile ({status}); the compiler's words are above. Repeat it alone: \
             CARGO_TARGET_DIR={} cargo build --release --package {PACKAGE}",
            dir.display()
        )));
    }
    eprintln!("rocksdb: compiled in {watch}");
    newest_library(&dir)
        .ok_or_else(|| Failure::new(format!("cargo built {PACKAGE}, but no {LIBRARY} is under {}", dir.display())))
}

/// The output folders of the build script, one for each set of flags that was ever used.
fn outputs(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir.join("release/build")) else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&format!("{PACKAGE}-")))
        .map(|entry| entry.path().join("out"))
        .filter(|out| out.is_dir())
        .collect()
}

/// How many object files this run has made.
fn objects(dir: &Path, watch: &Stopwatch) -> usize {
    outputs(dir)
        .iter()
        .filter_map(|out| fs::read_dir(out).ok())
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|kind| kind == "o"))
        .filter(|entry| {
            entry.metadata().and_then(|about| about.modified()).is_ok_and(|modified| modified >= watch.started_at())
        })
        .count()
}

fn newest_library(dir: &Path) -> Option<PathBuf> {
    outputs(dir)
        .into_iter()
        .map(|out| out.join(LIBRARY))
        .filter(|library| is_library(library))
        .max_by_key(|library| fs::metadata(library).and_then(|about| about.modified()).ok())
}

/// Copies the library to where it is kept, under a temporary name first.
fn keep(compiled: &Path, kept: &Path) -> io::Result<()> {
    fs::create_dir_all(kept)?;
    let draft = kept.join(format!(".{LIBRARY}.{}", std::process::id()));
    let kept = kept.join(LIBRARY);
    let result = fs::copy(compiled, &draft)
        .and_then(|_| File::open(&draft)?.sync_all())
        .and_then(|()| fs::rename(&draft, &kept));
    if result.is_err() {
        let _ = fs::remove_file(&draft);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiler(version: &str) -> Compiler {
        Compiler { command: String::from("c++"), version: String::from(version) }
    }

    fn scratch(name: &str) -> PathBuf {
        let dir = env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn the_key_names_version_compiler_target_and_recipe() {
        let gcc = compiler("c++ (Debian 12.2.0-14+deb12u1) 12.2.0");
        assert_eq!(
            cache_key("0.19.0+11.8.1", &gcc, "x86_64-unknown-linux-gnu", &[]),
            "0.19.0-11.8.1-gcc-Debian-12.2.0-14-deb12u1-12.2.0-x86_64-unknown-linux-gnu-recipe1"
        );
        let clang = compiler("Debian clang version 14.0.6");
        assert_eq!(
            cache_key("0.19.0+11.8.1", &clang, "aarch64-unknown-linux-gnu", &[]),
            "0.19.0-11.8.1-Debian-clang-version-14.0.6-aarch64-unknown-linux-gnu-recipe1"
        );
    }

    #[test]
    fn names_of_one_compiler_share_a_key() {
        assert_eq!(
            compiler_key("c++ (Debian 12.2.0) 12.2.0"),
            compiler_key("x86_64-linux-gnu-g++-12 (Debian 12.2.0) 12.2.0")
        );
        assert_ne!(compiler_key("c++ (Debian 12.2.0) 12.2.0"), compiler_key("c++ (Debian 12.2.1) 12.2.1"));
    }

    #[test]
    fn flags_change_the_key() {
        let gcc = compiler("g++ (GCC) 14.1");
        let key = |flags: &[(&str, String)]| cache_key("1", &gcc, "t", flags);
        let native = [("RUSTFLAGS", String::from("-Ctarget-cpu=native"))];
        let v2 = [("RUSTFLAGS", String::from("-Ctarget-cpu=x86-64-v2"))];
        assert_ne!(key(&[]), key(&native));
        assert_ne!(key(&native), key(&v2));
        assert_eq!(key(&native), key(&native));
    }

    #[test]
    fn fnv1a_is_the_published_function() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_cache_directory_follows_the_xdg_rule() {
        let path = |text: &str| Some(OsString::from(text));
        let xdg = Some(PathBuf::from("/x"));
        let home = Some(PathBuf::from("/h/.cache"));
        assert_eq!(user_cache(path("/x"), path("/h")), xdg);
        assert_eq!(user_cache(path("/x"), None), xdg);
        assert_eq!(user_cache(path(""), path("/h")), home);
        assert_eq!(user_cache(path("relative"), path("/h")), home);
        assert_eq!(user_cache(None, path("/h")), home);
        assert_eq!(user_cache(None, None), None);
    }

    #[test]
    fn a_library_is_kept_whole_or_not_at_all() {
        let dir = scratch("keep");
        let out = dir.join("release/build/librocksdb-sys-1/out");
        fs::create_dir_all(&out).unwrap();
        assert_eq!(newest_library(&dir), None);
        fs::write(out.join(LIBRARY), b"!<arch>\nrest").unwrap();
        let compiled = newest_library(&dir).unwrap();

        let kept = dir.join("cache/key");
        keep(&compiled, &kept).unwrap();
        assert!(is_library(&kept.join(LIBRARY)));
        assert_eq!(fs::read_dir(&kept).unwrap().count(), 1, "no draft is left");

        assert!(keep(&dir.join("absent"), &kept).is_err());
        assert_eq!(fs::read_dir(&kept).unwrap().count(), 1, "no draft is left");
        fs::write(kept.join(LIBRARY), b"!<ar").unwrap();
        assert!(!is_library(&kept.join(LIBRARY)));
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn only_object_files_of_this_run_count() {
        let dir = scratch("objects");
        let out = dir.join("release/build/librocksdb-sys-1/out");
        fs::create_dir_all(&out).unwrap();
        fs::write(out.join("old.o"), b"").unwrap();
        let old = File::options().write(true).open(out.join("old.o")).unwrap();
        old.set_modified(std::time::UNIX_EPOCH).unwrap();
        let watch = Stopwatch::start();
        let new = File::create(out.join("new.o")).unwrap();
        new.set_modified(watch.started_at() + Duration::from_secs(1)).unwrap();
        fs::write(out.join("flag_check.cpp"), b"").unwrap();
        assert_eq!(objects(&dir, &watch), 1);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn exports_survive_a_shell() {
        assert_eq!(quoted("/a b/c"), "'/a b/c'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
