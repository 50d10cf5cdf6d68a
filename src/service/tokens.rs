//! Bearer tokens: minting, listing and revoking (specs/protocol.md, "Bearer tokens").

use zeroize::Zeroizing;

use super::{
    Error, Service, UserId,
    pool_desk::{PoolOutcome, PoolTask},
};
use crate::{
    pool::{Mint, Revoke},
    wire::{BearerToken, BearerTokenKind, ListTokensResponse, RevokeTokenRequest, TokenHandle, TokenUse},
};

impl Service {
    /// Makes a token for the user's contacts: the shared one, or one with a handle of its own.
    ///
    /// # Errors
    /// [`Error::PoolRejected`] when the user has too many handles.
    pub async fn mint_token(&self, user: &UserId, kind: BearerTokenKind) -> Result<BearerToken, Error> {
        let handle = match kind {
            BearerTokenKind::Shared => None,
            BearerTokenKind::Unique => {
                let mut random = [0; 16];
                self.entropy.fill(&mut random)?;
                Some(TokenHandle::new(random))
            }
        };
        let mint = Mint { user: self.tag(user), user_id: Zeroizing::new(user.as_bytes().to_vec()), handle };
        match self.lanes.submit_pool(PoolTask::Mint(mint)).await? {
            PoolOutcome::Minted(token) => Ok(token),
            PoolOutcome::Fetched(_)
            | PoolOutcome::Revoked(_)
            | PoolOutcome::Delivered(_)
            | PoolOutcome::Arranged(_)
            | PoolOutcome::Done => Err(Error::ShuttingDown),
        }
    }

    /// Revokes tokens of the user. Every fetch after the answer is denied. Returns whether there was anything to revoke: the
    /// handle, or the user at all.
    ///
    /// # Errors
    /// When its fate is unknown: asking again is safe, and revokes tokens that were minted in between as well.
    pub async fn revoke_token(&self, user: &UserId, request: &RevokeTokenRequest) -> Result<bool, Error> {
        let user = self.tag(user);
        let revoke = match request {
            RevokeTokenRequest::User => Revoke::User(user),
            RevokeTokenRequest::Handle(handle) => Revoke::Handle(user, *handle),
        };
        let PoolOutcome::Revoked(found) = self.lanes.submit_pool(PoolTask::Revoke(revoke)).await? else {
            return Err(Error::ShuttingDown);
        };
        Ok(found)
    }

    /// Revokes all tokens of all users.
    ///
    /// # Errors
    /// When its fate is unknown: asking again is safe.
    pub async fn revoke_all_tokens(&self) -> Result<(), Error> {
        self.lanes.submit_pool(PoolTask::Revoke(Revoke::All)).await.map(drop)
    }

    /// The user's unique tokens, by their handles.
    ///
    /// # Errors
    /// When the store cannot read.
    pub async fn list_tokens(&self, user: &UserId) -> Result<ListTokensResponse, Error> {
        let (store, tag, limit) = (self.store.clone(), self.tag(user), self.pool_policy().handles as usize);
        let reading = tokio::task::spawn_blocking(move || {
            let snapshot = store.snapshot()?;
            let period = snapshot.token_period()?;
            let generation = snapshot.account(&tag)?.map_or(0, |account| account.generation);
            let tokens = snapshot.handles(&tag, limit)?.into_iter().map(|(handle, record)| TokenUse {
                handle,
                minted_ms: record.minted_ms,
                revoked: !record.is_good(period),
                uses: record.uses,
                last_used_ms: record.last_used_ms,
            });
            Ok::<_, crate::store::Error>(ListTokensResponse { generation, tokens: tokens.collect() })
        });
        Ok(reading.await.map_err(|_| Error::NoThread)??)
    }
}
