//! Join tokens (specs/protocol.md, J6).

use std::sync::Arc;

use super::{Error, Service, Submitter, view::SnapshotView};
use crate::{
    sequencer::{Command, GroupKey, Present, Rejection, State, shows_membership},
    store::Presentation,
    wire::{JoinToken, JoinTokenRequest, JoinTokenResponse},
};

impl Service {
    /// Makes a token that opens the group to whoever shows it. It is given for the key of one of the newest epochs: an
    /// old one proves that somebody was a member, not that somebody is.
    ///
    /// # Errors
    /// [`Error::Rejected`] for any other key, and the same for an unknown group; or the store's.
    pub async fn join_token(
        self: &Arc<Self>,
        submitter: &Submitter,
        request: &JoinTokenRequest,
    ) -> Result<JoinTokenResponse, Error> {
        let (policy, now) = (self.policy(), self.now());
        let (group, partition) = (GroupKey::of(&request.group_id), request.partition_key.masked());
        let lifetime_ms = (u64::from(request.ttl_seconds) * 1000).min(policy.join_token_ms);
        let is_in = self
            .snapshot_read(move |snapshot| {
                let view = SnapshotView { group, snapshot };
                let Some(record) = view.partition(&partition)? else { return Ok(false) };
                shows_membership(&view, (&partition, &record), &policy)
            })
            .await?;
        if !is_in {
            return Err(Rejection::UnknownGroup.into());
        }
        let (provider, user) = self.actor(submitter);
        let presentation = user.map(|user| Presentation { group, partition, user, at_ms: now });
        self.lanes.remark(group, Some(Command::Present(Present { provider, partition, given: None })), presentation);
        let token = self.store.token_secret().join_token(&group, now.saturating_add(lifetime_ms));
        Ok(JoinTokenResponse { token })
    }

    /// Whether the token opens the group now.
    pub(super) fn opens(&self, token: &JoinToken, group: &GroupKey) -> bool {
        self.store.token_secret().opens(token.as_bytes(), group, self.now())
    }
}
