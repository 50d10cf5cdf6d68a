//! Where the lane carries out what concerns KeyPackages and tokens.

use bytes::Bytes;

use super::{Error, pool_view::PoolView};
use crate::{
    pool::{self, Expire, Fetch, Forget, Meters, Mint, Policy, Refusal, ReplayMark, Revoke, TokenSecret, Upload},
    sequencer::UnixMillis,
    store::{self, Batch, Snapshot},
    wire::{BearerToken, KeyPackageStatus},
};

/// What a lane is asked to do.
pub(super) enum PoolTask {
    /// A bundle of fetches, and how a repetition of the request that brought them is recognised.
    Fetch(Vec<Fetch>, Option<ReplayMark>),
    Upload(Upload),
    Forget(Forget),
    Mint(Mint),
    Revoke(Revoke),
    Expire(Expire),
    /// Removes marks that have lapsed.
    Lapse(Vec<ReplayMark>),
}

/// What came of it.
#[derive(Debug)]
pub(super) enum PoolOutcome {
    /// One for each fetch of the bundle.
    Fetched(Vec<(KeyPackageStatus, Vec<Bytes>)>),
    Minted(BearerToken),
    Done,
}

/// What carrying out needs.
pub(super) struct Desk<'a> {
    pub(super) secret: &'a TokenSecret,
    pub(super) policy: &'a Policy,
    pub(super) meters: &'a mut Meters,
    pub(super) snapshot: &'a dyn Snapshot,
    pub(super) now: UnixMillis,
}

impl Desk<'_> {
    /// Decides a task and adds what it changes to the batch.
    pub(super) fn carry_out(self, task: &PoolTask, batch: &mut Batch) -> Result<PoolOutcome, Error> {
        let Self { secret, policy, snapshot, now, .. } = self;
        let view = PoolView { batch: &batch.pool, snapshot };
        let transition = match task {
            PoolTask::Fetch(fetches, mark) => return self.fetch(fetches, *mark, batch),
            PoolTask::Upload(upload) => pool::upload(&view, upload, policy),
            PoolTask::Forget(forget) => pool::forget(&view, forget),
            PoolTask::Revoke(revoke) => pool::revoke(&view, revoke),
            PoolTask::Expire(expire) => pool::expire(&view, expire, policy, now),
            PoolTask::Mint(mint) => {
                let (token, transition) = pool::mint(&view, mint, secret, policy, now).map_err(refused)?;
                batch.pool.push(transition);
                return Ok(PoolOutcome::Minted(token));
            }
            PoolTask::Lapse(marks) => {
                batch.pool.lapsed_marks.extend(marks);
                return Ok(PoolOutcome::Done);
            }
        };
        let transition = transition.map_err(refused)?;
        batch.bytes +=
            transition.packages.iter().filter_map(|(_, bytes)| bytes.as_ref()).map(Bytes::len).sum::<usize>();
        batch.pool.push(transition);
        Ok(PoolOutcome::Done)
    }

    /// One after another, each seeing what the one before it took. The mark is written with what is handed out:
    /// whatever handed nothing out may be repeated.
    fn fetch(self, fetches: &[Fetch], mark: Option<ReplayMark>, batch: &mut Batch) -> Result<PoolOutcome, Error> {
        let mut results = Vec::with_capacity(fetches.len());
        for fetch in fetches {
            let view = PoolView { batch: &batch.pool, snapshot: self.snapshot };
            let fetched = pool::fetch(&view, fetch, self.secret, self.meters, self.now)?;
            batch.pool.push(fetched.transition);
            results.push((fetched.status, fetched.key_packages));
        }
        if results.iter().any(|(status, _)| *status == KeyPackageStatus::Ok) {
            batch.pool.marks.extend(mark);
        }
        Ok(PoolOutcome::Fetched(results))
    }
}

fn refused(refusal: Refusal<store::Error>) -> Error {
    match refusal {
        Refusal::Rejected(rejection) => Error::PoolRejected(rejection),
        Refusal::State(error) => Error::Store(error),
    }
}
