//! More connections than there are places, and thousands that come and go.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use tokio::{io::AsyncWriteExt, task::JoinSet, time::timeout};

use super::{
    attack::{Held, is_withstood},
    grounds::CONNECTIONS,
    target::{ATTACKER, Connection, Target},
};
use crate::process::PATIENCE;

/// So many come and go on each of seven listeners, one behind the other from each of so many addresses: a machine has some
/// ten thousand ports for each, and keeps one for a minute after its connection.
const PASSING: usize = 1000;
const ADDRESSES: u8 = 10;

/// Between two attempts.
const STEP: Duration = Duration::from_millis(20);

async fn crowd(target: &Target) -> Held {
    let mut passing = JoinSet::new();
    for address in 1..=ADDRESSES {
        let target = target.clone();
        let from = IpAddr::V4(Ipv4Addr::new(127, 0, 2, address));
        passing.spawn(async move {
            let mut came = 0;
            for _again in 0..PASSING / usize::from(ADDRESSES) {
                // Refused, perhaps: there is no place.
                if let Ok(mut stream) = target.bare(from).await {
                    let _ = stream.write_all(b"GET").await;
                    came += 1;
                }
            }
            came
        });
    }
    let came: Result<Vec<usize>, _> = timeout(PATIENCE, passing.join_all()).await;
    let came: usize = came.unwrap_or_else(|_| panic!("[{}] lets them come and go", target.name)).iter().sum();
    assert!(came > PASSING / 2, "only {came} came to [{}]", target.name);
    let mut held: Vec<Connection> = Vec::new();
    // The system takes connections before the process does.
    let gathering = async {
        while held.len() < 3 * CONNECTIONS / 2 {
            match target.bare(ATTACKER).await {
                Ok(stream) => held.push(stream),
                // The queue of a unix socket is full: nobody says when it is not.
                Err(_) => tokio::time::sleep(STEP).await,
            }
        }
    };
    let gathered = timeout(PATIENCE, gathering).await;
    assert!(gathered.is_ok(), "{} connections on [{}]", held.len(), target.name);
    Box::new(held)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowds_of_connections() {
    is_withstood("crowds", crowd).await;
}
