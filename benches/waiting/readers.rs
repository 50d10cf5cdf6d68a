//! Tasks that wait for messages, one for each group or provider, and ask again.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{group::Group, peer::Peer};

/// How many requests a provider has waiting on one connection.
const ON_CONNECTION: usize = 100;
/// The first request on a connection has so long to open it before others come that would open more.
const CONNECTING: Duration = Duration::from_millis(20);
/// No message takes longer to its reader.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A message was read.
pub(crate) struct Arrival {
    /// The number of the reader.
    pub(crate) reader: usize,
    pub(crate) at: Instant,
}

/// Readers; they end when this is dropped.
pub(crate) struct Readers {
    _tasks: JoinSet<()>,
    arrivals: UnboundedReceiver<Arrival>,
}

impl Readers {
    /// One provider reads all groups.
    pub(crate) async fn of_groups(peer: &Peer, groups: &[Arc<Group>]) -> Self {
        let (mut tasks, (told, arrivals)) = (JoinSet::new(), unbounded_channel());
        for (reader, group) in groups.iter().enumerate() {
            tasks.spawn(read(peer.clone(), group.clone(), reader, told.clone()));
            if reader % ON_CONNECTION == 0 {
                sleep(CONNECTING).await;
            }
        }
        Self { _tasks: tasks, arrivals }
    }

    /// All providers read one group.
    pub(crate) fn of_group(peers: &[Peer], group: &Arc<Group>) -> Self {
        let (mut tasks, (told, arrivals)) = (JoinSet::new(), unbounded_channel());
        for (reader, peer) in peers.iter().enumerate() {
            tasks.spawn(read(peer.clone(), group.clone(), reader, told.clone()));
        }
        Self { _tasks: tasks, arrivals }
    }

    pub(crate) async fn arrival(&mut self) -> Arrival {
        timeout(PATIENCE, self.arrivals.recv()).await.expect("a message comes to its reader").unwrap()
    }
}

/// Reads what is sent to a group from now on.
async fn read(peer: Peer, group: Arc<Group>, reader: usize, told: UnboundedSender<Arrival>) {
    let mut counter = group.end();
    loop {
        let page = peer.wait(&group, counter).await;
        let at = Instant::now();
        counter = page.next;
        for _ in 0..page.messages {
            // Nobody listens any more at the end.
            let _ = told.send(Arrival { reader, at });
        }
    }
}
