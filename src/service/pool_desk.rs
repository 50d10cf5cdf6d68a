//! Where the lane carries out what concerns KeyPackages, tokens and Welcomes that wait.

use bytes::Bytes;

use super::{
    Error,
    arrangements::{Arrangements, Change},
    lane::BATCH_BYTES_MAX,
    pool_view::PoolView,
};
use crate::{
    pool::{
        self, Acknowledge, Deliver, Expiry, Fetch, Forget, Issue, LapsedMarks, Meters, Mint, Policy, Refusal,
        ReplayMark, Revoke, TokenSecret, Transition, Upload,
    },
    sequencer::{Ban, Bans, UnixMillis},
    store::{self, Batch, PoolBatch, Snapshot},
    wire::{BearerToken, KeyPackageStatus},
};

/// What a lane is asked to do.
pub(super) enum PoolTask {
    /// A bundle of fetches, and how a repetition of the request that brought them is recognised.
    Fetch(Vec<Fetch>, Option<ReplayMark>),
    Upload(Upload),
    /// Clients of one user.
    Forget(Vec<Forget>),
    Mint(Mint),
    Revoke(Revoke),
    /// A ticket for a hub.
    Issue(Issue),
    /// A Welcome, or a part of it.
    Deliver(Deliver),
    Acknowledge(Acknowledge),
    /// A page of what is due.
    Expire(Vec<Expiry>),
    /// Removes marks that have lapsed.
    Lapse(LapsedMarks),
    /// About bans or complaints.
    Arrange(Change),
}

/// A row that is read takes as long as so many bytes that are written.
const ROW_BYTES: usize = 2 * 1024;

/// What came of it.
pub(super) enum PoolOutcome {
    /// One for each fetch of the bundle.
    Fetched(Vec<(KeyPackageStatus, Vec<Bytes>)>),
    Minted(BearerToken),
    /// Whether there was anything to revoke.
    Revoked(bool),
    /// To how many it could not be, although it was accepted.
    Delivered(usize),
    /// The ban that there was before, if it was about one.
    Arranged(Option<Ban>),
    Done,
}

impl std::fmt::Debug for PoolOutcome {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Fetched(_) => "Fetched(..)",
            Self::Minted(_) => "Minted(..)",
            Self::Revoked(_) => "Revoked(..)",
            Self::Delivered(_) => "Delivered(..)",
            Self::Arranged(_) => "Arranged(..)",
            Self::Done => "Done",
        })
    }
}

/// What carrying out needs.
pub(super) struct Desk<'a> {
    pub(super) secret: &'a TokenSecret,
    pub(super) policy: &'a Policy,
    pub(super) meters: &'a mut Meters,
    pub(super) arrangements: &'a Arrangements,
    pub(super) bans: &'a Bans,
    pub(super) snapshot: &'a dyn Snapshot,
    pub(super) now: UnixMillis,
}

