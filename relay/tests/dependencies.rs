//! The relay cannot be made to read what it relays: nothing that could is in its dependency tree.
//!
//! `cargo xtask check` asks cargo itself. This reads `Cargo.lock`, which holds at least as much: the features of all
//! packages of the workspace together, and what only tests use.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

/// Packages, and the names of those that each uses.
fn packages(lock: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let name = package.lines().find_map(|line| line.strip_prefix("name = ")).unwrap().trim_matches('"');
        let uses = package.split_once("dependencies = [").and_then(|(_, rest)| rest.split_once(']'));
        let uses = uses.map_or("", |(uses, _)| uses).lines().map(|line| line.trim().trim_matches(&['"', ','][..]));
        // Behind the name may stand a version, where there are several.
        let uses = uses.filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty()).map(str::to_owned);
        packages.entry(name.to_owned()).or_default().extend(uses);
    }
    packages
}

/// All that a package uses, and what that uses in turn.
fn tree(packages: &BTreeMap<String, BTreeSet<String>>, root: &str) -> BTreeSet<String> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![root.to_owned()]);
    while let Some(name) = next.pop() {
        next.extend(packages[&name].iter().filter(|used| !seen.contains(*used)).cloned());
        seen.insert(name);
    }
    seen
}

fn can_decapsulate(name: &str) -> bool {
    ["ohttp", "hpke", "bhttp"].contains(&name) || name.starts_with("mls-rs") || name.starts_with("hpke-")
}

fn lock() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock")).unwrap()
}

#[test]
fn nothing_that_could_decapsulate_is_linked() {
    let tree = tree(&packages(&lock()), "restante-relay");
    assert!(tree.contains("hyper") && tree.contains("rustls") && tree.len() > 50, "the tree was read: {tree:?}");
    let found: Vec<_> = tree.iter().filter(|name| can_decapsulate(name)).collect();
    assert!(found.is_empty(), "{found:?}");
    for ours in ["restante", "restante-gateway"] {
        assert!(!tree.contains(ours), "{ours}");
    }
}

/// The walk finds such things where they are.
#[test]
fn what_the_hub_links_is_seen() {
    assert!(tree(&packages(&lock()), "restante").iter().any(|name| can_decapsulate(name)));
}
