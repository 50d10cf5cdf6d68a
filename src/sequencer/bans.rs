//! Whom the operator bans, mutes or blocks (specs/protocol.md, Y6): what decisions look at.
//!
//! # Privacy
//! Users are known by hashes, also here: the provider's own by their [`UserTag`], those of other providers, and
//! identities in credentials, under salts that only whoever has the database knows, and the providers that were told.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::{UnixMillis, UserTag};
use crate::wire::{BanList, BanSalt, BanTag, BannedUser, Sanction, ServiceProviderId};

/// Of what kind the subject of a ban is. The numbers are those on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BanSubject {
    /// A user of the provider, by the id that its service and discovery know.
    User = 1,
    /// An identity in credentials of the provider's users and clients.
    Identity = 2,
    /// The provider itself. The tag is [`BanTag::NONE`].
    Provider = 3,
}

impl BanSubject {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::User, Self::Identity, Self::Provider];
}

/// Names a ban.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BanKey {
    /// Whose user, or who.
    pub provider: ServiceProviderId,
    /// What the tag is made of.
    pub subject: BanSubject,
    /// Who.
    pub tag: BanTag,
}

impl std::fmt::Debug for BanKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BanKey").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// A ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Ban {
    /// What it forbids.
    pub sanction: Sanction,
    /// Since when.
    pub since_ms: UnixMillis,
}

/// What a hub said last of our users.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct HeardBans {
    /// When the list came.
    pub heard_ms: UnixMillis,
    /// The list.
    pub list: BanList,
}

/// All bans of this hub. Cloning is cheap: a change copies those of one provider.
#[derive(Clone, Debug)]
pub struct Bans {
    /// Under which users of other providers are hashed: their providers are told it.
    salt: BanSalt,
    /// Under which identities are. Nobody is told it.
    identity_salt: BanSalt,
    of: HashMap<ServiceProviderId, Arc<BansOf>>,
}

/// Bans of one provider and its users.
#[derive(Clone, Debug, Default)]
struct BansOf {
    provider: Option<Ban>,
    users: BTreeMap<BanTag, Ban>,
    identities: BTreeMap<BanTag, Ban>,
}

impl BansOf {
    fn of(&mut self, subject: BanSubject) -> Option<&mut BTreeMap<BanTag, Ban>> {
        match subject {
            BanSubject::User => Some(&mut self.users),
            BanSubject::Identity => Some(&mut self.identities),
            BanSubject::Provider => None,
        }
    }
}

impl Bans {
    /// Nobody is banned.
    pub fn new(salt: BanSalt, identity_salt: BanSalt) -> Self {
        Self { salt, identity_salt, of: HashMap::new() }
    }

    /// How a ban of a user of another provider is named.
    pub fn user_of_peer(&self, provider: ServiceProviderId, user_id: &[u8]) -> BanKey {
        BanKey { provider, subject: BanSubject::User, tag: BanTag::of(&self.salt, user_id) }
    }

    /// How a ban of a user of the hub's own provider is named.
    pub fn own_user(own: ServiceProviderId, user: UserTag) -> BanKey {
        BanKey { provider: own, subject: BanSubject::User, tag: BanTag::new(user.0) }
    }

    /// How a ban of an identity is named.
    pub fn identity(&self, provider: ServiceProviderId, identity: &[u8]) -> BanKey {
        BanKey { provider, subject: BanSubject::Identity, tag: BanTag::of(&self.identity_salt, identity) }
    }

    /// How a block of a provider is named.
    pub fn provider(provider: ServiceProviderId) -> BanKey {
        BanKey { provider, subject: BanSubject::Provider, tag: BanTag::NONE }
    }

    /// Sets a ban, or lifts it.
    pub fn set(&mut self, key: &BanKey, ban: Option<Ban>) {
        let of_provider = Arc::make_mut(self.of.entry(key.provider.clone()).or_default());
        match (of_provider.of(key.subject), ban) {
            (Some(bans), Some(ban)) => drop(bans.insert(key.tag, ban)),
            (Some(bans), None) => drop(bans.remove(&key.tag)),
            (None, ban) => of_provider.provider = ban,
        }
    }

    /// The ban of that name.
    pub fn get(&self, key: &BanKey) -> Option<Ban> {
        let of_provider = self.of.get(&key.provider)?;
        match key.subject {
            BanSubject::User => of_provider.users.get(&key.tag).copied(),
            BanSubject::Identity => of_provider.identities.get(&key.tag).copied(),
            BanSubject::Provider => of_provider.provider,
        }
    }

    /// How many bans there are of users of the provider.
    pub fn users_of(&self, provider: &ServiceProviderId) -> usize {
        self.of.get(provider).map_or(0, |bans| bans.users.len())
    }

    /// All of them, by provider.
    pub fn all(&self) -> Vec<(BanKey, Ban)> {
        let mut all: Vec<_> = self.of.iter().flat_map(|(provider, bans)| bans.all(provider)).collect();
        all.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        all
    }

    /// Whether nothing is to do with that provider.
    pub fn blocks(&self, provider: &ServiceProviderId) -> bool {
        self.of.get(provider).is_some_and(|bans| bans.provider.is_some())
    }

    /// What a user of the hub's own provider may not do.
    pub fn sanction_of(&self, own: &ServiceProviderId, user: UserTag) -> Option<Sanction> {
        self.of.get(own)?.users.get(&BanTag::new(user.0)).map(|ban| ban.sanction)
    }

