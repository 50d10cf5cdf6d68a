//! What somebody wants of a group.

use mls_rs_codec::MlsEncode;
use sha2::{Digest, Sha256};

use super::{BlobKey, Checkpoint, Parent, Preflight, RepeatKey, Sight, StateDigest, StoredRepeatKey, UserTag};
use crate::{
    mls::{CipherSuite, EpochNumber, ExternalCommit, ExternalProposal, WireGroupInfo, WireMessage, WireRatchetTree},
    wire::{CreateGroupRequest, ExpectCommit, MaskedPartitionKey, SendRequest, ServiceProviderId, WelcomeData},
};

/// One operation on one group.
#[derive(Clone, Debug)]
pub enum Command {
    /// Reserve the group's id.
    Reserve(Reserve),
    /// Create the group.
    Create(Box<Create>),
    /// Sequence a message.
    Send(Box<Send>),
    /// Sequence an external commit.
    Join(Box<Join>),
    /// Sequence an external proposal.
    Propose(Box<Propose>),
    /// Record that a partition's key was presented by a receive.
    Present(Present),
    /// A timer of a partition is due.
    Expire(Expire),
    /// A Welcome was brought to a provider, or was not.
    Deliver(Box<Deliver>),
    /// Push a partition's messages from now on.
    Subscribe(Subscribe),
    /// A push was taken.
    Pushed(Pushed),
    /// Push no more.
    Unsubscribe(Unsubscribe),
    /// Follow a partition at another hub.
    Follow(Follow),
    /// Keep what another hub has pushed.
    Keep(Box<Keep>),
    /// Follow a partition at another hub no more.
    Unfollow(MaskedPartitionKey),
    /// Forget that a local user presented keys.
    Forget(Forget),
    /// End a branch.
    Terminate(Terminate),
    /// Take that back.
    Restore(Restore),
    /// Go on with ending a branch, or taking that back.
    Spread,
    /// The public state of a partition's epoch was derived, later than its commit was sequenced.
    Observe(Box<Observe>),
    /// Keep a checkpoint of a partition's public state.
    Checkpoint(Box<Checkpointed>),
    /// Delete the group.
    Delete(Delete),
    /// Look whether a partition's messages have had their time.
    Trim(Box<Trim>),
    /// Look at what holds for the whole group.
    Review(Review),
    /// Forget presentations that open nothing any more.
    Lapse(Lapse),
}

/// Reserves a freshly minted group id.
#[derive(Clone, Debug)]
pub struct Reserve {
    /// For whom.
    pub holder: UserTag,
}

/// Creates a group.
#[derive(Clone, Debug)]
pub struct Create {
    /// Who asks.
    pub holder: UserTag,
    /// The hub itself: creation is an operation of its own users.
    pub submitter: ServiceProviderId,
    /// Whether the GroupInfo, if any, names this group: the id itself is not needed beyond this.
    pub group_info_names_group: bool,
    /// The root of the partitions.
    pub root: MaskedPartitionKey,
    /// The group's suite.
    pub cipher_suite: CipherSuite,
    /// The group's epoch.
    pub epoch: EpochNumber,
    /// The GroupInfo of that epoch.
    pub group_info: Option<WireGroupInfo>,
    /// The tree beside it.
    pub ratchet_tree: Option<WireRatchetTree>,
    /// The Welcome of the initial members.
    pub welcome_data: Option<WelcomeData>,
    /// What was said about that Welcome.
    pub preflight: Preflight,
    /// SHA-256 of the request's bytes.
    pub digest: [u8; 32],
    /// What was seen of the group as it begins.
    pub sight: Sight,
}

impl Create {
    /// The command of a request, of which `digest` is the SHA-256. The partition key is masked and gone afterwards.
    pub fn new(submitter: ServiceProviderId, holder: UserTag, request: CreateGroupRequest, digest: [u8; 32]) -> Self {
        Self {
            holder,
            submitter,
            group_info_names_group: request
                .group_info
                .as_ref()
                .is_none_or(|group_info| group_info.group_id() == request.group_id),
            root: request.partition_key.masked(),
            cipher_suite: request.cipher_suite,
            epoch: request.epoch,
            group_info: request.group_info,
            ratchet_tree: request.ratchet_tree,
            welcome_data: request.welcome_data,
            preflight: Preflight::NotAsked,
            digest,
            sight: Sight::NotLooked,
        }
    }
}

/// What a commit announces.
#[derive(Clone, Debug)]
pub struct Announcement {
    /// The partition of the epoch that the commit creates.
    pub next: MaskedPartitionKey,
    /// The GroupInfo of that epoch.
    pub group_info: Option<WireGroupInfo>,
    /// The Welcome of the members that it adds.
    pub welcome_data: Option<WelcomeData>,
    /// What was said about that Welcome.
    pub preflight: Preflight,
}

