//! The C++ compiler and libclang, without which RocksDB does not build.
//!
//! librocksdb-sys compiles C++ and reads RocksDB's C header with libclang at build time, even when
//! it links a library that is compiled already. Everything else that is not Rust (AWS-LC) needs
//! only the C compiler, which comes with g++, and no cmake.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cargo::Cargo;
use crate::failure::Failure;

/// A C++ compiler that answers.
#[derive(Debug)]
pub(crate) struct Compiler {
    /// What to call, perhaps with a wrapper before it, as in `CXX`.
    pub(crate) command: String,
    /// The first line of what `--version` prints.
    pub(crate) version: String,
}

/// Something that has to be there, and the Debian package that brings it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Compiler,
    Libclang,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Compiler => "a C++ compiler",
            Self::Libclang => "libclang",
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::Compiler => "g++",
            Self::Libclang => "libclang-dev",
        }
    }
}

/// Makes sure that RocksDB can be compiled; installs what is missing where that is allowed.
///
/// # Errors
///
/// One line that says what to install, when it cannot be installed from here.
pub(crate) fn ensure(cargo: &mut Cargo) -> Result<(), Failure> {
    let mut missing = missing();
    if !missing.is_empty() {
        if let Some(setting) = misleading_setting(&missing) {
            return Err(Failure::new(setting));
        }
        install(&missing)?;
        missing = self::missing();
        if !missing.is_empty() {
            return Err(Failure::new(format!(
                "{} still not found after installing; {}",
                names(&missing),
                advice(&missing)
            )));
        }
    }
    // Build scripts look for `c++`; say which one it is when it has another name.
    if let Some(compiler) = compiler()
        && env::var_os("CXX").is_none()
        && compiler.command != DEFAULT_COMPILER
    {
        cargo.set("CXX", compiler.command);
    }
    Ok(())
}

const DEFAULT_COMPILER: &str = "c++";

/// The compiler that build scripts will use: `CXX`, else the first that exists.
pub(crate) fn compiler() -> Option<Compiler> {
    let candidates = match env::var("CXX") {
        Ok(named) if !named.trim().is_empty() => vec![named],
        Ok(_) | Err(_) => [DEFAULT_COMPILER, "g++", "clang++"].map(String::from).to_vec(),
    };
    candidates.into_iter().find_map(|command| {
        let version = first_line_of_version(&command)?;
        Some(Compiler { command, version })
    })
}

/// What rustc compiles for unless it is told otherwise.
pub(crate) fn host() -> Option<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "))?;
    Some(host.to_owned())
}

fn first_line_of_version(command: &str) -> Option<String> {
    // `CXX` may hold a wrapper: "ccache g++".
    let mut words = command.split_whitespace();
    let output = Command::new(words.next()?)
        .args(words)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().next()?.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}

fn missing() -> Vec<Part> {
    let mut missing = Vec::new();
    if compiler().is_none() {
        missing.push(Part::Compiler);
    }
    // Elsewhere libclang comes with the system's own compiler, in places of its own.
    if cfg!(target_os = "linux") && libclang().is_none() {
        missing.push(Part::Libclang);
    }
    missing
}

/// A variable that names what does not exist: nothing that could be installed would help.
fn misleading_setting(missing: &[Part]) -> Option<String> {
    let (part, variable) = [(Part::Compiler, "CXX"), (Part::Libclang, "LIBCLANG_PATH")]
        .into_iter()
        .find(|(part, variable)| missing.contains(part) && env::var_os(variable).is_some())?;
    Some(format!("{variable} is set, but {} is not there: correct the variable or unset it", part.name()))
}

/// The shared library, looked for where clang-sys looks.
fn libclang() -> Option<PathBuf> {
    if let Some(named) = env::var_os("LIBCLANG_PATH") {
        let named = PathBuf::from(named);
        let is_library = named.file_name().is_some_and(|name| is_libclang(name) && named.is_file());
        return if is_library { Some(named) } else { libclang_in(&named) };
    }
    let mut folders = Vec::new();
    if let Some(prefix) = llvm_prefix() {
        folders.extend(["bin", "lib", "lib64"].map(|below| prefix.join(below)));
    }
    for variable in ["LD_LIBRARY_PATH", "LIBRARY_PATH"] {
        if let Some(paths) = env::var_os(variable) {
            folders.extend(env::split_paths(&paths));
        }
    }
    if let Some(found) = folders.iter().find_map(|folder| libclang_in(folder)) {
        return Some(found);
    }
    // /usr/lib*, /usr/lib*/*, /usr/lib*/*/* and the same under /usr/local.
    ["/usr/local", "/usr"]
        .iter()
        .flat_map(|root| folders_of(Path::new(root)))
        .filter(|folder| {
            folder
                .file_name()
                .and_then(OsStr::to_str)
                .is_some_and(|name| name.starts_with("lib") || name.starts_with("llvm"))
        })
        .find_map(|folder| libclang_below(&folder, 2))
}

