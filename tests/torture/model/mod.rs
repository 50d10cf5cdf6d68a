//! What was asked for, what was acknowledged, and what was seen: all that the programs have promised.
//!
//! What was asked for and not acknowledged may have been done or not; a retry settles it. Each kind of promise has a file.

mod bans;
mod calls;
mod groups;
mod letters;
mod packages;

use std::{
    fmt::Write as _,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

pub(crate) use bans::{Bans, Sanction, Subject};
pub(crate) use calls::Calls;
pub(crate) use groups::{Digest, Groups, Spot, digest};
pub(crate) use letters::Letters;
pub(crate) use packages::Packages;

/// After so many nobody needs to see more.
const VIOLATIONS_MAX: usize = 20;

#[derive(Default)]
pub(crate) struct Model {
    groups: Mutex<Groups>,
    letters: Mutex<Letters>,
    packages: Mutex<Packages>,
    calls: Mutex<Calls>,
    bans: Mutex<Bans>,
    violations: Mutex<Vec<String>>,
    acknowledged: AtomicU64,
    unanswered: AtomicU64,
    /// What was refused because it has to be: in groups that were deleted, on branches that were ended.
    refused: AtomicU64,
    backups: AtomicU64,
    /// Branches that were ended, or taken back.
    branches: AtomicU64,
    /// Whether no more Welcomes are to be sent: a clock is about to leap over the days for which they are brought.
    pub(crate) holds_welcomes: AtomicBool,
}

impl Model {
    pub(crate) fn groups(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn letters(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn packages(&self) -> MutexGuard<'_, Packages> {
        self.packages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn bans(&self) -> MutexGuard<'_, Bans> {
        self.bans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A branch was ended, or taken back.
    pub(crate) fn note_branch(&self) {
        self.branches.fetch_add(1, Ordering::Relaxed);
    }

    /// Something was refused that has to be.
    pub(crate) fn note_refusal(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Where nothing happened, nothing can have gone wrong.
    pub(crate) fn expect_some(&self) -> Result<(), String> {
        self.calls().expect_some()?;
        self.bans().expect_some()?;
        if self.branches.load(Ordering::Relaxed) == 0 {
            return Err("no branch was ended".to_owned());
        }
        Ok(())
    }

    /// Nobody makes a backup any more; whether somebody knows that one was made.
    pub(crate) fn note_backup(&self, is_made: bool) {
        self.backups.fetch_add(u64::from(is_made), Ordering::Relaxed);
    }

    /// Something was acknowledged.
    pub(crate) fn acknowledge(&self) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
    }

    /// Something was asked for, and nobody knows what came of it.
    pub(crate) fn wonder(&self) {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// A promise was broken, if that is what the outcome says.
    pub(crate) fn hold(&self, outcome: Result<(), String>) {
        if let Err(violation) = outcome {
            let mut violations = self.violations.lock().unwrap_or_else(PoisonError::into_inner);
            if violations.len() < VIOLATIONS_MAX {
                violations.push(violation);
            }
        }
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.violations.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Numbers: no key, token or content.
    pub(crate) fn summary(&self) -> String {
        let mut text = format!(
            "{} acknowledged, {} without an answer\n",
            self.acknowledged(),
            self.unanswered.load(Ordering::Relaxed)
        );
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let others = format!(
            "{} branches ended or taken back, {} messages refused as they have to be, {} backups made",
            number(&self.branches),
            number(&self.refused),
            number(&self.backups)
        );
        let parts = [self.groups().summary(), self.packages().summary(), self.letters().summary()];
        for line in parts.into_iter().chain([self.calls().summary(), self.bans().summary(), others]) {
            writeln!(text, "{line}").unwrap();
        }
        text
    }
}
