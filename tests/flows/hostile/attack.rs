//! What every attack comes to: others are served, and nothing stays behind.

use std::any::Any;

use super::{
    grounds::{Grounds, LIMITS},
    target::Target,
};

/// How much more memory a process may have during an attack, in KiB: what listeners lend to so many connections, and no more.
const GROWTH_KIB: u64 = 96 * 1024;

/// How much more afterwards, than before the first attack of that kind: the allocator keeps some of what was given back for
/// the next time, and what connections leave behind would add up, from one listener to the next.
const LEFT_KIB: u64 = 128 * 1024;

/// How often others ask on each listener of the process while the attack is held.
const ROUNDS: usize = 3;

/// What an attacker holds on to.
pub(super) type Held = Box<dyn Any + Send>;

/// Has each listener attacked in turn.
pub(super) async fn is_withstood(what: &str, attack: impl AsyncFn(&Target) -> Held) {
    let grounds = Grounds::new(LIMITS).await;
    let begun: Vec<u64> = grounds.targets.iter().map(|target| target.process.resident_kib()).collect();
    for (target, begun) in grounds.targets.iter().zip(begun) {
        is_withstood_by(&grounds, target, what, &attack).await;
        let what = format!("{what} on [{}], afterwards", target.name);
        target.process.memory_falls_to(begun + LEFT_KIB, &what).await;
    }
}

/// Has one listener attacked.
pub(super) async fn is_withstood_by(
    grounds: &Grounds,
    target: &Target,
    what: &str,
    attack: impl AsyncFn(&Target) -> Held,
) {
    let process = target.process;
    let mut usual = Vec::new();
    for neighbour in grounds.of(process) {
        usual.push((neighbour, neighbour.ask().await));
    }
    let (descriptors, memory) = (process.descriptors(), process.resident_kib());
    let held = attack(target).await;
    for _round in 0..ROUNDS {
        for (neighbour, status) in &usual {
            assert_eq!(neighbour.ask().await, *status, "{what} on [{}]: others are served", target.name);
        }
    }
    let grown = process.resident_kib().saturating_sub(memory);
    assert!(grown < GROWTH_KIB, "{what} on [{}]: {grown} KiB more", target.name);
    drop(held);
    process.descriptors_fall_to(descriptors, &format!("{what} on [{}]", target.name)).await;
}