    /// What nobody of that identity may do, whose leaf is that provider's. Where it is not known whose the leaf is, an
    /// identity that is banned for any provider counts.
    pub fn sanction_of_identity(&self, provider: Option<&ServiceProviderId>, identity: &[u8]) -> Option<Sanction> {
        if self.of.values().all(|bans| bans.identities.is_empty()) {
            return None;
        }
        let tag = BanTag::of(&self.identity_salt, identity);
        let of_provider = |bans: &Arc<BansOf>| bans.identities.get(&tag).map(|ban| ban.sanction);
        match provider {
            Some(provider) => self.of.get(provider).and_then(of_provider),
            None => self.of.values().filter_map(of_provider).max(),
        }
    }

    /// What a provider is told: of its own users, and nothing else.
    pub fn list_for(&self, provider: &ServiceProviderId) -> BanList {
        let users = self.of.get(provider).map_or_else(Vec::new, |bans| {
            bans.users.iter().map(|(tag, ban)| BannedUser { tag: *tag, sanction: ban.sanction }).collect()
        });
        BanList { salt: self.salt, users }
    }
}

impl Default for Bans {
    fn default() -> Self {
        Self::new(BanSalt::new([0; 32]), BanSalt::new([0; 32]))
    }
}

impl BansOf {
    fn all<'a>(&'a self, provider: &'a ServiceProviderId) -> impl Iterator<Item = (BanKey, Ban)> + 'a {
        let key = |subject, tag| BanKey { provider: provider.clone(), subject, tag };
        let users = self.users.iter().map(move |(tag, ban)| (key(BanSubject::User, *tag), *ban));
        let identities = self.identities.iter().map(move |(tag, ban)| (key(BanSubject::Identity, *tag), *ban));
        self.provider
            .map(|ban| (key(BanSubject::Provider, BanTag::NONE), ban))
            .into_iter()
            .chain(users)
            .chain(identities)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ServiceProviderId {
        name.parse().unwrap()
    }

    fn bans() -> Bans {
        Bans::new(BanSalt::new([1; 32]), BanSalt::new([2; 32]))
    }

    fn ban(sanction: Sanction) -> Option<Ban> {
        Some(Ban { sanction, since_ms: 5 })
    }

    #[test]
    fn a_provider_is_told_of_its_own_users_alone() {
        let mut bans = bans();
        let mallory = bans.user_of_peer(name("a.example"), b"mallory");
        bans.set(&mallory, ban(Sanction::Banned));
        bans.set(&bans.user_of_peer(name("a.example"), b"mallet"), ban(Sanction::Muted));
        bans.set(&bans.identity(name("a.example"), b"mallory"), ban(Sanction::Banned));
        bans.set(&Bans::provider(name("b.example")), ban(Sanction::Banned));
        let list = bans.list_for(&name("a.example"));
        assert_eq!(list.users.len(), 2);
        assert!(list.users.contains(&BannedUser { tag: mallory.tag, sanction: Sanction::Banned }));
        assert_eq!(crate::wire::decode::<BanList>(&crate::wire::encode(&list).unwrap()), Ok(list.clone()));
        for other in ["b.example", "hub.example", "c.example"] {
            assert!(bans.list_for(&name(other)).users.is_empty(), "{other}");
        }
        assert_ne!(bans.list_for(&name("b.example")).digest(), list.digest());
        bans.set(&mallory, None);
        assert_eq!(bans.list_for(&name("a.example")).users.len(), 1);
    }

    #[test]
    fn identities_are_banned_for_their_provider() {
        let mut bans = bans();
        let banned = Some(Sanction::Banned);
        assert_eq!(bans.sanction_of_identity(None, b"mallory"), None);
        bans.set(&bans.identity(name("a.example"), b"mallory"), ban(Sanction::Banned));
        assert_eq!(bans.sanction_of_identity(Some(&name("a.example")), b"mallory"), banned);
        assert_eq!(bans.sanction_of_identity(Some(&name("b.example")), b"mallory"), None, "somebody else");
        assert_eq!(bans.sanction_of_identity(None, b"mallory"), banned, "nobody knows whose");
        assert_eq!(bans.sanction_of_identity(None, b"alice"), None);
    }

    #[test]
    fn what_was_set_is_found_listed_and_lifted() {
        let mut bans = bans();
        let keys = [
            Bans::own_user(name("hub.example"), UserTag([7; 16])),
            bans.user_of_peer(name("a.example"), b"mallory"),
            bans.identity(name("a.example"), b"mallory"),
            Bans::provider(name("a.example")),
        ];
        for key in &keys {
            bans.set(key, ban(Sanction::Muted));
            assert_eq!(bans.get(key), ban(Sanction::Muted));
        }
        assert_eq!(bans.all().len(), keys.len());
        let own = name("hub.example");
        assert_eq!(bans.sanction_of(&own, UserTag([7; 16])), Some(Sanction::Muted));
        assert_eq!(bans.sanction_of(&own, UserTag([8; 16])), None);
        assert!(bans.blocks(&name("a.example")) && !bans.blocks(&name("hub.example")));
        for key in &keys {
            bans.set(key, None);
        }
        assert!(bans.all().is_empty() && bans.users_of(&own) == 0 && !bans.blocks(&name("a.example")));
    }
}
