//! Sending a message (draft §4.2).

use super::{Error, Service, Submitter};
use crate::{
    sequencer::{Command, GroupKey, Outcome, Send},
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
        match self.lanes.submit(group, Command::Send(Box::new(send)), presentation).await? {
            Outcome::Sent(receipt) => Ok(SendResponse {
                accepted_ms: receipt.accepted_ms,
                index: receipt.index,
                commits_before: receipt.commits_before,
            }),
            Outcome::Reserved | Outcome::Created(_) | Outcome::Done => Err(Error::ShuttingDown),
        }
    }
}
