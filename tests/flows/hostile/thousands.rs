//! Thousands of connections to one listener, and a place for each: they are held, and others are served beside them.

use std::net::{IpAddr, Ipv4Addr};

use restante_process::{connections_of_each, raise_open_files};
use tokio::time::timeout;

use super::{
    attack::{Held, is_withstood_by},
    grounds::Grounds,
    target::{Connection, Target},
};
use crate::process::PATIENCE;

/// So many are held, where a process may open so many files.
const HELD: usize = 2000;
/// Fewer than one address may have of them.
const OF_ONE_ADDRESS: usize = 50;
/// Places that are left to others.
const LEFT: usize = 100;
/// The provider has most of them.
const LISTENERS_OF_ONE: usize = 3;

/// Lines of `[limits]`: a place for everybody, and patience with whoever says nothing.
const LIMITS: &str = "connections_max = 2200\nheader_read_timeout_seconds = 120\n";

/// One of each program, such as strangers reach.
const LISTENERS: [&str; 3] = ["public", "relay", "gateway"];

async fn hold(target: &Target, number: usize) -> Held {
    let mut held: Vec<Connection> = Vec::with_capacity(number);
    let gathering = async {
        for place in 0..number {
            let address = u8::try_from(place / OF_ONE_ADDRESS + 1).unwrap();
            held.push(target.bare(IpAddr::V4(Ipv4Addr::new(127, 0, 3, address))).await.unwrap());
        }
    };
    let gathered = timeout(PATIENCE, gathering).await;
    assert!(gathered.is_ok(), "{} connections on [{}]", held.len(), target.name);
    // Each has a descriptor over there: it was accepted, and not only queued by the system. What else the program has open
    // comes and goes meanwhile: connections of its own to others do.
    let what = format!("{number} connections on [{}]", target.name);
    target.process.descriptors_rise_to(number, &what).await;
    Box::new(held)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_connections() {
    // Here as many are open as over there, and the programs may open as many files as we.
    raise_open_files();
    let number = HELD.min(connections_of_each(LISTENERS_OF_ONE).saturating_sub(LEFT));
    assert!(number > 0, "this machine lets nobody open files");
    let grounds = Grounds::new(LIMITS).await;
    for target in grounds.targets.iter().filter(|target| LISTENERS.contains(&target.name)) {
        is_withstood_by(&grounds, target, "thousands", async |target: &Target| hold(target, number).await).await;
    }
}
