//! Sending a message (draft §4.2).

use std::sync::Arc;

use super::{
    Error, Service, Submitter, UserId,
    rates::{Charge, Payer},
    vain_proofs::Trier,
};
use crate::{
    mls::WireMessage,
    sequencer::{Command, GroupKey, Outcome, Receipt, Send, UnixMillis},
    store::Presentation,
    wire::{CommitData, ExpectCommit, SendRequest, SendResponse},
};

impl Service {
    /// Sequences a message. `Ok` means that it is durable.
    ///
    /// # Errors
    /// [`Error::Rejected`] when it is refused, any other when its fate is unknown: sending it again is safe.
    pub async fn send(
        self: &Arc<Self>,
        submitter: &Submitter,
        request: SendRequest,
        expect_commit: Option<ExpectCommit>,
    ) -> Result<SendResponse, Error> {
        let group = GroupKey::of(request.message.group_id());
        let (now, charge) = self.charge(submitter, group, bytes_of(&request.message, request.commit_data.as_ref()))?;
        let (provider, user) = self.actor(submitter);
        let trier = Trier::of(&provider, user);
        let send = Send::new(provider, request, expect_commit);
        let presentation = user.map(|user| Presentation { group, partition: send.partition, user, at_ms: now });
        let command = self.look_at(group, user, Command::Send(Box::new(send))).await;
        let (command, _turn) = self.ask_first(group, trier, command).await?;
        #[cfg(feature = "faults")]
        restante_faults::pass(restante_faults::Point::SendBeforeLane);
        let response = sent(self.lanes.submit(group, command, presentation).await?)?;
        self.settle_charge(charge, now, response.accepted_ms);
        Ok(response)
    }

    /// Charges a request of so many bytes to whoever sends it, and tells when that was.
    pub(super) fn charge(
        &self,
        submitter: &Submitter,
        group: GroupKey,
        bytes: usize,
    ) -> Result<(UnixMillis, Charge), Error> {
        let payer = match submitter {
            Submitter::Peer(provider) => Payer::Provider(provider.clone(), group),
            Submitter::User(user) => Payer::User(self.tag(user)),
        };
        let now = self.now();
        Ok((now, self.rates.charge(payer, bytes, now)?))
    }

    /// Gives a charge back when the receipt is older than the request: it was sequenced, and charged, before.
    pub(super) fn settle_charge(&self, charge: Charge, charged_ms: UnixMillis, accepted_ms: UnixMillis) {
        if accepted_ms < charged_ms {
            self.rates.give_back(charge);
        }
    }

    /// Charges a local user for a request of so many bytes that another hub is to sequence. Only that hub can tell
    /// whether it is a repetition.
    ///
    /// # Errors
    /// [`Error::TooFast`]
    pub fn charge_user(&self, user: &UserId, bytes: usize) -> Result<(), Error> {
        self.rates.charge(Payer::User(self.tag(user)), bytes, self.now()).map(drop)
    }
}

/// How long what is sequenced is, with what comes beside it.
pub(super) fn bytes_of(message: &WireMessage, commit: Option<&CommitData>) -> usize {
    let group_info = commit.and_then(|commit| commit.group_info.as_ref()).map_or(0, |info| info.bytes().len());
    let welcome = commit.and_then(|commit| commit.welcome_data.as_ref()).map_or(0, |data| data.welcome.bytes().len());
    message.bytes().len().saturating_add(group_info).saturating_add(welcome)
}

/// What to answer when a message has its place.
pub(super) fn sent(outcome: Outcome) -> Result<SendResponse, Error> {
    match outcome {
        Outcome::Sent(receipt) => Ok(receipt.into()),
        Outcome::Reserved
        | Outcome::Created(_)
        | Outcome::Wanted(_)
        | Outcome::Branch(_)
        | Outcome::Trimmed { .. }
        | Outcome::Done => Err(Error::ShuttingDown),
    }
}

impl From<Receipt> for SendResponse {
    fn from(receipt: Receipt) -> Self {
        let Receipt { accepted_ms, index, commits_before } = receipt;
        Self { accepted_ms, index, commits_before }
    }
}
