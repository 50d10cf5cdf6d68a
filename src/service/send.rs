//! Sending a message (draft §4.2).

use super::{Error, Service, Submitter};
use crate::{
    sequencer::{Command, GroupKey, Outcome, Receipt, Send},
    store::Presentation,
    wire::{ExpectCommit, SendRequest, SendResponse},
};

impl Service {
    /// Sequences a message. `Ok` means that it is durable.
    ///
    /// # Errors
    /// [`Error::Rejected`] when it is refused, any other when its fate is unknown: sending it again is safe.
    pub async fn send(
        &self,
        submitter: &Submitter,
        request: SendRequest,
        expect_commit: Option<ExpectCommit>,
    ) -> Result<SendResponse, Error> {
        let group = GroupKey::of(request.message.group_id());
        let (provider, user) = self.actor(submitter);
        let send = Send::new(provider, request, expect_commit);
        let presentation = user.map(|user| Presentation { group, partition: send.partition, user, at_ms: self.now() });
        sent(self.lanes.submit(group, Command::Send(Box::new(send)), presentation).await?)
    }
}

/// What to answer when a message has its place.
pub(super) fn sent(outcome: Outcome) -> Result<SendResponse, Error> {
    match outcome {
        Outcome::Sent(receipt) => Ok(receipt.into()),
        Outcome::Reserved | Outcome::Created(_) | Outcome::Wanted(_) | Outcome::Branch(_) | Outcome::Done => {
            Err(Error::ShuttingDown)
        }
    }
}

impl From<Receipt> for SendResponse {
    fn from(receipt: Receipt) -> Self {
        let Receipt { accepted_ms, index, commits_before } = receipt;
        Self { accepted_ms, index, commits_before }
    }
}
