//! The walls between packages: what each may have in its dependency tree.
//!
//! Cargo resolves the trees; the tables here say what must not be in them. A relay that links HPKE
//! or MLS could read what it forwards; an app that links `client` must not compile a database.

use std::collections::BTreeSet;

use crate::cargo::Cargo;
use crate::failure::Failure;

/// A package, perhaps with some of its features, and the packages that it never links.
struct Tree {
    package: &'static str,
    /// For `cargo tree`: its features, its workspace.
    arguments: &'static [&'static str],
    /// Names; one that ends with `*` means all that begin so.
    never: &'static [&'static str],
}

const TREES: &[Tree] = &[
    Tree {
        package: "restante-relay",
        arguments: &[],
        never: &["ohttp", "hpke", "mls-rs*", "restante", "restante-gateway"],
    },
    Tree {
        package: "restante-files",
        arguments: &[],
        never: &["ohttp", "hpke", "mls-rs*", "tokio", "hyper", "rustls", "restante", "restante-*"],
    },
    Tree {
        package: "restante-names",
        arguments: &[],
        never: &["ohttp", "hpke", "mls-rs*", "tokio", "hyper", "rustls", "restante", "restante-*"],
    },
    Tree {
        package: "restante-process",
        arguments: &[],
        // The messages of OTLP are linked, and neither its gRPC nor another client.
        never: &[
            "ohttp",
            "hpke",
            "mls-rs*",
            "rocksdb",
            "axum",
            "tonic*",
            "reqwest",
            "restante",
            "restante-gateway",
            "restante-relay",
        ],
    },
    Tree {
        package: "restante-gateway",
        arguments: &[],
        // The `ohttp` crate is what the tests compare with; the gateway opens requests by itself.
        never: &["mls-rs*", "ohttp", "bhttp", "restante", "restante-relay"],
    },
    Tree {
        package: "restante-gateway",
        arguments: &["--no-default-features"],
        never: &["restante-process", "hyper", "rustls", "clap", "getrandom"],
    },
    Tree { package: "restante", arguments: &[], never: &[] },
    Tree {
        package: "restante",
        arguments: &["--no-default-features"],
        never: &["rocksdb", "librocksdb-sys", "axum", "tokio", "hyper", "rustls", "getrandom", "restante-process"],
    },
    Tree {
        package: "restante",
        arguments: &["--no-default-features", "--features", "client"],
        never: &["rocksdb", "librocksdb-sys", "axum", "restante-process"],
    },
    Tree {
        package: "restante-fuzz",
        arguments: &["--manifest-path", "fuzz/Cargo.toml"],
        // Compiled with flags of its own, it would cost ten minutes more.
        never: &["rocksdb", "librocksdb-sys"],
    },
    Tree { package: "xtask", arguments: &[], never: &["*"] },
];

/// What no package links that is not compiled for tests: with it a program can be told to end, or that it is tomorrow.
const NOWHERE: &[&str] = &["restante-faults"];

/// Checks every tree.
///
/// # Errors
///
/// The packages that must not be there and how to see where they come from; or what cargo says when
/// it cannot resolve the trees, for one that `Cargo.lock` is not up to date.
pub(crate) fn check(cargo: &Cargo) -> Result<(), Failure> {
    let mut found = Vec::new();
    for tree in TREES {
        let mut call = vec!["tree", "--locked", "--package", tree.package];
        call.extend(tree.arguments);
        let shown = call.join(" ");
        call.extend(["--edges", "no-dev", "--prefix", "none", "--format", "{p}"]);
        let listing = cargo.output(&call)?;
        found.extend(
            unwanted(tree, &listing)
                .iter()
                .map(|name| format!("{} links {name}: cargo {shown} --invert {name}", tree.package)),
        );
    }
    if found.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!(
            "packages where they must not be, and the command that shows how they came in:\n{}",
            found.join("\n")
        )))
    }
}

/// The packages of `listing` (one a line, the name first) that `tree` must not hold.
fn unwanted<'listing>(tree: &Tree, listing: &'listing str) -> BTreeSet<&'listing str> {
    listing
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty() && *name != tree.package)
        .filter(|name| tree.never.iter().chain(NOWHERE).any(|pattern| matches(pattern, name)))
        .collect()
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_links_only_what_it_may() {
        let cargo = Cargo::here().unwrap();
        if let Err(failure) = check(&cargo) {
            panic!("{failure}");
        }
    }

    /// The whole workspace in one build, as packagers make it, unifies features.
    #[test]
    fn nothing_that_ships_can_be_told_to_end() {
        let cargo = Cargo::here().unwrap();
        let shipped = ["tree", "--locked", "--workspace", "--exclude", "restante-faults", "--edges", "no-dev"];
        let links_faults = |more: &[&str]| {
            let call = [&shipped[..], &["--prefix", "none", "--format", "{p}"], more].concat();
            cargo.output(&call).unwrap().lines().any(|line| line.starts_with("restante-faults "))
        };
        assert!(!links_faults(&[]));
        assert!(links_faults(&["--features", crate::test::FEATURES]), "tests can");
    }

    #[test]
    fn the_relay_links_neither_mls_nor_hpke() {
        let relay = TREES.iter().find(|tree| tree.package == "restante-relay").unwrap();
        let listing = "\
restante-relay v0.1.0 (/somewhere/relay)
hyper v1.12.0
mls-rs-codec v0.7.1
ohttp v0.8.0
hpke v0.14.0
hpke v0.14.0 (*)
ohttp-like v1.0.0
";
        assert_eq!(unwanted(relay, listing).into_iter().collect::<Vec<_>>(), ["hpke", "mls-rs-codec", "ohttp"]);
    }

    #[test]
    fn a_star_matches_the_rest_of_a_name() {
        assert!(matches("mls-rs*", "mls-rs"));
        assert!(matches("mls-rs*", "mls-rs-core"));
        assert!(matches("*", "anything"));
        assert!(!matches("mls-rs", "mls-rs-core"));
    }
}