impl Desk<'_> {
    /// Decides a task and adds what it changes to the batch, and what it took.
    pub(super) fn carry_out(self, task: &PoolTask, batch: &mut Batch) -> Result<PoolOutcome, Error> {
        let Self { secret, policy, snapshot, now, .. } = self;
        let changes = [&batch.pool];
        let view = PoolView::new(&changes, snapshot);
        let decided = match task {
            PoolTask::Fetch(fetches, mark) => return self.fetch(fetches, *mark, batch),
            PoolTask::Expire(due) => return self.expire(due, batch),
            PoolTask::Upload(upload) => pool::upload(&view, upload, policy, self.meters, now).map(done),
            PoolTask::Forget(forgets) => return self.forget(forgets, batch),
            PoolTask::Revoke(revoke) => {
                pool::revoke(&view, revoke, now).map(|(found, transition)| (PoolOutcome::Revoked(found), transition))
            }
            PoolTask::Issue(issue) => pool::issue(&view, issue.clone(), &policy.inbox, now).map(done),
            PoolTask::Acknowledge(acknowledge) => pool::acknowledge(&view, acknowledge).map(done),
            PoolTask::Deliver(deliver) => pool::deliver(&view, deliver, &policy.inbox, now)
                .map(|delivered| (PoolOutcome::Delivered(delivered.left_out), delivered.transition)),
            PoolTask::Mint(mint) => pool::mint(&view, mint, secret, policy, now)
                .map(|(token, transition)| (PoolOutcome::Minted(token), transition)),
            PoolTask::Arrange(change) => {
                let decided = self.arrangements.decide(change, self.bans, now, &mut batch.arrangements);
                return decided.map(PoolOutcome::Arranged);
            }
            PoolTask::Lapse(lapsed) => {
                batch.pool.lapsed_marks.push(*lapsed);
                let before = batch.pool.marks_lapsed_ms.unwrap_or(snapshot.marks_lapsed()?);
                batch.pool.marks_lapsed_ms = Some(before.max(lapsed.last_ms));
                return Ok(PoolOutcome::Done);
            }
        };
        let rows = view.rows();
        batch.bytes += rows * ROW_BYTES;
        let (outcome, transition) = decided.map_err(refused)?;
        batch.bytes +=
            transition.packages.iter().filter_map(|(_, bytes)| bytes.as_ref()).map(Bytes::len).sum::<usize>();
        let contents = transition.inbox.contents.iter().filter_map(|(_, bytes)| bytes.as_ref());
        batch.bytes += contents.map(Bytes::len).sum::<usize>();
        batch.pool.push(transition);
        Ok(outcome)
    }

    /// One after another, each seeing what the one before it did. A client that cannot be read does not stand in the way
    /// of the others.
    fn forget(self, forgets: &[Forget], batch: &mut Batch) -> Result<PoolOutcome, Error> {
        let mut outcome = Ok(PoolOutcome::Done);
        for forget in forgets {
            let changes = [&batch.pool];
            let view = PoolView::new(&changes, self.snapshot);
            let decided = pool::forget(&view, forget);
            batch.bytes += view.rows() * ROW_BYTES;
            match decided {
                Ok(transition) => batch.pool.push(transition),
                Err(refusal) => outcome = Err(refused(refusal)),
            }
        }
        outcome
    }

    /// All that can be: a row that cannot be read does not stand in the way of the others. What is too much for a batch
    /// stays due.
    fn expire(self, due: &[Expiry], batch: &mut Batch) -> Result<PoolOutcome, Error> {
        let mut outcome = Ok(PoolOutcome::Done);
        for expiry in due {
            if batch.bytes > BATCH_BYTES_MAX {
                break;
            }
            let changes = [&batch.pool];
            let view = PoolView::new(&changes, self.snapshot);
            let decided = pool::expire(&view, expiry, self.policy, self.now);
            batch.bytes += view.rows() * ROW_BYTES;
            match decided {
                Ok(transition) => batch.pool.push(transition),
                Err(refusal) => outcome = Err(refused(refusal)),
            }
        }
        outcome
    }

    /// One after another, each seeing what the one before it took; all of them, or after an error none.
    ///
    /// # Privacy
    /// The mark is written whatever was handed out, so every fetch waits for the same write, and one denial takes as long
    /// as another. What was handed out takes longer: stocks, KeyPackages and references are read and more is written. The
    /// relay may tell by the time that something was, and roughly for how many clients (specs/threat-model.md).
    fn fetch(self, fetches: &[Fetch], mark: Option<ReplayMark>, batch: &mut Batch) -> Result<PoolOutcome, Error> {
        let mut results = Vec::with_capacity(fetches.len());
        let mut taken = PoolBatch::default();
        for fetch in fetches {
            let changes = [&taken, &batch.pool];
            let view = PoolView::new(&changes, self.snapshot);
            let fetched = pool::fetch(&view, fetch, self.secret, self.meters, self.now);
            batch.bytes += view.rows() * ROW_BYTES;
            let fetched = fetched?;
            batch.bytes += fetched.key_packages.iter().map(Bytes::len).sum::<usize>();
            taken.push(fetched.transition);
            results.push((fetched.status, fetched.key_packages));
        }
        taken.marks.extend(mark);
        batch.pool.absorb(taken);
        Ok(PoolOutcome::Fetched(results))
    }
}

fn done(transition: Transition) -> (PoolOutcome, Transition) {
    (PoolOutcome::Done, transition)
}

fn refused(refusal: Refusal<store::Error>) -> Error {
    match refusal {
        Refusal::Rejected(rejection) => Error::PoolRejected(rejection),
        Refusal::State(error) => Error::Store(error),
    }
}
