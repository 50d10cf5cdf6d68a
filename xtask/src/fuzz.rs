//! `cargo xtask fuzz`: libFuzzer on the targets of `fuzz/`, with the stable compiler.
//!
//! Owns the flags that make the compiler count what a run reaches, and where inputs go:
//!
//! | folder | holds |
//! |---|---|
//! | `fuzz/corpus/TARGET/` | what every run begins with; committed, written by `tests/fuzz_corpus/` |
//! | `target/fuzz/found/TARGET/` | inputs of earlier runs that reached something new |
//! | `fuzz/artifacts/TARGET/` | finds: inputs that broke a rule, took too long or too much memory |

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::toolchain;

/// What cargo-fuzz sets, but for the sanitizers, which no stable compiler has. There is no unsafe code here for them to
/// look at.
const FLAGS: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // Branches that are folded into one cannot be told apart any more.
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
];

/// What no input may take: seconds, megabytes. Whatever takes more is a find.
const LIMITS: &[&str] = &["-timeout=10", "-rss_limit_mb=1024"];

/// Longer inputs find nothing that shorter ones do not, and take longer.
const INPUT_BYTES: u32 = 8192;

/// How long a target is run unless `--seconds` says it.
const SECONDS: u32 = 60;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    target: Option<String>,
    seconds: u32,
    /// Inputs to run once instead.
    inputs: Vec<String>,
}

/// Runs one target or, for as long each, all of them; or a target on single inputs.
///
/// # Errors
///
/// A usage failure; targets that do not compile; the first find, and how to repeat it.
pub(crate) fn run(cargo: &mut Cargo, arguments: &[String]) -> Result<(), Failure> {
    let request = Request::of(arguments)?;
    let all = targets(cargo)?;
    let chosen: Vec<String> = match &request.target {
        None => all,
        Some(target) if all.contains(target) => vec![target.clone()],
        Some(target) => {
            return Err(Failure::usage(format!("there is no fuzz target `{target}`; there are {}", all.join(", "))));
        }
    };
    let built = build(cargo, request.target.as_deref())?;
    for target in &chosen {
        let mut command = built.command(target)?;
        if request.inputs.is_empty() {
            eprintln!("fuzz: {target}: {} s", request.seconds);
            let found = cargo.target_dir().join("fuzz/found").join(target);
            create(&found)?;
            command.arg(format!("-max_total_time={}", request.seconds)).arg(found).arg(built.corpus(target));
        } else {
            command.args(&request.inputs);
        }
        let status = command.status().map_err(|error| Failure::new(format!("cannot start {target}: {error}")))?;
        if !status.success() {
            return Err(built.find(target, &status.to_string()));
        }
    }
    Ok(())
}

/// Looks at what the tests do not compile: the targets without the server, and the lines that hand them to libFuzzer.
///
/// libFuzzer itself, which is C++, is left out, and so are the counters: everything else has been compiled by other
/// steps, in the same folder, and with the same profile.
///
/// # Errors
///
/// Targets that do not compile; a program that is not the one of its target.
pub(crate) fn check(cargo: &mut Cargo) -> Result<(), Failure> {
    for target in targets(cargo)? {
        let file = cargo.root().join("fuzz/fuzz_targets").join(&target).with_extension("rs");
        let found = fs::read_to_string(&file)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))?;
        let expected = program(&target);
        if found != expected {
            return Err(Failure::new(format!(
                "{}: what a target does stands in fuzz/src/targets/{target}.rs, where tests reach it; here belongs\n{expected}",
                file.display()
            )));
        }
    }
    toolchain::ensure(cargo)?;
    let folder = cargo.target_dir().to_string_lossy().into_owned();
    let call = ["clippy", "--manifest-path", "fuzz/Cargo.toml", "--locked", "--lib", "--no-default-features"];
    cargo.run(&[&call[..], &["--target-dir", &folder, "--", "--deny", "warnings"]].concat())
}

/// The program of a target, all of it.
fn program(target: &str) -> String {
    format!(
        "#![no_main]\n\nlibfuzzer_sys::fuzz_target!(|input: &[u8]| restante_fuzz::targets::{target}::check(input));\n"
    )
}

impl Request {
    fn of(arguments: &[String]) -> Result<Self, Failure> {
        let mut request = Self { target: None, seconds: SECONDS, inputs: Vec::new() };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            if word == "--seconds" {
                let seconds = words.next().and_then(|seconds| seconds.parse().ok()).filter(|seconds| *seconds > 0);
                request.seconds =
                    seconds.ok_or_else(|| Failure::usage("--seconds wants a number greater than zero"))?;
            } else if word.starts_with('-') {
                return Err(Failure::usage(format!("fuzz has no option `{word}`; there is --seconds N")));
            } else if request.target.is_none() {
                request.target = Some(word.clone());
            } else {
                request.inputs.push(word.clone());
            }
        }
        Ok(request)
    }
}

