//! The way back from a message that turns out to be bad.

use bytes::Bytes;
use mls_rs::{Group, MlsMessage, client_builder::MlsConfig, error::MlsError, group::ReceivedMessage};

use super::PartitionedGroup;

/// The group as it was before a run of good messages, and the run.
///
/// One clone serves the whole run. When a bad message comes, the run is repeated on the reserve: each good message is
/// read twice at most, however many bad ones stand between them.
pub(super) struct Reserve<C: MlsConfig> {
    group: Group<C>,
    run: Vec<Bytes>,
}

impl<C: MlsConfig> PartitionedGroup<C> {
    /// Processes a message that is no commit. A bad one changes nothing: MLS uses up the key that a message names before
    /// it knows whether the message is good, and the good one that needs that key may come later.
    ///
    /// A proposal that the group's policy forbids changes nothing either: `None`.
    pub(super) fn decrypt(&mut self, message: &Bytes) -> Result<Option<ReceivedMessage>, MlsError> {
        let parsed = MlsMessage::from_bytes(message)?;
        let reserve = self.reserve.get_or_insert_with(|| Reserve { group: self.group.clone(), run: Vec::new() });
        let received = self.group.process_incoming_message(parsed);
        match &received {
            Ok(ReceivedMessage::Proposal(proposed))
                if self.partition.policy.forbids_proposal(&self.group, proposed) =>
            {
                self.go_back()?;
                return Ok(None);
            }
            Ok(_) => reserve.run.push(message.clone()),
            Err(_) => self.go_back()?,
        }
        received.map(Some)
    }

    fn go_back(&mut self) -> Result<(), MlsError> {
        let Some(reserve) = self.reserve.take() else { return Ok(()) };
        self.group = reserve.group;
        for message in &reserve.run {
            self.group.process_incoming_message(MlsMessage::from_bytes(message)?)?;
        }
        Ok(())
    }
}
