//! Somebody at the follower reads each group: waits, reads, follows its commits, and compares.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet, time::timeout};

use super::{group::Group, record::Kind, world::World};
use crate::traffic::{self, Content, Place};

const WAIT: Duration = Duration::from_secs(25);
/// After an error.
const PAUSE: Duration = Duration::from_millis(200);
/// How long what was acknowledged may take to its reader at the end.
const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(20);

pub(crate) struct Readers {
    tasks: JoinSet<()>,
    end: watch::Sender<bool>,
}

impl Readers {
    pub(crate) fn start(world: &Arc<World>) -> Self {
        let (end, ending) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for group in &world.groups {
            tasks.spawn(read(world.clone(), group.clone(), ending.clone()));
        }
        Self { tasks, end }
    }

    /// Lets them read what there is, and ends them.
    pub(crate) async fn finish(mut self, world: &World) {
        let all_read = async {
            while !world.groups.iter().all(|group| group.is_read() || group.is_lost()) {
                tokio::time::sleep(STEP).await;
            }
        };
        if timeout(PATIENCE, all_read).await.is_err() {
            world.record.went_wrong(Kind::Read, "not read in time");
        }
        self.end.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

async fn read(world: Arc<World>, group: Arc<Group>, mut ending: watch::Receiver<bool>) {
    let user = world.reader(&group);
    let (mut place, mut counter) = (Place { group: group.number, epoch: 0 }, 0);
    while !group.is_lost() {
        let request = traffic::receive(&group.id, place, counter);
        let received = tokio::select! {
            received = user.receive(&request, WAIT) => received,
            _ = ending.wait_for(|ends| *ends) => return,
        };
        let received = match received {
            Ok(received) => received,
            Err(error) => {
                world.record.went_wrong(Kind::Read, error);
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        for message in &received.response.epoch.messages {
            let Some(awaited) = group.read(place, counter, message) else {
                world.record.went_wrong(Kind::Read, "another message");
                group.lose();
                return;
            };
            world.record.went_well(Kind::Read, awaited.planned.elapsed());
            counter += 1;
            if awaited.content == Content::Commit {
                (place, counter) = (place.next(), 0);
            }
        }
    }
}