/// Targets that were compiled.
struct Built {
    root: PathBuf,
    programs: PathBuf,
}

impl Built {
    /// A call of a target that has no corpus yet.
    fn command(&self, target: &str) -> Result<Command, Failure> {
        let artifacts = self.artifacts(target);
        create(&artifacts)?;
        let mut prefix = OsString::from("-artifact_prefix=");
        // The slash at the end makes a folder of it.
        prefix.push(artifacts.join(""));
        let mut command = Command::new(self.programs.join(target));
        command.current_dir(&self.root).args(LIMITS).arg(format!("-max_len={INPUT_BYTES}")).arg(prefix);
        Ok(command)
    }

    fn corpus(&self, target: &str) -> PathBuf {
        self.root.join("fuzz/corpus").join(target)
    }

    fn artifacts(&self, target: &str) -> PathBuf {
        self.root.join("fuzz/artifacts").join(target)
    }

    fn find(&self, target: &str, status: &str) -> Failure {
        Failure::new(format!(
            "fuzz target {target} ended with {status}; the input is the newest file of fuzz/artifacts/{target}/, and this \
             repeats it: cargo xtask fuzz {target} fuzz/artifacts/{target}/FILE"
        ))
    }
}

/// The names of the programs in `fuzz/Cargo.toml`, in its order.
fn targets(cargo: &Cargo) -> Result<Vec<String>, Failure> {
    let manifest = cargo.root().join("fuzz/Cargo.toml");
    let text = fs::read_to_string(&manifest)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", manifest.display())))?;
    Ok(names(&text))
}

/// The names of `[[bin]]` tables. Reads what stands in one line each, and no other TOML.
fn names(manifest: &str) -> Vec<String> {
    let mut is_program = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_program = line == "[[bin]]";
        } else if is_program && let Some(name) = line.strip_prefix("name = \"").and_then(|rest| rest.strip_suffix('"'))
        {
            names.push(name.to_owned());
        }
    }
    names
}

/// Compiles one target or all. They have a target folder of their own: with other flags nothing can be shared.
fn build(cargo: &mut Cargo, target: Option<&str>) -> Result<Built, Failure> {
    toolchain::ensure(cargo)?;
    let host = toolchain::host().ok_or_else(|| Failure::new("rustc does not say what it compiles for"))?;
    let folder = cargo.target_dir().join("fuzz");
    let folder_text = folder.to_string_lossy();
    // With a target named, build scripts and macros are compiled without the flags.
    let mut call =
        vec!["build", "--manifest-path", "fuzz/Cargo.toml", "--locked", "--release", "--target", host.as_str()];
    call.extend(["--target-dir", &folder_text]);
    match target {
        Some(target) => call.extend(["--bin", target]),
        None => call.push("--bins"),
    }
    cargo.run_with(&call, &[("RUSTFLAGS", &FLAGS.join(" "))])?;
    Ok(Built { root: cargo.root().to_owned(), programs: folder.join(&host).join("release") })
}

fn create(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::new(format!("cannot create {}: {error}", folder.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(words: &[&str]) -> Result<Request, Failure> {
        Request::of(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn a_request_is_a_target_a_time_and_inputs() {
        let all = Request { target: None, seconds: SECONDS, inputs: Vec::new() };
        assert_eq!(request(&[]).unwrap(), all);
        let one = Request { target: Some("welcome".to_owned()), seconds: 5, inputs: vec!["a".to_owned()] };
        assert_eq!(request(&["welcome", "--seconds", "5", "a"]).unwrap(), one);
        for wrong in [&["--seconds"][..], &["--seconds", "0"], &["--seconds", "soon"], &["--jobs"]] {
            assert!(request(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn programs_are_targets_and_nothing_else_is() {
        let manifest = "[package]\nname = \"fuzz\"\n[[bin]]\nname = \"one\"\npath = \"x\"\n\n[[bin]]\nname = \"two\"\n\
                        [dependencies]\nname = \"three\"\n";
        assert_eq!(names(manifest), ["one", "two"]);
    }

    #[test]
    fn this_repository_has_a_file_and_a_corpus_for_each_target() {
        let cargo = Cargo::here().unwrap();
        let mut targets = targets(&cargo).unwrap();
        targets.sort();
        let listed = |folder: &str| {
            let entries = fs::read_dir(cargo.root().join("fuzz").join(folder)).unwrap();
            let mut found: Vec<String> = entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .map(|name| name.trim_end_matches(".rs").to_owned())
                .collect();
            found.sort();
            found
        };
        assert_eq!(listed("fuzz_targets"), targets);
        assert_eq!(listed("corpus"), targets);
    }
}
