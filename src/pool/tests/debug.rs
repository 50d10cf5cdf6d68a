//! `Debug` goes to logs: it shows no KeyPackage.

use super::world::{World, client, package, tag};
use crate::{
    pool::{Fetched, Upload},
    store::PoolBatch,
    wire::KeyPackageStatus,
};

#[test]
fn no_key_package_is_shown() {
    let shows = |shown: &dyn std::fmt::Debug| {
        let text = format!("{shown:?}");
        // As text, and as a list of numbers.
        text.contains("canary") || text.contains("99, 97, 110")
    };
    let canary = package("canary");
    assert!(shows(&canary.bytes), "the test sees what it looks for");
    let mut world = World::new();
    let upload = Upload { user: tag("bob"), client: client(1), packages: vec![canary], to_hand_out: true };
    let transition = world.decide(&upload).unwrap();
    assert!(!transition.packages.is_empty());
    let fetched = Fetched {
        status: KeyPackageStatus::Ok,
        key_packages: vec![package("canary").bytes],
        transition: transition.clone(),
    };
    let mut batch = PoolBatch::default();
    batch.push(transition.clone());
    let all: [&dyn std::fmt::Debug; 5] = [&upload, &upload.packages[0], &transition, &fetched, &batch];
    assert!(all.into_iter().all(|shown| !shows(shown)));
}
