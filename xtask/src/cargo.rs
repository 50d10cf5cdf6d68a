//! Calls of cargo inside the repository.
//!
//! Owns where the repository is and what environment the calls get. A call made from here must
//! find the same environment as a call from a shell, or build scripts that watch variables run
//! again each time one follows the other.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// How to call cargo in this repository.
pub(crate) struct Cargo {
    root: PathBuf,
    environment: Vec<(&'static str, OsString)>,
}

impl Cargo {
    /// The repository that this program was started from.
    ///
    /// # Errors
    ///
    /// When no folder above holds both `Cargo.lock` and `xtask/`.
    pub(crate) fn here() -> Result<Self, Failure> {
        // `cargo run` says where the package is; a copied binary looks around where it stands.
        let start = match env::var_os("CARGO_MANIFEST_DIR") {
            Some(dir) => PathBuf::from(dir),
            None => env::current_dir().map_err(|error| Failure::new(format!("cannot read this folder: {error}")))?,
        };
        let root = start
            .ancestors()
            .find(|dir| dir.join("Cargo.lock").is_file() && dir.join("xtask").is_dir())
            .ok_or_else(|| {
                Failure::new(format!(
                    "no folder from {} upwards holds Cargo.lock and xtask/: start it as \
                     `cargo xtask` inside the repository",
                    start.display()
                ))
            })?;
        Ok(Self { root: root.to_owned(), environment: Vec::new() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo puts what it builds.
    pub(crate) fn target_dir(&self) -> PathBuf {
        match env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => self.root.join(dir),
            None => self.root.join("target"),
        }
    }

    /// Sets a variable for every later call.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<OsString>) {
        self.environment.push((name, value.into()));
    }

    pub(crate) fn environment(&self) -> &[(&'static str, OsString)] {
        &self.environment
    }

    /// A call that has not started yet.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.root)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        // `cargo run` describes the package xtask in its environment. Build scripts of other
        // packages watch some of these names.
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(describes_a_package) {
                command.env_remove(name);
            }
        }
        command
    }

    /// Runs a call to its end; its output goes to the terminal.
    ///
    /// # Errors
    ///
    /// When it cannot start or does not succeed.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<(), Failure> {
        self.run_with(arguments, &[])
    }

    /// The same with variables for this call only.
    ///
    /// # Errors
    ///
    /// When it cannot start or does not succeed.
    pub(crate) fn run_with<A: AsRef<OsStr>>(&self, arguments: &[A], variables: &[(&str, &str)]) -> Result<(), Failure> {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        let status = command.status().map_err(|error| Failure::new(format!("cannot start cargo: {error}")))?;
        if status.success() { Ok(()) } else { Err(Failure::new(format!("`{}` ended with {status}", shown(arguments)))) }
    }

    /// Runs a call to its end and returns what it wrote to stdout.
    ///
    /// # Errors
    ///
    /// When it cannot start, does not succeed, or writes something that is not text.
    pub(crate) fn output<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<String, Failure> {
        let output = self
            .command(arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Failure::new(format!("cannot start cargo: {error}")))?;
        if !output.status.success() {
            return Err(Failure::new(format!(
                "`{}` ended with {}:\n{}",
                shown(arguments),
                output.status,
                String::from_utf8_lossy(&output.stderr).trim_end()
            )));
        }
        String::from_utf8(output.stdout).map_err(|_| Failure::new(format!("`{}` wrote no UTF-8", shown(arguments))))
    }

    /// Whether `cargo NAME` is installed.
    pub(crate) fn has_subcommand(&self, name: &str) -> bool {
        self.command(&[name, "--version"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

fn describes_a_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|prefix| variable.starts_with(prefix))
}

/// The call as one would type it.
fn shown<A: AsRef<OsStr>>(arguments: &[A]) -> String {
    let mut line = String::from("cargo");
    for argument in arguments {
        line.push(' ');
        line.push_str(&argument.as_ref().to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_variables_are_told_from_settings() {
        assert!(describes_a_package("CARGO_PKG_NAME"));
        assert!(describes_a_package("CARGO_MANIFEST_DIR"));
        assert!(!describes_a_package("CARGO_TARGET_DIR"));
        assert!(!describes_a_package("CARGO_HOME"));
    }

    #[test]
    fn a_failed_call_names_itself() {
        let cargo = Cargo::here().unwrap();
        let failure = cargo.output(&["no-such-command"]).unwrap_err();
        assert!(failure.to_string().contains("cargo no-such-command"));
    }
}
