//! What the hub knows of the public state of epochs (specs/protocol.md F10), as far as decisions look at it.
//!
//! The states themselves are derived elsewhere, off the lanes: that of a partition follows from that of its parent, the
//! proposals that stand there and the commit that announced it. An [`Observation`] says what came of that. It is made
//! before its command is queued, from what does not change any more, so a lane only asks whether it fits.

use bytes::Bytes;
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};
use sha2::{Digest, Sha256};

use super::{Owner, OwnerChanges, Owners, Partition, Roster};
use crate::{mls::WireGroupInfo, wire::ServiceProviderId};

/// `tree_hash` of a GroupContext (RFC 9420 §8.1).
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct TreeHash(#[mls_codec(with = "byte_vec")] pub Vec<u8>);

/// Names a public state: a hash of its GroupContext and confirmation tag. States with one tree may be different ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, MlsSize, MlsEncode, MlsDecode)]
pub struct StateDigest(pub [u8; 32]);

impl StateDigest {
    /// That of the state with this encoded GroupContext and confirmation tag.
    pub fn of(context: &[u8], confirmation_tag: &[u8]) -> Self {
        let hash = Sha256::new().chain_update(context).chain_update(confirmation_tag);
        Self(hash.finalize().into())
    }
}

/// The public state of a partition's epoch.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Public {
    /// Which state it is.
    pub digest: StateDigest,
    /// Who is there.
    pub roster: Roster,
    /// The tree.
    pub tree_hash: TreeHash,
    /// SHA-256 of the GroupContext in the GroupInfo that was published, if one was and was found to fit.
    pub verified: Option<[u8; 32]>,
    /// What it takes to have the whole state.
    pub replay: Replay,
}

/// What is to be followed again, from the nearest checkpoint on the way to the root, to have a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Replay {
    /// So many commits. Without one there is a checkpoint of this very state.
    pub commits: u32,
    /// Of so many bytes together.
    pub bytes: u64,
    /// How long that checkpoint is.
    pub checkpoint_bytes: u64,
}

impl Replay {
    /// How many commits are followed at most.
    pub const COMMITS_MAX: u32 = 1024;

    /// Of a state that has a checkpoint of so many bytes.
    pub fn of_checkpoint(bytes: u64) -> Self {
        Self { commits: 0, bytes: 0, checkpoint_bytes: bytes }
    }

    /// Of the state behind a commit of so many bytes.
    #[must_use]
    pub fn then(self, commit_bytes: u64) -> Self {
        Self { commits: self.commits.saturating_add(1), bytes: self.bytes.saturating_add(commit_bytes), ..self }
    }

    /// Whether there is a checkpoint of this very state.
    pub fn is_checkpoint(self) -> bool {
        self.commits == 0
    }

    /// Whether the state should have a checkpoint of its own: what was sent since the last one is longer than that. So
    /// checkpoints take no more room than commits.
    pub fn is_due(self) -> bool {
        self.bytes > self.checkpoint_bytes || self.commits >= Self::COMMITS_MAX
    }
}

/// A whole state, to start from.
#[derive(Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The state as `mls` saves it.
    pub state: Bytes,
    /// Whose its leaves are.
    pub owners: Owners,
}

impl Checkpoint {
    /// Its length on disk, in bytes.
    pub fn bytes(&self) -> u64 {
        (self.state.len() + self.owners.mls_encoded_len()) as u64
    }
}

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Checkpoint").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

/// What came of looking into a commit, or into the beginning of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sight {
    /// Nobody has looked: there was nothing to see, or no time.
    #[default]
    NotLooked,
    /// One who is no member cannot follow.
    Unobservable,
    /// It could be followed, and the GroupInfo or the tree that came with it is not that of the epoch: a fact.
    Contradicted,
    /// It could be followed.
    Seen(Box<Observation>),
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The state to which the commit was applied; nothing at the beginning of a group.
    pub applied_to: Option<StateDigest>,
    /// Who was there, as far as whoever looked knew; nothing at the beginning of a group.
    pub roster_before: Option<Roster>,
    /// The state after it.
    pub digest: StateDigest,
    /// Its tree.
    pub tree_hash: TreeHash,
    /// Who is there after it.
    pub roster: Roster,
    /// Whether a GroupInfo came that was found to fit: the tree is known even if it did not come along.
    pub group_info_fits: bool,
    /// Whose the leaves are that it changes.
    pub owners: OwnerChanges,
    /// The state after it, where one is due.
    pub checkpoint: Option<Checkpoint>,
    /// Who committed: nothing at the beginning of a group, and where somebody joins from outside.
    pub committer: Option<Member>,
    /// Who is new: added, joined from outside, or committing under another identity than before.
    pub newcomers: Vec<Member>,
    /// What of it the state forbids to which the commit was applied.
    pub violations: Violations,
}

/// Whether a commit is one of somebody whom the group's own state bans, or gives such a one a leaf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Violations {
    /// Who committed is banned.
    pub committer: bool,
    /// Somebody is banned who is added, joins, or has a new leaf in place of an old one.
    pub newcomer: bool,
}

/// A member, as policies see one.
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    /// The index of the leaf.
    pub leaf: u32,
    /// The identity in its credential.
    pub identity: Bytes,
    /// Whose it is, if anybody knows.
    pub owner: Option<Owner>,
}

/// # Privacy
/// Shows nothing of who it is.
impl std::fmt::Debug for Member {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Member").field("leaf", &self.leaf).finish_non_exhaustive()
    }
}

impl Sight {
    /// What was seen of a commit in that partition, if the partition is the one that it was seen in.
    pub fn of(&self, partition: &Partition) -> Option<&Observation> {
        let Self::Seen(observation) = self else { return None };
        let here = partition.public.as_ref()?.digest;
        (observation.applied_to == Some(here)).then_some(observation)
    }

    /// What of it may be recorded of an epoch below that partition: it was seen from the same state, and from the same
    /// roster. Of two who look late at the commits of a branch one may know less of whose the leaves are, because a
    /// Welcome is gone by then. What the other has recorded counts, and what follows is to follow from it.
    pub(super) fn recorded_below(&self, above: &Partition) -> Option<&Observation> {
        let roster = &above.public.as_ref()?.roster;
        self.of(above).filter(|observation| observation.roster_before.as_ref() == Some(roster))
    }
}

impl Observation {
    /// The record of the epoch. `before` is what it took to have the state before the commit, which has so many bytes.
    pub(super) fn public(
        &self,
        group_info: Option<&WireGroupInfo>,
        before: Option<Replay>,
        commit_bytes: u64,
    ) -> Option<Public> {
        let replay = match (&self.checkpoint, before) {
            (Some(checkpoint), _) => Replay::of_checkpoint(checkpoint.bytes()),
            (None, Some(before)) => before.then(commit_bytes),
            // Without anything to start from there is no way to the state.
            (None, None) => return None,
        };
        let verified = group_info.filter(|_| self.group_info_fits);
        Some(Public {
            digest: self.digest,
            roster: self.roster.clone(),
            tree_hash: self.tree_hash.clone(),
            verified: verified.map(|group_info| Sha256::digest(group_info.group_context()).into()),
            replay,
        })
    }
}

impl Partition {
    /// Whether nothing says that the provider has no member here.
    pub fn may_have_member_of(&self, provider: &ServiceProviderId) -> bool {
        self.public.as_ref().is_none_or(|public| public.roster.may_have(provider))
    }

    /// Whether the public state of the epoch is known, or may turn out to be.
    pub fn may_be_observable(&self) -> bool {
        self.public.is_some() || self.unobserved
    }
}
