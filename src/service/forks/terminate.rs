//! Ending a branch, and taking that back (specs/protocol.md F11).
//!
//! Each step is durable. Whoever asks waits for all of them; if the process ends in between, the group's timer goes on.

use std::sync::Arc;

use super::{
    super::{Error, Service},
    Found, find,
};
use crate::{
    forks::{NoticeOf, notice},
    sequencer::{BranchOutcome, Command, GroupKey, Outcome, Restore, Terminate},
    store::Snapshot,
    wire::MaskedPartitionKey,
};

/// What was done to a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// How many partitions were marked, or cleared.
    pub partitions: u64,
    /// Whether that is all. If it is not, it goes on by itself.
    pub is_done: bool,
}

/// How many steps one request waits for: some hundred thousand partitions.
const STEPS_MAX: usize = 1_024;

impl Service {
    /// What it would mean to end the branch that begins with that partition of that group, both by the beginnings of
    /// their keys. Nothing is changed.
    ///
    /// # Errors
    /// When the store cannot read.
    pub async fn foresee_termination(self: &Arc<Self>, group: Vec<u8>, top: Vec<u8>) -> Found<NoticeOf> {
        let (policy, now, most) = (self.policy(), self.now(), self.limits().drawn_partitions);
        self.read_elsewhere(move |snapshot| {
            let group = match find::group(snapshot, &group)? {
                Ok(group) => group,
                Err(unnamed) => return Ok(Err(unnamed)),
            };
            let top = match find::partition(snapshot, &group.0, &top)? {
                Ok(top) => top,
                Err(unnamed) => return Ok(Err(unnamed)),
            };
            let forest = find::forest_around(snapshot, group, &top, most, policy.forgotten)?;
            Ok(Ok(notice(&forest, &top, &policy, now)))
        })
        .await
    }

    /// Ends that branch.
    ///
    /// # Errors
    /// When its fate is unknown: asking again is safe.
    pub async fn terminate_branch(
        self: &Arc<Self>,
        group: Vec<u8>,
        top: Vec<u8>,
    ) -> Found<Result<Done, BranchOutcome>> {
        self.change_branch(group, top, |partition| Command::Terminate(Terminate { partition })).await
    }

    /// Takes that back.
    ///
    /// # Errors
    /// When its fate is unknown: asking again is safe.
    pub async fn restore_branch(self: &Arc<Self>, group: Vec<u8>, top: Vec<u8>) -> Found<Result<Done, BranchOutcome>> {
        self.change_branch(group, top, |partition| Command::Restore(Restore { partition })).await
    }

    async fn change_branch(
        self: &Arc<Self>,
        group: Vec<u8>,
        top: Vec<u8>,
        command: impl FnOnce(MaskedPartitionKey) -> Command,
    ) -> Found<Result<Done, BranchOutcome>> {
        let place = self.read_elsewhere(move |snapshot| place(snapshot, &group, &top)).await?;
        let (group, top) = match place {
            Ok(place) => place,
            Err(unnamed) => return Ok(Err(unnamed)),
        };
        let mut done = Done { partitions: 0, is_done: false };
        let mut next = command(top);
        for _step in 0..STEPS_MAX {
            match self.lanes.submit(group, next, None).await? {
                Outcome::Branch(BranchOutcome::Spread { partitions, is_done }) => {
                    done.partitions += u64::from(partitions);
                    done.is_done = is_done;
                }
                Outcome::Branch(refused) => return Ok(Ok(Err(refused))),
                Outcome::Reserved
                | Outcome::Created(_)
                | Outcome::Sent(_)
                | Outcome::Wanted(_)
                | Outcome::Trimmed { .. }
                | Outcome::Done => {
                    return Err(Error::ShuttingDown);
                }
            }
            if done.is_done {
                break;
            }
            next = Command::Spread;
        }
        Ok(Ok(Ok(done)))
    }
}

/// The group and the partition that are meant.
fn place(snapshot: &dyn Snapshot, group: &[u8], top: &[u8]) -> Found<(GroupKey, MaskedPartitionKey)> {
    match find::group(snapshot, group)? {
        Ok((key, _)) => Ok(find::partition(snapshot, &key, top)?.map(|top| (key, top))),
        Err(unnamed) => Ok(Err(unnamed)),
    }
}