/// Sequences a message into a partition.
#[derive(Clone, Debug)]
pub struct Send {
    /// The provider whose user sends.
    pub submitter: ServiceProviderId,
    /// The partition.
    pub partition: MaskedPartitionKey,
    /// The message.
    pub message: WireMessage,
    /// Present exactly when the message is a commit.
    pub announcement: Option<Announcement>,
    /// The sender's condition.
    pub expect_commit: Option<ExpectCommit>,
    /// Recognises the same request sent again.
    pub repeat_key: RepeatKey,
    /// Of a commit, what was seen of it in the partition.
    pub sight: Sight,
}

impl Send {
    /// The command of a request. The partition keys are masked and gone afterwards.
    pub fn new(submitter: ServiceProviderId, request: SendRequest, expect_commit: Option<ExpectCommit>) -> Self {
        let message_digest = request.message.digest();
        let announcement = request.commit_data.map(|commit_data| Announcement {
            next: commit_data.next_partition_key.masked(),
            group_info: commit_data.group_info,
            welcome_data: commit_data.welcome_data,
            preflight: Preflight::NotAsked,
        });
        // A differing GroupInfo is still the same request: a client that signs it again after
        // `ratchet_tree_required` sends the same commit.
        let repeat_key = match &announcement {
            None => RepeatKey::new(message_digest),
            Some(announcement) => {
                let mut hash = Sha256::new();
                hash.update(message_digest);
                hash.update(announcement.next.as_bytes());
                if let Some(welcome) = announcement.welcome_data.as_ref().and_then(|data| data.mls_encode_to_vec().ok())
                {
                    hash.update(Sha256::digest(welcome));
                }
                RepeatKey::new(hash.finalize().into())
            }
        };
        Self {
            submitter,
            partition: request.partition_key.masked(),
            message: request.message,
            announcement,
            expect_commit,
            repeat_key,
            sight: Sight::NotLooked,
        }
    }
}

/// Why an external commit belongs into its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// Its signature holds for the GroupContext in that GroupInfo of the partition.
    Proof(BlobKey),
    /// The partition is where members are, and nothing is known of it against which the signature could be checked.
    Dominance {
        /// Whether a join token was shown.
        token: bool,
        /// Its GroupInfo, if it has one that is of no use.
        group_info: Option<BlobKey>,
    },
}

/// Sequences an external commit.
#[derive(Clone, Debug)]
pub struct Join {
    /// The provider whose user joins.
    pub submitter: ServiceProviderId,
    /// Where it belongs.
    pub partition: MaskedPartitionKey,
    /// Why there.
    pub ground: Ground,
    /// The commit.
    pub commit: ExternalCommit,
    /// What it announces.
    pub announcement: Announcement,
    /// What was seen of it in the partition.
    pub sight: Sight,
}

/// Sequences an external proposal.
#[derive(Clone, Debug)]
pub struct Propose {
    /// The provider that it came from.
    pub submitter: ServiceProviderId,
    /// Where it belongs: heads with its epoch number.
    pub partitions: Vec<MaskedPartitionKey>,
    /// The proposal.
    pub proposal: ExternalProposal,
}

/// Records a presentation.
#[derive(Clone, Debug)]
pub struct Present {
    /// Whose user received.
    pub provider: ServiceProviderId,
    /// The partition.
    pub partition: MaskedPartitionKey,
    /// The index of the last commit in what it was given.
    pub given: Option<u32>,
}

/// Looks whether an orphan has aged out.
#[derive(Clone, Debug)]
pub struct Expire {
    /// The partition whose timer is due.
    pub partition: MaskedPartitionKey,
    /// When it was due.
    pub due_ms: super::UnixMillis,
    /// What the partition holds, from its first message on, if it may be time to remove it.
    pub contents: Option<Contents>,
}

/// Messages of a partition from the first one on, as much as one step removes. They were read before the command was
/// queued: what is sequenced never changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The index of the first of them.
    pub from: u32,
    /// The index behind the last one.
    pub until: u32,
    /// How many they are: fewer than there are indexes where a restore has passed over some.
    pub messages: u32,
    /// When the last one was sequenced.
    pub newest_ms: super::UnixMillis,
    /// The bytes of messages and GroupInfos, as [`super::Partition::bytes`] counts them.
    pub bytes: u64,
    /// The GroupInfos that came with them, once for each.
    pub blobs: Vec<BlobKey>,
}

/// Deletes the group.
#[derive(Clone, Copy, Debug)]
pub struct Delete {
    /// A partition whose key was shown.
    pub partition: MaskedPartitionKey,
}

/// Looks at a partition, for retention.
#[derive(Clone, Debug)]
pub struct Trim {
    /// Which one.
    pub partition: MaskedPartitionKey,
    /// What it holds, from its first message on.
    pub contents: Contents,
}

/// Looks at a group, for retention.
#[derive(Clone, Debug)]
pub struct Review {
    /// Receipts of those who named no partition that have had their time.
    pub receipts: Vec<StoredRepeatKey>,
    /// Whether no partition and no other receipt is left.
    pub is_empty: bool,
    /// Whether the group may be deleted because nobody uses it: those who would could come.
    pub may_end: bool,
}