fn llvm_prefix() -> Option<PathBuf> {
    let output =
        Command::new("llvm-config").arg("--prefix").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let prefix = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(prefix.lines().next()?))
}

fn libclang_below(folder: &Path, levels: u8) -> Option<PathBuf> {
    libclang_in(folder).or_else(|| {
        let levels = levels.checked_sub(1)?;
        folders_of(folder).into_iter().find_map(|below| libclang_below(&below, levels))
    })
}

fn libclang_in(folder: &Path) -> Option<PathBuf> {
    fs::read_dir(folder)
        .ok()?
        .filter_map(Result::ok)
        .find(|entry| is_libclang(&entry.file_name()) && entry.path().is_file())
        .map(|entry| entry.path())
}

fn folders_of(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

/// `libclang.so`, `libclang.so.1`, `libclang-14.so`, `libclang-14.so.1`, but not `libclang-cpp.so`.
fn is_libclang(name: &OsStr) -> bool {
    let Some(rest) = name.to_str().and_then(|name| name.strip_prefix("libclang")) else {
        return false;
    };
    let rest = match rest.strip_prefix('-') {
        Some(version) => {
            let rest = version.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            // The dot before `so` was taken along with the version.
            return version.starts_with(|c: char| c.is_ascii_digit()) && (rest == "so" || rest.starts_with("so."));
        }
        None => rest,
    };
    rest == ".so" || rest.starts_with(".so.")
}

fn install(missing: &[Part]) -> Result<(), Failure> {
    let Some(apt) = apt() else {
        return Err(Failure::new(format!("{} not found; {}", names(missing), advice(missing))));
    };
    let packages: Vec<&str> = missing.iter().map(|part| part.package()).collect();
    eprintln!("toolchain: {} not found; installing {} with apt-get", names(missing), packages.join(" "));
    // Old package lists are no reason to stop: what they name may still be there.
    if !apt_get(&apt, &["update"]) {
        eprintln!("toolchain: apt-get update failed; trying with the lists that are there");
    }
    let mut call = vec!["install", "--yes", "--no-install-recommends"];
    call.extend(packages);
    if apt_get(&apt, &call) {
        Ok(())
    } else {
        Err(Failure::new(format!("apt-get could not install what is missing; {}", advice(missing))))
    }
}

/// The words before the arguments of apt-get, when it exists and we may call it without a question.
fn apt() -> Option<Vec<&'static str>> {
    if !on_path("apt-get") {
        return None;
    }
    let noninteractive = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    if is_root() {
        Some(noninteractive.to_vec())
    } else if succeeds(Command::new("sudo").args(["-n", "true"])) {
        Some([&["sudo", "-n"], &noninteractive[..]].concat())
    } else {
        None
    }
}

fn apt_get(apt: &[&str], arguments: &[&str]) -> bool {
    let Some((program, words)) = apt.split_first() else {
        return false;
    };
    Command::new(program)
        .args(words)
        // A machine that has just started may be installing its updates.
        .args(["-o", "DPkg::Lock::Timeout=120"])
        .args(arguments)
        .stdin(Stdio::null())
        // stdout is for results: somebody may be evaluating `cargo xtask env`.
        .stdout(io::stderr())
        .status()
        .is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").stdin(Stdio::null()).output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

fn names(missing: &[Part]) -> String {
    let names: Vec<&str> = missing.iter().map(|part| part.name()).collect();
    names.join(" and ")
}

fn advice(missing: &[Part]) -> String {
    let packages: Vec<&str> = missing.iter().map(|part| part.package()).collect();
    format!("on Debian or Ubuntu: apt-get install {}; elsewhere the packages of that name", packages.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libclang_goes_by_many_names() {
        for name in [
            "libclang.so",
            "libclang.so.1",
            "libclang-14.so",
            "libclang-14.so.1",
            "libclang-14.0.6.so",
            "libclang-14.so.14.0.6",
        ] {
            assert!(is_libclang(OsStr::new(name)), "{name}");
        }
        for name in [
            "libclang-cpp.so.14",
            "libclang-cpp.so",
            "libclangAST.a",
            "libclang.a",
            "libclang",
            "libclang-.so",
            "libclang_rt.so",
        ] {
            assert!(!is_libclang(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn advice_names_the_packages_that_are_missing() {
        assert!(advice(&[Part::Libclang]).contains("install libclang-dev;"));
        assert!(advice(&[Part::Compiler, Part::Libclang]).contains("install g++ libclang-dev;"));
        assert_eq!(names(&[Part::Compiler, Part::Libclang]), "a C++ compiler and libclang");
    }
}
