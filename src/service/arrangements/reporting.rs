//! Complaints about providers, as numbers.

use std::sync::PoisonError;

use crate::{
    sequencer::{ComplaintKey, Complaints, GroupKey, Rejection},
    service::{Error, Service, pool_desk::PoolTask, rates::Payer},
    store::ArrangementBatch,
    wire::{ReportReason, ServiceProviderId},
};

impl Service {
    /// Charges a peer for a complaint, as for a message.
    ///
    /// # Errors
    /// [`Error::TooFast`]
    pub fn charge_report(&self, peer: &ServiceProviderId) -> Result<(), Error> {
        let nowhere = GroupKey::new([0; GroupKey::LENGTH]);
        self.rates.charge(Payer::Provider(peer.clone(), nowhere), 0, self.now()).map(drop)
    }

    /// Counts a complaint that came from that provider, or from one of our own users.
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
        let _changing = self.arrangements.changing.lock().await;
        let key = ComplaintKey { about: about.clone(), reason, from: from.clone() };
        let known = self.complaints_of(&key).one_more(self.now());
        let changes = ArrangementBatch { complaints: [(key.clone(), known)].into(), ..ArrangementBatch::default() };
        self.lanes.submit_pool(PoolTask::Arrange(changes)).await?;
        self.arrangements.complaints.lock().unwrap_or_else(PoisonError::into_inner).insert(key, known);
        Ok(())
    }

    /// All complaints, by whom they are about.
    pub fn complaints(&self) -> Vec<(ComplaintKey, Complaints)> {
        let complaints = self.arrangements.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        complaints.iter().map(|(key, number)| (key.clone(), *number)).collect()
    }

    fn complaints_of(&self, key: &ComplaintKey) -> Complaints {
        let complaints = self.arrangements.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        complaints.get(key).copied().unwrap_or_default()
    }
}
