//! What reading a partition tells the app.

use std::fmt;

use mls_rs::{Group, client_builder::MlsConfig, group::ProposalSender, identity::SigningIdentity};

use super::{NewMember, Payload};
use crate::mls::{ContentType, EpochNumber};

/// Where a message stands: its index in the partition of an epoch. Never reused, never renumbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The epoch whose partition it is.
    pub epoch: EpochNumber,
    /// From 0.
    pub index: u32,
}

/// A member, as the tree showed it when the event happened.
///
/// # Privacy
/// `Debug` shows the leaf index only.
#[derive(Clone, PartialEq, Eq)]
pub struct Participant {
    /// Leaf index in the ratchet tree.
    pub leaf_index: u32,
    /// Credential and signature key.
    pub signing_identity: SigningIdentity,
}

impl Participant {
    pub(super) fn at<C: MlsConfig>(group: &Group<C>, leaf_index: u32) -> Option<Self> {
        let signing_identity = group.member_at_index(leaf_index)?.signing_identity;
        Some(Self { leaf_index, signing_identity })
    }
}

impl fmt::Debug for Participant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Participant").field("leaf_index", &self.leaf_index).finish_non_exhaustive()
    }
}

/// Something that happened in the group, in the order in which it was sequenced.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An application message of somebody else.
    Message {
        /// Where it stands.
        place: Place,
        /// Who said it.
        sender: Participant,
        /// What was said.
        data: Payload,
        /// What stood beside it in clear, authenticated.
        authenticated_data: Vec<u8>,
        /// It stands behind the commit that ended its epoch.
        late: bool,
    },
    /// A proposal of somebody else. It waits for a commit.
    Proposal {
        /// Where it stands.
        place: Place,
        /// Who proposes.
        sender: ProposalSender,
        /// Whom it is to add, if it is somebody who proposed it from outside and named a provider: a claim that only its
        /// own signature stands for. Commits of this client leave such proposals out: who wants to admit somebody adds
        /// this ([`PartitionedGroup::commit_add`](super::PartitionedGroup::commit_add)).
        newcomer: Option<Box<NewMember>>,
    },
    /// The first valid commit of a partition: the group has moved to the next epoch.
    Committed(Box<Committed>),
    /// An own application message or proposal was read back: it is sequenced.
    Sent {
        /// Where it stands.
        place: Place,
        /// SHA-256 of the `MLSMessage`: [`crate::mls::WireMessage::digest`].
        digest: [u8; 32],
        /// Application or proposal; own commits come as [`Event::Committed`].
        content_type: ContentType,
        /// An application message that stands behind the commit that ended its epoch.
        late: bool,
    },
    /// An own commit or proposal came to nothing: another commit was first, or the hub delivered it in a form that
    /// nobody may apply. Make it again in the current epoch if it still makes sense.
    Lost {
        /// SHA-256 of the `MLSMessage`.
        digest: [u8; 32],
        /// Commit or proposal.
        content_type: ContentType,
    },
    /// A commit behind the first valid one of its partition. Nobody applies it.
    Superseded {
        /// Where it stands.
        place: Place,
    },
    /// A message that has no effect. A commit that was ignored leaves the group where it was, and reading goes on in the
    /// same partition (draft §4.4, §5). Apps report these to their provider.
    Ignored {
        /// Where it stands.
        place: Place,
        /// Why.
        reason: Reason,
    },
    /// Messages that the hub no longer has. A commit may be among them, so no later one of the partition is followed: only
    /// a new Welcome or an external join, which is the user's choice, leads back.
    Gap {
        /// The first missing message.
        place: Place,
        /// The index of the first message that is there again.
        until: u32,
    },
    /// A commit removed this client. There are no further partitions for it.
    ///
    /// The removed client is the only one who cannot check the commit's `next_partition_key`, its confirmation tag and
    /// the context in its GroupInfo: it does not get the next epoch's secrets. See
    /// [`super::PartitionedGroup::disregard_removal`].
    Removed {
        /// Where the commit stands.
        place: Place,
        /// Who committed it.
        committer: Option<Participant>,
    },
}

/// A commit that was applied.
#[derive(Clone, PartialEq)]
pub struct Committed {
    /// Where it stands: the partition that it ended.
    pub place: Place,
    /// SHA-256 of the `MLSMessage`.
    pub digest: [u8; 32],
    /// The epoch that the group is in now.
    pub epoch: EpochNumber,
    /// Who committed.
    pub committer: Participant,
    /// It was made by this client.
    pub own: bool,
    /// The committer joined by this very commit.
    pub external: bool,
    /// The group is closed and waits for its successor (RFC 9420 §12.4.2).
    pub reinit: bool,
    /// Who came.
    pub joined: Vec<Participant>,
    /// Who left.
    pub left: Vec<Participant>,
}

impl fmt::Debug for Committed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Committed")
            .field("place", &self.place)
            .field("epoch", &self.epoch)
            .field("own", &self.own)
            .field("external", &self.external)
            .field("joined", &self.joined.len())
            .field("left", &self.left.len())
            .finish_non_exhaustive()
    }
}

/// Why a message has no effect. A closed set: usable as a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The MLS library cannot read it.
    Malformed,
    /// It names another group.
    OtherGroup,
    /// It names another epoch than its partition's.
    OtherEpoch,
    /// It cannot be decrypted, is not signed by who it says, or breaks a rule of RFC 9420.
    Invalid,
    /// A commit whose `next_partition_key` is not that of the epoch that it creates (draft §4.4).
    PartitionKeyMismatch,
    /// A commit whose GroupInfo does not describe the epoch that it creates (draft §4.4).
    GroupInfoMismatch,
    /// A commit whose GroupInfo was not signed by the committer.
    GroupInfoSigner,
    /// A commit behind messages that the hub no longer has ([`Event::Gap`]): others may have gone on by one of those.
    BehindGap,
    /// It is from this client's leaf, but this client does not remember it: made before a restore, or by a copy.
    FromSelf,
    /// It is from somebody whom the group state bans, or adds somebody whom it bans (specs/protocol.md, Y7): as good as
    /// cryptographically invalid.
    Forbidden,
    /// A proposal behind the commit that ended its epoch.
    LateProposal,
    /// A late message whose sender is no member any more.
    SenderLeft,
}
