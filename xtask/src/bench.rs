//! `cargo xtask bench`: the load generators in `benches/` folders, with the release profile.

use std::fs;

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::{rocksdb, toolchain};

/// A package and its benchmark.
type Bench = (&'static str, &'static str);

/// In the order in which they run.
static BENCHES: [Bench; 6] = [
    ("restante", "durable"),
    ("restante", "oblivious"),
    ("restante", "public"),
    ("restante", "waiting"),
    ("restante-gateway", "decapsulate"),
    ("restante-relay", "relay"),
];
/// Those that run only if they are named: one fills the disk, the other takes an hour.
static LONG: [Bench; 2] = [("restante", "full"), ("restante", "mixed")];
/// Starts a relay, which stands beside `restante`.
const WITH_RELAY: &str = "mixed";

/// Runs all benchmarks but the long ones, or the one that `arguments` begin with: the rest are given to it, and select
/// rows by their names, or say how long it is to be. Rows go to `target/bench/`.
///
/// # Errors
///
/// When there is no such benchmark, it does not compile, or ends with an error.
pub(crate) fn run(cargo: &mut Cargo, arguments: &[String]) -> Result<(), Failure> {
    let (chosen, words) = choose(arguments)?;
    toolchain::ensure(cargo)?;
    rocksdb::reuse(cargo)?;
    let rows = cargo.target_dir().join("bench");
    fs::create_dir_all(&rows).map_err(|error| Failure::new(format!("cannot create {}: {error}", rows.display())))?;
    for (package, bench) in chosen {
        eprintln!("bench: {bench}");
        if *bench == WITH_RELAY {
            cargo.run(&["build", "--release", "--package", "restante-relay", "--bin", "restante-relay"])?;
        }
        let mut call = vec!["bench", "--package", package, "--bench", bench, "--"];
        call.extend(words.iter().map(String::as_str));
        cargo.run(&call)?;
    }
    eprintln!("bench: rows are in {}", rows.display());
    Ok(())
}

/// Which benchmarks, and the words for them.
fn choose(arguments: &[String]) -> Result<(&'static [Bench], &[String]), Failure> {
    let Some((name, words)) = arguments.split_first() else { return Ok((&BENCHES, &[])) };
    let named = |benches: &'static [Bench]| benches.iter().find(|(_, bench)| bench == name);
    match named(&BENCHES).or_else(|| named(&LONG)) {
        Some(bench) => Ok((std::slice::from_ref(bench), words)),
        None => {
            let names: Vec<_> = BENCHES.iter().chain(&LONG).map(|(_, bench)| *bench).collect();
            Err(Failure::usage(format!("there is no benchmark `{name}`; there are {}", names.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_benchmark_takes_words_and_all_take_none() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(choose(&[]).unwrap().0.len(), BENCHES.len());
        let given = words(&["oblivious", "denials"]);
        assert_eq!(choose(&given).unwrap(), (&BENCHES[1..2], &given[1..]));
        let given = words(&["full", "--delete"]);
        assert_eq!(choose(&given).unwrap(), (&LONG[..1], &given[1..]), "by its name only");
        assert!(choose(&words(&["send"])).unwrap_err().to_string().contains("durable, oblivious"));
    }
}
