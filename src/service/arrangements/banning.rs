//! Banning, muting and blocking, by the operator.

use std::sync::Arc;

use super::Change;
use crate::{
    sequencer::{Ban, BanKey, BanSubject, Bans, Rejection},
    service::{
        Error, Service, UserId,
        pool_desk::{PoolOutcome, PoolTask},
    },
    wire::{BanTag, BansRequest, BansResponse, Sanction, ServiceProviderId},
};

/// Whom a ban is about, as the operator knows them.
#[derive(Clone, Debug)]
pub enum BanName {
    /// A user, of this provider or of a peer.
    User(ServiceProviderId, UserId),
    /// Whoever has that identity in the credential of a leaf of that provider.
    Identity(ServiceProviderId, Vec<u8>),
    /// A peer as a whole.
    Provider(ServiceProviderId),
}

impl Service {
    /// Bans or mutes from now on, also after a restart, in place of the ban that there was, which is returned. There is no
    /// change if its sanction is the same.
    ///
    /// # Errors
    /// [`Rejection::UnknownProvider`] for who is no peer, and for a block of this provider itself;
    /// [`Error::TooManyBans`]; any other when its fate is unknown: asking again is safe.
    pub async fn ban(&self, name: &BanName, sanction: Sanction) -> Result<Option<Ban>, Error> {
        let key = self.ban_key(name);
        let is_own = key.provider == self.provider;
        if !self.policy().providers.contains(&key.provider) || (is_own && key.subject == BanSubject::Provider) {
            return Err(Rejection::UnknownProvider.into());
        }
        self.arrange(Change::Ban(key, sanction)).await
    }

    /// Lifts a ban. Returns whether there was one.
    ///
    /// # Errors
    /// When its fate is unknown: asking again is safe.
    pub async fn lift_ban(&self, name: &BanName) -> Result<bool, Error> {
        self.arrange(Change::Lift(self.ban_key(name))).await.map(|before| before.is_some())
    }

    /// Lifts the ban of a user or an identity of that provider which [`Self::bans`] has with that tag: for whoever
    /// knows no name, as after somebody else's bans. Returns whether there was one.
    ///
    /// # Errors
    /// When its fate is unknown: asking again is safe.
    pub async fn lift_tagged_ban(&self, provider: &ServiceProviderId, tag: BanTag) -> Result<bool, Error> {
        let mut was_there = false;
        // They are hashed under different salts: a tag is of one kind alone.
        for subject in [BanSubject::User, BanSubject::Identity] {
            let key = BanKey { provider: provider.clone(), subject, tag };
            was_there |= self.arrange(Change::Lift(key)).await?.is_some();
        }
        Ok(was_there)
    }

    /// The ban of that name, if there is one.
    pub fn ban_of(&self, name: &BanName) -> Option<Ban> {
        self.policy().bans.get(&self.ban_key(name))
    }

    /// Whether there is a user of that name: this provider has KeyPackages of theirs, or has minted tokens. `None` for all
    /// but its own users: of others it does not know.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when too much waits for the store; or the store's.
    pub async fn has_user(self: &Arc<Self>, name: &BanName) -> Result<Option<bool>, Error> {
        let BanName::User(provider, user) = name else { return Ok(None) };
        if *provider != self.provider {
            return Ok(None);
        }
        let tag = self.tag(user);
        self.snapshot_read(move |snapshot| Ok(Some(snapshot.account(&tag)?.is_some()))).await
    }

    /// All bans, by provider.
    pub fn bans(&self) -> Vec<(BanKey, Ban)> {
        self.policy().bans.all()
    }

    /// Tells a peer which of its users are banned.
    pub fn bans_for(&self, peer: &ServiceProviderId, request: &BansRequest) -> BansResponse {
        let list = self.policy().bans.list_for(peer);
        BansResponse { list: (list.digest() != request.known).then_some(list) }
    }

    fn ban_key(&self, name: &BanName) -> BanKey {
        let bans = self.policy().bans.clone();
        match name {
            BanName::User(provider, user) if *provider == self.provider => {
                Bans::own_user(provider.clone(), self.tag(user))
            }
            BanName::User(provider, user) => bans.user_of_peer(provider.clone(), user.as_bytes()),
            BanName::Identity(provider, identity) => bans.identity(provider.clone(), identity),
            BanName::Provider(provider) => Bans::provider(provider.clone()),
        }
    }

    /// Has the lane decide a change and write it. Returns the ban that there was, if it is about one. It may come to be
    /// also when nobody waits for it any more.
    pub(super) async fn arrange(&self, change: Change) -> Result<Option<Ban>, Error> {
        match self.lanes.submit_pool(PoolTask::Arrange(change)).await? {
            PoolOutcome::Arranged(before) => Ok(before),
            PoolOutcome::Fetched(_)
            | PoolOutcome::Minted(_)
            | PoolOutcome::Revoked(_)
            | PoolOutcome::Delivered(_)
            | PoolOutcome::Done => Err(Error::ShuttingDown),
        }
    }
}
