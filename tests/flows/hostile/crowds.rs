//! More connections than there are places, and as many again that come and go.

use std::time::Duration;

use tokio::{io::AsyncWriteExt, task::JoinSet, time::timeout};

use super::{
    attack::{Held, is_withstood},
    grounds::CONNECTIONS,
    target::{ATTACKER, Connection, Target},
};
use crate::process::PATIENCE;

/// Between two attempts.
const STEP: Duration = Duration::from_millis(20);

async fn crowd(target: &Target) -> Held {
    // Those that come and go.
    let mut passing = JoinSet::new();
    for _passing in 0..10 {
        let target = target.clone();
        passing.spawn(async move {
            for _again in 0..CONNECTIONS / 2 {
                // Refused, perhaps: there is no place.
                if let Ok(mut stream) = target.bare(ATTACKER).await {
                    let _ = stream.write_all(b"GET").await;
                }
            }
        });
    }
    passing.join_all().await;
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
