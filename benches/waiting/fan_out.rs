//! One message for many providers that wait for it.

use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use crate::{
    readers::Readers,
    report::{FanOutRow, Times},
    site::Site,
};

/// Sends a message when all have the one before.
pub(crate) async fn measure(site: &Site, providers: usize, length: Duration) -> FanOutRow {
    let hub = site.serve();
    let sender = site.sender(&hub);
    let peers: Vec<_> = (0..providers).map(|number| site.reader(number, &hub)).collect();
    let group = &site.groups[0];
    let mut readers = Readers::of_group(&peers, group);
    hub.settled().await;
    let mut last = Histogram::<u64>::new(3).unwrap();
    let (began, mut counting) = (Instant::now(), None);
    while began.elapsed() < length + length / 4 {
        if began.elapsed() > length / 4 {
            counting.get_or_insert_with(Instant::now);
        }
        let start = Instant::now();
        let arriving = async {
            let mut last = start;
            for _ in 0..providers {
                last = last.max(readers.arrival().await.at);
            }
            last
        };
        let ((), arrived) = tokio::join!(sender.send(group), arriving);
        if counting.is_some() {
            last.record(u64::try_from((arrived - start).as_nanos()).unwrap()).unwrap();
        }
    }
    let rate = last.len() as f64 / counting.unwrap().elapsed().as_secs_f64();
    FanOutRow { name: "waiting", providers, rate, last: Times::of(&last) }
}
