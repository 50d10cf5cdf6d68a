//! What each provider has used up over all groups, and how many partitions of all groups are followed.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    sequencer::{Undelivered, Usage},
    store::{Error, Snapshot, Store},
    wire::ServiceProviderId,
};

/// Sums of rows, kept in memory and counted again at every start.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    totals: Mutex<HashMap<ServiceProviderId, Total>>,
    followed: AtomicUsize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Total {
    usage: Usage,
    undelivered: Undelivered,
}

/// What all providers use together.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// Providers that use anything.
    pub(super) providers: u64,
    /// Those that use half of what each may, or more.
    pub(super) near_budget: u64,
    pub(super) usage: Usage,
    pub(super) undelivered: Undelivered,
}

/// Rows read at once.
const PAGE: usize = 1024;

impl Ledger {
    pub(super) fn load(store: &dyn Store) -> Result<Self, Error> {
        let snapshot = store.snapshot()?;
        let mut totals = HashMap::new();
        load_budgets(&*snapshot, &mut totals)?;
        load_undelivered(&*snapshot, &mut totals)?;
        Ok(Self { totals: Mutex::new(totals), followed: AtomicUsize::new(count_followed(&*snapshot)?) })
    }

    pub(super) fn total(&self, provider: &ServiceProviderId) -> Usage {
        self.lock().get(provider).copied().unwrap_or_default().usage
    }

    /// Replaces what the provider had used up in one group.
    pub(super) fn replace(&self, provider: &ServiceProviderId, old: Usage, new: Usage) {
        let mut totals = self.lock();
        let total = totals.entry(provider.clone()).or_default();
        total.usage = total.usage.minus(old).plus(new);
    }

    /// What the provider submitted and is not delivered yet.
    pub(super) fn undelivered(&self, submitter: &ServiceProviderId) -> Undelivered {
        self.lock().get(submitter).copied().unwrap_or_default().undelivered
    }

    pub(super) fn post(&self, submitter: &ServiceProviderId, more: Undelivered) {
        let mut totals = self.lock();
        let total = totals.entry(submitter.clone()).or_default();
        total.undelivered = total.undelivered.plus(more);
    }

    pub(super) fn settle(&self, submitter: &ServiceProviderId, less: Undelivered) {
        let mut totals = self.lock();
        let total = totals.entry(submitter.clone()).or_default();
        total.undelivered = total.undelivered.minus(less);
    }

    /// How many partitions at other hubs are followed.
    pub(super) fn followed(&self) -> usize {
        self.followed.load(Ordering::Relaxed)
    }

    pub(super) fn follow(&self) {
        self.followed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn unfollow(&self) {
        self.followed.fetch_sub(1, Ordering::Relaxed);
    }

    /// What all providers use together; `budget` is what each may.
    pub(super) fn sums(&self, budget: Usage) -> Sums {
        let mut sums = Sums::default();
        for (usage, undelivered) in self.all() {
            sums.usage = sums.usage.plus(usage);
            sums.undelivered = sums.undelivered.plus(undelivered);
            sums.providers += u64::from(usage.partitions > 0 || usage.bytes > 0);
            let is_near = usage.partitions.saturating_mul(2) >= budget.partitions.max(1)
                || usage.bytes.saturating_mul(2) >= budget.bytes.max(1);
            sums.near_budget += u64::from(is_near);
        }
        sums
    }

    /// What each provider uses and has undelivered, in no order.
    fn all(&self) -> Vec<(Usage, Undelivered)> {
        self.lock().values().map(|total| (total.usage, total.undelivered)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ServiceProviderId, Total>> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count_followed(snapshot: &dyn Snapshot) -> Result<usize, Error> {
    let (mut count, mut after) = (0_usize, None);
    loop {
        let rows = snapshot.all_followed(after.as_ref(), PAGE)?;
        let Some(last) = rows.last() else { return Ok(count) };
        after = Some(*last);
        count = count.saturating_add(rows.len());
    }
}

fn load_budgets(snapshot: &dyn Snapshot, totals: &mut HashMap<ServiceProviderId, Total>) -> Result<(), Error> {
    let mut after = None;
    loop {
        let rows = snapshot.budgets(after.as_ref(), PAGE)?;
        let Some((provider, group, _)) = rows.last() else { return Ok(()) };
        after = Some((provider.clone(), *group));
        for (provider, _, usage) in rows {
            let total = totals.entry(provider).or_default();
            total.usage = total.usage.plus(usage);
        }
    }
}

fn load_undelivered(snapshot: &dyn Snapshot, totals: &mut HashMap<ServiceProviderId, Total>) -> Result<(), Error> {
    let mut after = None;
    loop {
        let rows = snapshot.undelivered(after.as_ref(), PAGE)?;
        let Some((group, name, _)) = rows.last() else { return Ok(()) };
        after = Some((*group, *name));
        for (_, _, outgoing) in rows {
            let total = totals.entry(outgoing.submitter.clone()).or_default();
            total.undelivered = total.undelivered.plus(outgoing.counts());
        }
    }
}
