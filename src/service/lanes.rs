//! All lanes: which group belongs to which, and how commands get there.

use std::{
    sync::{Mutex, PoisonError, RwLock},
    thread::JoinHandle,
};

use tokio::sync::{mpsc, oneshot, watch};

use super::{
    Error, Limits,
    lane::{Done, GroupTask, Job, Lane, Surroundings, Task},
    pool_desk::{PoolOutcome, PoolTask},
    tally::LaneKind,
};
use crate::{
    sequencer::{Command, GroupKey, Outcome},
    store::Presentation,
};

/// The lanes of a service. Dropping them finishes them: the database must be closed before the process may end.
pub struct Lanes {
    /// Those of groups, and behind them that of KeyPackages and tokens. Emptied by `finish`, which closes the queues.
    queues: RwLock<Vec<mpsc::Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Whether a lane has ended, by a bug or by `finish`. Nobody keeps a queue open to find out.
    ended: watch::Receiver<bool>,
    queue_wait: std::time::Duration,
    commit_wait: std::time::Duration,
}

impl Lanes {
    pub(super) fn start(limits: &Limits, surroundings: &Surroundings) -> Result<Self, Error> {
        let mut queues = Vec::new();
        let mut threads = Vec::new();
        let (ends, ended) = watch::channel(false);
        let of_groups = (0..limits.lanes.max(1)).map(|number| (LaneKind::Groups, format!("lane-{number}")));
        // Whoever has a token decides how much there is to read for it: no group waits behind that.
        for (kind, name) in of_groups.chain([(LaneKind::Pool, "lane-pool".to_owned())]) {
            let (queue, jobs) = mpsc::channel(limits.queue);
            let lane = Lane::new(kind, surroundings.clone(), jobs);
            let end = End(ends.clone());
            let work = move || {
                lane.run();
                drop(end);
            };
            let thread = std::thread::Builder::new().name(name).spawn(work).map_err(|_| Error::NoThread)?;
            queues.push(queue);
            threads.push(thread);
        }
        Ok(Self {
            queues: RwLock::new(queues),
            threads: Mutex::new(threads),
            ended,
            queue_wait: limits.queue_wait,
            commit_wait: limits.commit_wait,
        })
    }

    /// Sends a command to the group's lane and waits for its outcome.
    pub(super) async fn submit(
        &self,
        group: GroupKey,
        command: Command,
        presentation: Option<Presentation>,
    ) -> Result<Outcome, Error> {
        let queue = self.queue(&group).ok_or(Error::ShuttingDown)?;
        let task = Task::Group(GroupTask { group, command: Some(command), presentation });
        match self.await_done(&queue, task).await? {
            Done::Group(outcome) => Ok(outcome),
            Done::Pool(_) => Err(Error::ShuttingDown),
        }
    }

    /// Sends a task about KeyPackages or tokens to the one lane that has them, and waits for its outcome.
    pub(super) async fn submit_pool(&self, task: PoolTask) -> Result<PoolOutcome, Error> {
        let queue = {
            let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
            queues.last().cloned().ok_or(Error::ShuttingDown)?
        };
        match self.await_done(&queue, Task::Pool(task)).await? {
            Done::Pool(outcome) => Ok(outcome),
            Done::Group(_) => Err(Error::ShuttingDown),
        }
    }

    async fn await_done(&self, queue: &mpsc::Sender<Job>, task: Task) -> Result<Done, Error> {
        let (answer, outcome) = oneshot::channel();
        let job = Job { task, answer: Some(answer) };
        if let Err(error) = queue.try_send(job) {
            let job = match error {
                mpsc::error::TrySendError::Full(job) => job,
                mpsc::error::TrySendError::Closed(_) => return Err(Error::ShuttingDown),
            };
            match tokio::time::timeout(self.queue_wait, queue.send(job)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(Error::ShuttingDown),
                Err(_) => return Err(Error::Overloaded),
            }
        }
        // The lane answers every job that it has taken; a lane that died drops them, and a disk may hang.
        match tokio::time::timeout(self.commit_wait, outcome).await {
            Ok(answered) => answered.unwrap_or(Err(Error::ShuttingDown)),
            Err(_) => Err(Error::Overloaded),
        }
    }

    /// Leaves bookkeeping at the group's lane. It may be lost when the lane is busy: it will be due again.
    pub(super) fn remark(&self, group: GroupKey, command: Option<Command>, presentation: Option<Presentation>) {
        if let Some(queue) = self.queue(&group) {
            let task = Task::Group(GroupTask { group, command, presentation });
            drop(queue.try_send(Job { task, answer: None }));
        }
    }

    /// How many commands wait for the lanes of each kind.
    pub(super) fn queued(&self) -> [(LaneKind, u64); 2] {
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        let waiting = |queue: &mpsc::Sender<Job>| (queue.max_capacity() - queue.capacity()) as u64;
        let (of_the_pool, of_groups) = match queues.split_last() {
            Some((of_the_pool, of_groups)) => (waiting(of_the_pool), of_groups.iter().map(waiting).sum()),
            None => (0, 0),
        };
        [(LaneKind::Groups, of_groups), (LaneKind::Pool, of_the_pool)]
    }

    pub(super) fn alive(&self) -> Result<(), Error> {
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        if queues.is_empty() || queues.iter().any(mpsc::Sender::is_closed) {
            return Err(Error::ShuttingDown);
        }
        Ok(())
    }

    /// Returns when a lane has ended. Before `finish` none does, unless it has a bug.
    pub(super) async fn ended(&self) {
        // Without a sender all of them have.
        drop(self.ended.clone().wait_for(|ended| *ended).await);
    }

    pub(super) fn finish(&self) {
        self.queues.write().unwrap_or_else(PoisonError::into_inner).clear();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a lane ended in a panic");
            }
        }
    }

    fn queue(&self, group: &GroupKey) -> Option<mpsc::Sender<Job>> {
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        let (_of_the_pool, of_groups) = queues.split_last()?;
        let [.., last] = group.as_bytes();
        let lane = usize::from(*last).checked_rem(of_groups.len())?;
        of_groups.get(lane).cloned()
    }
}

/// Says that a lane has ended when it is dropped, by a panic as well.
struct End(watch::Sender<bool>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.finish();
    }
}

impl std::fmt::Debug for Lanes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Lanes(..)")
    }
}
