//! Whose the leaves of a group are (specs/protocol.md F10).
//!
//! A tree names members as they name themselves. Whose they are is known from how they came: the provider that was named
//! for a KeyPackage when it was added, or that submitted an external commit. Each commit leaves what it changed; the whole
//! list stands beside a checkpoint.

use std::collections::BTreeSet;

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::UserTag;
use crate::wire::ServiceProviderId;

/// Whose a leaf is.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Owner {
    /// The provider.
    pub provider: ServiceProviderId,
    /// Of a user of the hub's own, who.
    pub user: Option<UserTag>,
}

/// The host of a `mimi://` identity: the provider at which whoever has the identity says to be.
pub fn host_of(identity: &[u8]) -> Option<ServiceProviderId> {
    let rest = identity.strip_prefix(b"mimi://")?;
    let host = rest.split(|byte| *byte == b'/').next()?;
    std::str::from_utf8(host).ok()?.parse().ok()
}

/// That a leaf has a new member.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Placed {
    /// The index of the leaf.
    pub leaf: u32,
    /// Whose it is, if anybody knows.
    pub owner: Option<Owner>,
}

/// What a commit changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct OwnerChanges {
    /// Leaves that become blank, before others are placed.
    pub removed: Vec<u32>,
    /// Leaves of new members.
    pub placed: Vec<Placed>,
}

impl OwnerChanges {
    /// How much memory it takes, about, in bytes.
    pub fn weight(&self) -> usize {
        let names = self.placed.iter().filter_map(|placed| placed.owner.as_ref());
        let names: usize = names.map(|owner| owner.provider.as_str().len()).sum();
        names + self.placed.len() * size_of::<Placed>() + self.removed.len() * size_of::<u32>()
    }

    /// What becomes of somebody's leaves.
    pub fn change(&self, leaves: &mut BTreeSet<u32>, user: &UserTag) {
        for removed in &self.removed {
            leaves.remove(removed);
        }
        for Placed { leaf, owner } in &self.placed {
            match owner.as_ref().and_then(|owner| owner.user.as_ref()) == Some(user) {
                true => leaves.insert(*leaf),
                false => leaves.remove(leaf),
            };
        }
    }
}

/// Whose all leaves of a group are.
#[derive(Clone, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Owners {
    /// Everybody who owns a leaf, or did.
    providers: Vec<ServiceProviderId>,
    /// By index.
    leaves: Vec<OwnedLeaf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
struct OwnedLeaf {
    leaf: u32,
    /// The place of its provider, from 1; 0 when nobody knows whose it is.
    provider: u32,
    user: Option<UserTag>,
}

/// Who is in a group, as far as providers go.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Roster {
    /// How many members there are.
    pub members: u32,
    /// The providers that have a leaf, in order.
    pub providers: Vec<ServiceProviderId>,
    /// How many leaves there are of which nobody knows whose they are.
    pub unowned: u32,
}

impl Owners {
    /// The list after a commit.
    #[must_use]
    pub fn after(&self, changes: &OwnerChanges) -> Self {
        let removed: BTreeSet<u32> = changes.removed.iter().copied().collect();
        let replaced: BTreeSet<u32> = changes.placed.iter().map(|placed| placed.leaf).collect();
        let stays = |known: &&OwnedLeaf| !removed.contains(&known.leaf) && !replaced.contains(&known.leaf);
        let mut next =
            Self { providers: self.providers.clone(), leaves: self.leaves.iter().filter(stays).copied().collect() };
        for Placed { leaf, owner } in &changes.placed {
            let provider = owner.as_ref().map_or(0, |owner| next.place_of(&owner.provider));
            next.leaves.push(OwnedLeaf { leaf: *leaf, provider, user: owner.as_ref().and_then(|owner| owner.user) });
        }
        next.leaves.sort_by_key(|known| known.leaf);
        next
    }

    fn place_of(&mut self, provider: &ServiceProviderId) -> u32 {
        let known = self.providers.iter().position(|known| known == provider);
        let place = known.unwrap_or_else(|| {
            self.providers.push(provider.clone());
            self.providers.len() - 1
        });
        u32::try_from(place + 1).unwrap_or(0)
    }

    fn provider(&self, place: u32) -> Option<&ServiceProviderId> {
        self.providers.get(usize::try_from(place.checked_sub(1)?).ok()?)
    }

    /// Whose a leaf is, if it is there and somebody knows.
    pub fn of(&self, leaf: u32) -> Option<Owner> {
        let place = self.leaves.binary_search_by_key(&leaf, |known| known.leaf).ok()?;
        let known = self.leaves.get(place)?;
        Some(Owner { provider: self.provider(known.provider)?.clone(), user: known.user })
    }

    /// Whether a leaf is there.
    #[cfg(test)]
    pub(super) fn is_occupied(&self, leaf: u32) -> bool {
        self.leaves.binary_search_by_key(&leaf, |known| known.leaf).is_ok()
    }

    /// The leaves that came from that user.
    pub fn leaves_of(&self, user: &UserTag) -> BTreeSet<u32> {
        self.leaves.iter().filter(|known| known.user.as_ref() == Some(user)).map(|known| known.leaf).collect()
    }

    /// Who is there.
    pub fn roster(&self) -> Roster {
        let owned: BTreeSet<u32> = self.leaves.iter().map(|known| known.provider).collect();
        let mut providers: Vec<_> = owned.into_iter().filter_map(|place| self.provider(place)).cloned().collect();
        providers.sort_unstable();
        let unowned = self.leaves.iter().filter(|known| self.provider(known.provider).is_none()).count();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Roster { members: count(self.leaves.len()), providers, unowned: count(unowned) }
    }

    /// How much memory it takes, about, in bytes.
    pub fn weight(&self) -> usize {
        let names: usize = self.providers.iter().map(|provider| provider.as_str().len() + 32).sum();
        names + self.leaves.len() * size_of::<OwnedLeaf>()
    }
}

impl Roster {
    /// Whether the provider has a leaf, as far as is known.
    pub fn has(&self, provider: &ServiceProviderId) -> bool {
        self.providers.binary_search(provider).is_ok()
    }

    /// Whether it may have one: it has, or it is not known whose all leaves are.
    pub fn may_have(&self, provider: &ServiceProviderId) -> bool {
        self.unowned > 0 || self.has(provider)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn changes() -> impl Strategy<Value = OwnerChanges> {
        let owner = proptest::option::of(proptest::option::of(0_u8..3)).prop_map(|user| {
            let owner = |user: Option<u8>| Owner {
                provider: "hub.example".parse().unwrap(),
                user: user.map(|user| UserTag([user; 16])),
            };
            user.map(owner)
        });
        let placed = proptest::collection::btree_map(0_u32..8, owner, 0..4);
        (proptest::collection::vec(0_u32..8, 0..4), placed).prop_map(|(removed, placed)| {
            let placed = placed.into_iter().map(|(leaf, owner)| Placed { leaf, owner }).collect();
            OwnerChanges { removed, placed }
        })
    }

    proptest! {
        #[test]
        fn one_user_s_leaves_change_as_the_whole_list_does(all in proptest::collection::vec(changes(), 1..12)) {
            let user = UserTag([1; 16]);
            let (mut owners, mut leaves) = (Owners::default(), BTreeSet::new());
            for changes in &all {
                owners = owners.after(changes);
                changes.change(&mut leaves, &user);
                prop_assert_eq!(&leaves, &owners.leaves_of(&user));
            }
        }
    }
}