/// Looks at presentations, for retention.
#[derive(Clone, Debug)]
pub struct Lapse {
    /// Which partition's key was presented, and by whom.
    pub presentations: Vec<(MaskedPartitionKey, UserTag)>,
}

/// Records what came of an attempt to deliver a Welcome.
#[derive(Clone, Debug)]
pub struct Deliver {
    /// The attempt.
    pub key: super::DispatchKey,
    /// What came of it.
    pub outcome: Delivered,
    /// A random number, which spreads what is to be tried again.
    pub jitter: u32,
}

/// What came of an attempt to deliver a Welcome.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// The provider wants it, and gave this ticket for it.
    Ticket([u8; 16]),
    /// The provider has it.
    Taken,
    /// The provider takes it for none of its KeyPackages.
    NoneAccepted,
    /// Neither is known.
    Failed {
        /// Whether the ticket may still be good.
        keeps_ticket: bool,
        /// How long the provider wants to be left alone, in milliseconds.
        retry_after_ms: super::UnixMillis,
    },
}

impl std::fmt::Debug for Delivered {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Ticket(_) => "Ticket(..)",
            Self::Taken => "Taken",
            Self::NoneAccepted => "NoneAccepted",
            Self::Failed { .. } => "Failed",
        })
    }
}

/// Subscribes to a partition's messages, or renews the lease.
#[derive(Clone, Debug)]
pub struct Subscribe {
    /// Who asks.
    pub provider: ServiceProviderId,
    /// The partition.
    pub partition: MaskedPartitionKey,
    /// The index of the first message that is wanted.
    pub from: u32,
    /// When the lease is to end.
    pub until_ms: super::UnixMillis,
}

/// A subscriber has answered a push.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// Who.
    pub provider: ServiceProviderId,
    /// The partition.
    pub partition: MaskedPartitionKey,
    /// Under which lease it was pushed.
    pub serial: u32,
    /// The index of the message that the subscriber wants next.
    pub next_index: u32,
}

/// A subscriber wants no more.
#[derive(Clone, Debug)]
pub struct Unsubscribe {
    /// Who.
    pub provider: ServiceProviderId,
    /// The partition.
    pub partition: MaskedPartitionKey,
    /// Under which lease it was pushed.
    pub serial: u32,
}

/// Follows a partition at another hub.
#[derive(Clone, Copy, Debug)]
pub struct Follow {
    /// The partition.
    pub partition: MaskedPartitionKey,
    /// What is known of the lease.
    pub lease: Lease,
}

/// What is known of the lease on a partition at another hub.
#[derive(Clone, Copy, Debug)]
pub enum Lease {
    /// The hub is about to be asked. What it pushes until then is kept: it may come before the answer.
    Asked {
        /// The index of the first message that is wanted, if the partition is not followed yet.
        from: u32,
        /// A lease that ends later is left as it is.
        until_ms: super::UnixMillis,
    },
    /// The hub pushes until then. Where somebody has ended it meanwhile, it stays so.
    Granted {
        /// The end.
        until_ms: super::UnixMillis,
    },
    /// Nothing new: somebody needs what is followed, if it still is.
    Unchanged,
}

/// Keeps messages that another hub has pushed.
#[derive(Clone, Debug)]
pub struct Keep {
    /// The partition.
    pub partition: MaskedPartitionKey,
    /// The index of the first one.
    pub first_index: u32,
    /// The encoded `Message`s, in order.
    pub messages: Vec<bytes::Bytes>,
}

/// Forgets which keys a local user presented.
#[derive(Clone, Debug)]
pub struct Forget {
    /// Who.
    pub user: UserTag,
    /// Of these partitions, here or at another hub.
    pub partitions: Vec<MaskedPartitionKey>,
}

/// Ends a branch, as the operator decided.
#[derive(Clone, Copy, Debug)]
pub struct Terminate {
    /// The partition with which it begins.
    pub partition: MaskedPartitionKey,
}

/// Takes the end of a branch back.
#[derive(Clone, Copy, Debug)]
pub struct Restore {
    /// The partition with which it begins.
    pub partition: MaskedPartitionKey,
}

/// Notes the public state of a partition's epoch, which was derived later than its commit was sequenced.
#[derive(Clone, Debug)]
pub struct Observe {
    /// The partition.
    pub partition: MaskedPartitionKey,
    /// The commit that had announced it when that was done; nothing for the root.
    pub parent: Option<Parent>,
    /// How long that commit is, in bytes.
    pub commit_bytes: u64,
    /// The GroupInfo of the epoch, if one was published.
    pub group_info: Option<WireGroupInfo>,
    /// What came of it.
    pub sight: Sight,
    /// A state that was known once, and to which nothing leads any more. It is given up, whatever else is said.
    pub lost: Option<StateDigest>,
}

/// Keeps a checkpoint of a partition's public state.
#[derive(Clone, Debug)]
pub struct Checkpointed {
    /// The partition.
    pub partition: MaskedPartitionKey,
    /// Of which state.
    pub digest: StateDigest,
    /// The state.
    pub checkpoint: Checkpoint,
}
