//! Complaints about providers, as numbers.

use std::sync::PoisonError;

use super::Change;
use crate::{
    sequencer::{ComplaintKey, Complaints, Rejection},
    service::{Error, Service},
    wire::{ReportReason, ServiceProviderId},
};

impl Service {
    /// Charges a peer for a complaint.
    ///
    /// # Errors
    /// [`Error::TooFast`]
    pub fn charge_report(&self, peer: &ServiceProviderId) -> Result<(), Error> {
        self.rates.charge_complaint(peer, self.now())
    }

    /// Counts a complaint that came from that provider, or from one of our own users. Those that come together are written
    /// together: many are one write.
    ///
    /// # Errors
    /// [`Rejection::UnknownProvider`] about who is no peer; any other when its fate is unknown.
    pub async fn report(
        &self,
        from: &ServiceProviderId,
        about: &ServiceProviderId,
        reason: ReportReason,
    ) -> Result<(), Error> {
        // The number of rows follows from that of the peers.
        if !self.policy().providers.contains(about) {
            return Err(Rejection::UnknownProvider.into());
        }
        let key = ComplaintKey { about: about.clone(), reason, from: from.clone() };
        self.arrange(Change::Complain(key)).await.map(drop)
    }

    /// All complaints, by whom they are about.
    pub fn complaints(&self) -> Vec<(ComplaintKey, Complaints)> {
        let complaints = self.arrangements.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        complaints.iter().map(|(key, number)| (key.clone(), *number)).collect()
    }
}
