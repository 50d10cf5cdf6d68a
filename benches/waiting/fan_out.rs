//! One message for many providers: that wait for it, or that it is pushed to.

use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use crate::{
    followers::Followers,
    group::Group,
    hub::Hub,
    peer::Peer,
    readers::{Arrival, Readers},
    report::{FanOutRow, Times},
    site::Site,
};

/// Where messages arrive.
trait Arrivals {
    async fn next(&mut self) -> Arrival;
}

impl Arrivals for Readers {
    async fn next(&mut self) -> Arrival {
        self.arrival().await
    }
}

impl Arrivals for Followers {
    async fn next(&mut self) -> Arrival {
        self.arrival().await
    }
}

pub(crate) async fn to_waiting(site: &Site, providers: usize, length: Duration) -> FanOutRow {
    let hub = site.serve();
    let group = &site.groups[0];
    let mut readers = Readers::of_group(&peers(site, providers, &hub), group);
    hub.settled().await;
    let (rate, last) = exchange(&site.sender(&hub), group, providers, length, &mut readers).await;
    FanOutRow { name: "that wait", providers, rate, last }
}

pub(crate) async fn to_subscribed(site: &Site, providers: usize, length: Duration) -> FanOutRow {
    // A group of its own: subscriptions of another row are still there.
    let group = &site.groups[providers];
    let mut followers = Followers::listen(site, providers, group).await;
    let hub = site.serve_to(&followers.addresses);
    for peer in peers(site, providers, &hub) {
        peer.subscribe(group).await;
    }
    hub.settled().await;
    let (rate, last) = exchange(&site.sender(&hub), group, providers, length, &mut followers).await;
    FanOutRow { name: "that subscribed", providers, rate, last }
}

fn peers(site: &Site, providers: usize, hub: &Hub) -> Vec<Peer> {
    (0..providers).map(|number| site.reader(number, hub)).collect()
}

/// Sends a message when all have the one before. Sends in a second, and how long the last one waits for it.
async fn exchange(
    sender: &Peer,
    group: &Group,
    providers: usize,
    length: Duration,
    arrivals: &mut impl Arrivals,
) -> (f64, Times) {
    let mut last = Histogram::<u64>::new(3).unwrap();
    let (began, mut counting) = (Instant::now(), None);
    while began.elapsed() < length + length / 4 {
        if began.elapsed() > length / 4 {
            counting.get_or_insert_with(Instant::now);
        }
        let start = Instant::now();
        let mut has_it = vec![false; providers];
        let arriving = async {
            let mut last = start;
            for _ in 0..providers {
                let Arrival { reader, at } = arrivals.next().await;
                assert!(!std::mem::replace(&mut has_it[reader], true), "each provider has it once");
                last = last.max(at);
            }
            last
        };
        let ((), arrived) = tokio::join!(sender.send(group), arriving);
        if counting.is_some() {
            last.record(u64::try_from((arrived - start).as_nanos()).unwrap()).unwrap();
        }
    }
    (last.len() as f64 / counting.unwrap().elapsed().as_secs_f64(), Times::of(&last))
}
