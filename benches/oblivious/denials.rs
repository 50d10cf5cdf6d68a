//! Whether one kind of denial takes longer than another: what somebody could try who wants to know whether a user exists,
//! or what became of a token.

use crate::{
    provider::{FORMER, NOBODY, Provider, USER},
    ranks,
    sealed::bundle,
    tries::{Asker, Kind},
};

/// Tries of each kind.
const TRIES: usize = 1500;
/// Tries of each kind of a pair that looked different. They decide.
const DECIDING_TRIES: usize = 4 * TRIES;
/// Two kinds of denial look alike when chance alone would make them this different more often than so.
const GOAL: f64 = 0.001;
/// A unique token that is shown so often, one time after the other, is denied then, and for minutes.
const SHOWN_MAX: usize = 100;

/// Whether all kinds of denial take the same time. Pairs that differ are tried again, with several times as many tries,
/// which find a smaller difference too: among so many pairs chance makes one look different now and then.
pub(crate) fn look_alike(provider: &Provider) -> bool {
    let tokens = &provider.tokens;
    let mut wrong = tokens.good.clone();
    *wrong.last_mut().unwrap() ^= 1;
    let kinds: [Kind; 7] = [
        ("wrong token for a known user", bundle(USER, &wrong)),
        ("token for an unknown user", bundle(NOBODY, &tokens.good)),
        ("revoked token", bundle(USER, &tokens.revoked)),
        ("revoked with all of a user's", bundle(FORMER, &tokens.former)),
        ("token of an expired period", bundle(USER, &tokens.expired)),
        ("token shown too often", bundle(USER, &tokens.unique)),
        ("no token at all", bundle(USER, &vec![0xff; tokens.good.len()])),
    ];
    let mut asker = Asker::new(provider);
    let denied = asker.ask(&kinds[0].1);
    show_too_often(&mut asker, &kinds[5].1, &denied);
    let all: Vec<&Kind> = kinds.iter().collect();
    println!("\ndenials through the gateway, {TRIES} tries of each kind in turn");
    let suspicious = compare(&mut asker, &all, TRIES, &denied);
    let mut alike = true;
    for (first, second) in suspicious {
        let pair = [&kinds[first], &kinds[second]];
        println!("\nthe pair once more, {DECIDING_TRIES} tries of each, which decide");
        alike &= compare(&mut asker, &pair, DECIDING_TRIES, &denied).is_empty();
    }
    alike
}

/// Uses the unique token up.
fn show_too_often(asker: &mut Asker<'_>, bundle: &[u8], denied: &[u8]) {
    let shown = (0..SHOWN_MAX).take_while(|_| asker.ask(bundle) != denied).count();
    assert!((1..SHOWN_MAX).contains(&shown), "it was good {shown} times");
}

/// Tries all kinds, prints for each pair how likely it is that chance made the difference, and gives back those that
/// differ, by their places.
fn compare(asker: &mut Asker<'_>, kinds: &[&Kind], tries: usize, denied: &[u8]) -> Vec<(usize, usize)> {
    let took = asker.try_in_turn(kinds, tries, |kind, answer| {
        assert_eq!(answer, denied, "one denial for all: {}", kinds[kind].0);
    });
    for ((name, _), took) in kinds.iter().zip(&mut took.clone()) {
        println!("{name:<30} p50 {:8.1} µs", ranks::median(took) / 1e3);
    }
    println!("Mann-Whitney, two-sided; goal for each pair: p > {GOAL}");
    let pairs = (0..kinds.len()).flat_map(|first| (first + 1..kinds.len()).map(move |second| (first, second)));
    let mut different = Vec::new();
    for (first, second) in pairs {
        let p = ranks::p_value(&took[first], &took[second]);
        let verdict = if p > GOAL { "ok" } else { "THEY DIFFER" };
        println!("p = {p:<8.4} {verdict:<12} {} / {}", kinds[first].0, kinds[second].0);
        if p <= GOAL {
            different.push((first, second));
        }
    }
    different
}
