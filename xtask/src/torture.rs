//! `cargo xtask torture`: programs that are killed under load, again and again, and a model of what they have
//! acknowledged (`tests/torture/`).
//!
//! The same build as that of `cargo xtask test`. The short run is one of its tests; this is the long one.

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::{rocksdb, test::FEATURES, toolchain};

/// What can be asked for, and the variable that the test reads.
const WORDS: [(&str, &str); 3] = [
    ("--minutes", "RESTANTE_TORTURE_MINUTES"),
    ("--kills", "RESTANTE_TORTURE_KILLS"),
    ("--seed", "RESTANTE_TORTURE_SEED"),
];

/// Runs for an hour, or as `arguments` say. The report goes to `target/torture/`, also when something was broken.
///
/// # Errors
///
/// Unknown words; when something does not compile; when a promise was not kept.
pub(crate) fn run(cargo: &mut Cargo, arguments: &[String]) -> Result<(), Failure> {
    let mut variables = variables(arguments)?;
    toolchain::ensure(cargo)?;
    rocksdb::reuse(cargo)?;
    let reports = cargo.target_dir().join("torture").to_string_lossy().into_owned();
    variables.push(("RESTANTE_TORTURE_REPORTS", &reports));
    // The programs of other packages are not made by the test's own build.
    let build = ["build", "--workspace", "--features", FEATURES, "--test", "torture"];
    let programs = ["--bin", "restante-relay", "--bin", "restante-gateway"];
    cargo.run(&[&build[..], &programs].concat())?;
    let test = ["test", "--workspace", "--features", FEATURES, "--test", "torture", "--"];
    let words = ["--ignored", "--exact", "as_long_as_is_asked_for", "--nocapture"];
    cargo.run_with(&[&test[..], &words].concat(), &variables)
}

/// The variables for what was asked.
fn variables(arguments: &[String]) -> Result<Vec<(&'static str, &str)>, Failure> {
    let mut variables = Vec::new();
    for pair in arguments.chunks(2) {
        let word = WORDS.iter().find(|(word, _)| *word == pair[0]);
        match (word, pair.get(1)) {
            (Some((_, variable)), Some(number)) if number.parse::<u64>().is_ok() => {
                variables.push((*variable, number.as_str()))
            }
            _ => {
                let known = WORDS.map(|(word, _)| word).join(" N, ");
                return Err(Failure::usage(format!("torture does not know `{}`; there are {known} N", pair.join(" "))));
            }
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_variables_and_others_are_refused() {
        let strings = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let asked = strings(&["--seed", "7", "--kills", "200"]);
        assert_eq!(variables(&asked).unwrap(), [("RESTANTE_TORTURE_SEED", "7"), ("RESTANTE_TORTURE_KILLS", "200")]);
        assert_eq!(variables(&[]).unwrap(), []);
        for wrong in [&["--hours", "1"][..], &["--seed"], &["--seed", "x"], &["--seed", "-1"], &["7"]] {
            let refused = variables(&strings(wrong)).unwrap_err().to_string();
            assert!(refused.contains("--minutes"), "{refused}");
        }
    }
}
