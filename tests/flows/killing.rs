//! The hub is killed in the middle of everything, twice.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use restante::{client::http::LocalAddress, wire::SendResponse};
use tokio::sync::{Notify, watch};

use crate::{
    line::Line,
    people::{Person, say},
    process::PATIENCE,
    site::{HUB, Provider, Setting, Site, User},
};

const SENDERS: usize = 8;
const EACH: usize = 60;

/// Where each sender finds its provider now, and how far all of them are.
struct Progress {
    users: watch::Receiver<Arc<Vec<User>>>,
    acknowledged: AtomicUsize,
    more: Notify,
}

/// Sends its messages one after the other, each again and again until it is acknowledged.
async fn send_all(progress: Arc<Progress>, group: Arc<[u8]>, sender: usize) -> Vec<(String, SendResponse)> {
    let mut receipts = Vec::new();
    let mut users = progress.users.clone();
    for number in 0..EACH {
        let text = format!("{number} of {sender}");
        let request = say(&group, 0, &text);
        loop {
            let user = users.borrow_and_update()[sender].clone();
            match user.send(&request, None).await {
                Ok(receipt) => {
                    receipts.push((text, receipt));
                    break;
                }
                Err(error) => assert!(error.is_transient(), "{error}"),
            }
            // Until the hub is back, or for a moment: whoever is told to come back later comes back later.
            let _ = tokio::time::timeout(std::time::Duration::from_millis(100), users.changed()).await;
        }
        progress.acknowledged.fetch_add(1, Ordering::AcqRel);
        progress.more.notify_one();
    }
    receipts
}

/// Users of the hub reach it where it is now. Its own ports are anybody's as soon as it is killed.
fn reach_through(line: &Line, hub: &mut Provider) {
    let LocalAddress::Tcp(address) = hub.local else { panic!("it listens on TCP") };
    line.lead_to(address);
    hub.local = LocalAddress::Tcp(line.address);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_is_there_twice() {
    let site = Site::new(&[]).await;
    let (mut hub, follower, line) = site.pair().await;
    let local_line = Line::new().await;
    reach_through(&local_line, &mut hub);
    let group: Arc<[u8]> = hub.user("alice").found().await.into();
    // Half of them at the hub, half through the follower.
    let users = |hub: &Provider| {
        let user = |sender| if sender % 2 == 0 { hub.user("alice") } else { follower.user("bob") };
        Arc::new((0..SENDERS).map(user).collect::<Vec<_>>())
    };
    let (found, watched) = watch::channel(users(&hub));
    let progress = Arc::new(Progress { users: watched, acknowledged: AtomicUsize::new(0), more: Notify::new() });
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..SENDERS {
        senders.spawn(send_all(progress.clone(), group.clone(), sender));
    }
    for enough in [SENDERS * EACH / 4, SENDERS * EACH / 2] {
        let reached = async {
            while progress.acknowledged.load(Ordering::Acquire) < enough {
                progress.more.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.expect("sends go on");
        line.lead_nowhere();
        local_line.lead_nowhere();
        hub.process.kill().await;
        hub = site.start(&Setting::new(HUB)).await;
        line.lead_to(hub.provider);
        reach_through(&local_line, &mut hub);
        found.send_replace(users(&hub));
    }
    let acknowledged = tokio::time::timeout(PATIENCE, senders.join_all()).await.expect("all are acknowledged").concat();
    assert_eq!(acknowledged.len(), SENDERS * EACH);

    let reader = hub.user("reader");
    let messages = reader.read_all(&group, 0).await;
    assert!(messages.iter().map(|(index, _)| *index).eq(0..480), "dense");
    let places: HashMap<_, _> = messages.iter().map(|(index, text)| (text.clone(), *index)).collect();
    assert_eq!(places.len(), messages.len(), "nothing is there twice");
    for (text, receipt) in &acknowledged {
        assert_eq!(places.get(text), Some(&receipt.index), "{text} is where its receipt says");
    }
    // Sent once more, each is answered with its first receipt, from either side.
    for (text, receipt) in acknowledged.iter().step_by(7) {
        assert_eq!(hub.user("alice").say(&group, 0, text).await.unwrap(), *receipt);
        assert_eq!(follower.user("bob").say(&group, 0, text).await.unwrap(), *receipt);
    }
    assert_eq!(reader.read(&group, 0, 480).await.unwrap().response.epoch.messages.len(), 0);
}
