//! What each provider has used up over all groups.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    sequencer::Usage,
    store::{Error, Store},
    wire::ServiceProviderId,
};

/// Sums of the budgets' rows, kept in memory and counted again at every start.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    totals: Mutex<HashMap<ServiceProviderId, Usage>>,
}

/// Rows read at once.
const PAGE: usize = 1024;

impl Ledger {
    pub(super) fn load(store: &dyn Store) -> Result<Self, Error> {
        let snapshot = store.snapshot()?;
        let mut totals: HashMap<ServiceProviderId, Usage> = HashMap::new();
        let mut after = None;
        loop {
            let rows = snapshot.budgets(after.as_ref(), PAGE)?;
            let Some((provider, group, _)) = rows.last() else { break };
            after = Some((provider.clone(), *group));
            for (provider, _, usage) in rows {
                let total = totals.entry(provider).or_default();
                *total = total.plus(usage);
            }
        }
        Ok(Self { totals: Mutex::new(totals) })
    }

    pub(super) fn total(&self, provider: &ServiceProviderId) -> Usage {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner).get(provider).copied().unwrap_or_default()
    }

    /// Replaces what the provider had used up in one group.
    pub(super) fn replace(&self, provider: &ServiceProviderId, old: Usage, new: Usage) {
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        let total = totals.entry(provider.clone()).or_default();
        *total = total.minus(old).plus(new);
    }
}
