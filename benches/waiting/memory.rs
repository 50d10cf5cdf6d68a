//! Resident memory of the hub for each receive that waits.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::sleep};

use crate::{
    readers::Readers,
    report::{MemoryRow, Report},
    site::Site,
};

/// After so long each of them was answered by nothing once, and asked again.
const ASKED_AGAIN: Duration = Duration::from_secs(60);
/// After so long threads have ended that read from the disk and have nothing to do.
const THREADS_END: Duration = Duration::from_secs(12);
/// How many messages are under way when each reader is sent one.
const SENDS_IN_FLIGHT: usize = 16;

pub(crate) async fn measure(site: &Site, waiting: usize, report: &mut Report) {
    let (hub, groups) = (site.serve(), &site.groups[..waiting]);
    let (sender, reader) = (site.sender(&hub), site.reader(0, &hub));
    hub.settled().await;
    let started = hub.resident();
    // What a hub keeps at hand of partitions that are read is no part of waiting: each has been read once.
    for group in groups {
        reader.look(group, group.end()).await;
    }
    sleep(THREADS_END).await;
    hub.settled().await;
    let (idle, sockets) = (hub.resident(), hub.sockets());
    let mut readers = Readers::of_groups(&reader, groups).await;
    hub.settled().await;
    let row = |name| {
        let (connections, resident) = (hub.sockets() - sockets, hub.resident());
        MemoryRow { name, waiting, connections, started, idle, resident }
    };
    report.memory(row("waiting"));
    sleep(ASKED_AGAIN).await;
    hub.settled().await;
    report.memory(row("waiting, asked again"));

    // They did wait: each of them gets a message.
    let mut arrived = vec![false; waiting];
    let mut sends = JoinSet::new();
    for first in 0..SENDS_IN_FLIGHT {
        let (sender, groups) = (sender.clone(), groups.iter().skip(first).step_by(SENDS_IN_FLIGHT));
        let groups: Vec<_> = groups.map(Arc::clone).collect();
        sends.spawn(async move {
            for group in groups {
                sender.send(&group).await;
            }
        });
    }
    for _ in 0..waiting {
        let first = !std::mem::replace(&mut arrived[readers.arrival().await.reader], true);
        assert!(first, "a message came twice");
    }
    while let Some(sent) = sends.join_next().await {
        sent.unwrap();
    }
}
