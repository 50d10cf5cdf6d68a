//! How long a message takes from its sender to the reader that waits for it, among others that wait for other things.

use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use crate::{
    peer::Peer,
    readers::Readers,
    report::{LatencyRow, Times},
    site::Site,
};

pub(crate) async fn measure(site: &Site, waiting: usize, length: Duration) -> LatencyRow {
    let hub = site.serve();
    let peers = [site.sender(&hub), site.reader(0, &hub)];
    let groups = &site.groups[..waiting];
    // Alone: nobody waits. All else is the same.
    let (alone, _) = exchange(site, waiting, length, &peers, None).await;
    let mut readers = Readers::of_groups(&peers[1], groups).await;
    hub.settled().await;
    let (send, read) = exchange(site, waiting, length, &peers, Some(&mut readers)).await;
    LatencyRow { waiting, alone: Times::of(&alone), send: Times::of(&send), read: Times::of(&read) }
}

/// Sends one message after the other, to the groups in turn: nanoseconds until the sender is answered, and until the
/// reader has it.
async fn exchange(
    site: &Site,
    groups: usize,
    length: Duration,
    [sender, reader]: &[Peer; 2],
    mut readers: Option<&mut Readers>,
) -> (Histogram<u64>, Histogram<u64>) {
    let (mut sent, mut read) = (Histogram::<u64>::new(3).unwrap(), Histogram::<u64>::new(3).unwrap());
    let began = Instant::now();
    for group in (0..groups).cycle() {
        if began.elapsed() > length + length / 4 {
            break;
        }
        let counts = began.elapsed() > length / 4;
        let record = |histogram: &mut Histogram<u64>, took: Duration| {
            if counts {
                histogram.record(u64::try_from(took.as_nanos()).unwrap()).unwrap();
            }
        };
        let start = Instant::now();
        let answered = async {
            sender.send(&site.groups[group]).await;
            start.elapsed()
        };
        match &mut readers {
            None => record(&mut sent, answered.await),
            Some(readers) => {
                let (answered, arrival) = tokio::join!(answered, readers.arrival());
                assert_eq!(arrival.reader, group, "the reader of that group has it");
                record(&mut sent, answered);
                record(&mut read, arrival.at - start);
            }
        }
        // An exchange in between, so that the reader waits again before the next message.
        reader.look(&site.groups[group], site.groups[group].end()).await;
    }
    (sent, read)
}
