//! The commands and their one-line descriptions.

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::{bench, check, deb, demo, fuzz, rocksdb, sbom, test, torture};

const MENU: &str = "\
cargo xtask <command> [-- arguments]

  demo    run three providers and real MLS clients on this machine, and tell what happens
  test    every test of the workspace; `-- name` runs those whose name contains it
  check   format, walls, lints, documentation, licences, fuzz targets; `-- step` runs one step
  bench   measure sends, receives, fetches, gateway and relay; rows are written under target/bench/
  fuzz    give broken and malicious input to every decoder; `-- target --seconds 600` to one, for longer
  sbom    list what is linked into each program, as CycloneDX documents under target/sbom/
  torture kill programs under load for an hour, and compare; `-- --minutes N`, `--kills N`, `--seed S`
  deb     a Debian package of the three programs; `-- --programs DIR` packs what is built already,
          `--sbom DIR` adds what is linked into them
  env     print the exports with which plain cargo reuses the compiled RocksDB

The first command that compiles the server installs g++ and libclang with apt if they are missing
and it may, and compiles RocksDB once (about ten minutes).
";

/// Runs the command that `arguments` name; the rest of them belongs to the command.
///
/// # Errors
///
/// An unknown command is a usage failure; every other failure is the command's own.
pub(crate) fn choose(arguments: &[String]) -> Result<(), Failure> {
    let Some((command, rest)) = arguments.split_first() else {
        print!("{MENU}");
        return Ok(());
    };
    let rest = without_separator(rest);
    match command.as_str() {
        "help" | "--help" | "-h" => {
            print!("{MENU}");
            Ok(())
        }
        "demo" => demo::run(&mut Cargo::here()?, rest),
        "test" => test::run(&mut Cargo::here()?, rest),
        "check" => check::run(&mut Cargo::here()?, rest),
        "bench" => bench::run(&mut Cargo::here()?, rest),
        "sbom" => sbom::run(&mut Cargo::here()?, rest),
        "fuzz" => fuzz::run(&mut Cargo::here()?, rest),
        "torture" => torture::run(&mut Cargo::here()?, rest),
        "deb" => deb::run(&mut Cargo::here()?, rest),
        "env" => rocksdb::print_exports(&mut Cargo::here()?),
        unknown => Err(Failure::usage(format!(
            "there is no command `{unknown}`; there are demo, test, check, bench, fuzz, sbom, \
             torture, deb, env \
             (`cargo xtask help` says what they do)"
        ))),
    }
}

/// `cargo xtask test -- name` and `cargo xtask test name` mean the same. Only the first `--` is
/// ours; a second one belongs to the command that is run.
fn without_separator(arguments: &[String]) -> &[String] {
    match arguments.split_first() {
        Some((first, rest)) if first == "--" => rest,
        _ => arguments,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMANDS: [&str; 9] = ["demo", "test", "check", "bench", "fuzz", "sbom", "torture", "deb", "env"];

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_the_first_separator_is_ours() {
        assert_eq!(without_separator(&strings(&["name"])), ["name"]);
        assert_eq!(without_separator(&strings(&["--", "name"])), ["name"]);
        assert_eq!(without_separator(&strings(&["--", "name", "--", "--nocapture"])), ["name", "--", "--nocapture"]);
        assert!(without_separator(&strings(&[])).is_empty());
    }

    #[test]
    fn an_unknown_command_is_a_usage_failure_that_says_what_exists() {
        let failure = choose(&strings(&["tset"])).unwrap_err();
        assert_eq!(format!("{:?}", failure.exit_code()), format!("{:?}", std::process::ExitCode::from(2)));
        for command in COMMANDS.into_iter().chain(["tset"]) {
            assert!(failure.to_string().contains(command), "{failure} lacks {command}");
        }
    }

    #[test]
    fn the_menu_has_a_line_for_each_command() {
        for command in COMMANDS {
            assert!(MENU.lines().any(|line| line.starts_with(&format!("  {command} "))));
        }
    }
}
