//! What the time of an answer tells of a fetch that was not denied: for information, no goal. A relay sees that time.

use restante::{
    mls::CipherSuite,
    wire::{KeyPackageResults, KeyPackageStatus, decode},
};

use crate::{
    provider::{EMPTIED, Provider, USER},
    ranks,
    sealed::{bundle, bundle_of},
    tries::{Asker, Kind},
};

/// Tries of each kind.
const TRIES: usize = 1500;

/// Prints for each outcome how long it takes, and how likely chance makes it so different from a denial.
pub(crate) fn measure(provider: &Provider) {
    use KeyPackageStatus::{Denied, Exhausted, Incompatible, Ok};
    let tokens = &provider.tokens;
    let mut wrong = tokens.good.clone();
    *wrong.last_mut().unwrap() ^= 1;
    let kinds: [(KeyPackageStatus, Kind); 4] = [
        (Denied, ("denied", bundle(USER, &wrong))),
        (Ok, ("one KeyPackage given", bundle(USER, &tokens.good))),
        (Exhausted, ("exhausted", bundle(EMPTIED, &tokens.emptied))),
        (Incompatible, ("incompatible", bundle_of(USER, &tokens.good, CipherSuite(2)))),
    ];
    let asked: Vec<&Kind> = kinds.iter().map(|(_, kind)| kind).collect();
    println!("\nfetches of one user through the gateway by their outcome, {TRIES} tries of each in turn; no goal");
    let took = Asker::new(provider).try_in_turn(&asked, TRIES, |kind, answer| {
        let results: KeyPackageResults = decode(answer).unwrap();
        assert_eq!(results.results[0].status, kinds[kind].0);
    });
    for ((name, _), took_so) in asked.iter().zip(&took) {
        let (p50, p) = (ranks::median(&mut took_so.clone()), ranks::p_value(&took[0], took_so));
        println!("{name:<30} p50 {:8.1} µs   against denied: p = {p:.4}", p50 / 1e3);
    }
}
