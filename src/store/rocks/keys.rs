//! Column families and the keys in them.
//!
//! Numbers are big-endian, so that rows sort by them.

use crate::{
    mls::EpochNumber,
    sequencer::{BlobKey, DispatchKey, GroupKey, Parent, RepeatKey, Timer, UnixMillis, UserTag, WelcomeName},
    wire::{MaskedPartitionKey, ServiceProviderId},
};

/// Small rows that are overwritten: groups, reservations, partitions, budgets, timers, announcements, dispatches.
pub(super) const STATE: &str = "state";
/// Messages, by group, partition and index.
pub(super) const MESSAGES: &str = "messages";
/// Receipts of sends, by content.
pub(super) const REPEATS: &str = "repeats";
/// GroupInfos and trees, by content.
pub(super) const BLOBS: &str = "blobs";
/// Welcomes that wait to be delivered.
pub(super) const OUTBOX: &str = "outbox";
/// Which local user presented which partition key.
pub(super) const PRESENTED: &str = "presented";
/// KeyPackages that wait, by stock and number.
pub(super) const KEY_PACKAGES: &str = "key_packages";

/// Welcomes that wait for their new members, by delivery.
pub(super) const INBOX: &str = "inbox";

/// Messages that other hubs have pushed, by group, partition and index.
pub(super) const FOLLOWED: &str = "followed";

/// Public states of groups, and what leads to them, by group and partition.
pub(super) const PUBLIC: &str = "public";

/// RocksDB's own, which holds the format version and the database's secrets.
pub(super) const DEFAULT: &str = "default";

/// All of ours, beside RocksDB's.
pub(super) const FAMILIES: [&str; 10] =
    [STATE, MESSAGES, REPEATS, BLOBS, OUTBOX, PRESENTED, KEY_PACKAGES, INBOX, FOLLOWED, PUBLIC];

/// Row of `default`: the format version.
pub(super) const FORMAT: &[u8] = b"format";
/// Row of `default`: whose database it is.
pub(super) const PROVIDER: &[u8] = b"provider";
/// Row of `default`: the secret under which users are hashed.
pub(super) const USER_TAG_SECRET: &[u8] = b"user-tag-secret";
/// Row of `default`: the secret under which bearer tokens are made.
pub(super) const TOKEN_SECRET: &[u8] = b"token-secret";

/// Row of `default`: when the database was put back from a backup, and with which index unannounced partitions of groups from
/// before that begin. Not there if it never was.
pub(super) const RESTORED: &[u8] = b"restored";

/// First bytes of the rows of [`STATE`].
pub(super) mod kind {
    pub(in super::super) const ACCOUNT: u8 = b'U';
    pub(in super::super) const ANNOUNCED: u8 = b'A';
    pub(in super::super) const BAN: u8 = b'b';
    pub(in super::super) const BLOB_COUNT: u8 = b'x';
    pub(in super::super) const BUDGET: u8 = b'B';
    pub(in super::super) const COMPLAINT: u8 = b'r';
    pub(in super::super) const DELIVERY: u8 = b'D';
    pub(in super::super) const DISPATCH: u8 = b'C';
    pub(in super::super) const EXPIRY: u8 = b'E';
    pub(in super::super) const FOLLOWED: u8 = b'Z';
    pub(in super::super) const FORKED: u8 = b'f';
    pub(in super::super) const GROUP: u8 = b'G';
    pub(in super::super) const HEAD: u8 = b'J';
    pub(in super::super) const HANDLE: u8 = b'H';
    pub(in super::super) const HEARD: u8 = b'h';
    pub(in super::super) const HUB_SHARE: u8 = b'Y';
    pub(in super::super) const ITEM: u8 = b'I';
    pub(in super::super) const LAPSED: u8 = b'L';
    pub(in super::super) const LETTER: u8 = b'N';
    pub(in super::super) const MAILBOX: u8 = b'V';
    pub(in super::super) const MARK: u8 = b'M';
    pub(in super::super) const OUTGOING: u8 = b'O';
    pub(in super::super) const PARTITION: u8 = b'P';
    pub(in super::super) const PERIOD: u8 = b'Q';
    pub(in super::super) const REFERENCE: u8 = b'F';
    pub(in super::super) const RESERVATION: u8 = b'R';
    pub(in super::super) const STOCK: u8 = b'K';
    pub(in super::super) const SUBSCRIBED: u8 = b'S';
    pub(in super::super) const TICKET: u8 = b'X';
    pub(in super::super) const TIMER: u8 = b'T';
    pub(in super::super) const WALK: u8 = b'w';
    pub(in super::super) const WELCOMED: u8 = b'W';
}

pub(super) fn group(group: &GroupKey) -> Vec<u8> {
    [&[kind::GROUP], group.as_bytes().as_slice()].concat()
}

/// What the keys of all groups begin with, and those that begin with `prefix`.
pub(super) fn groups(prefix: &[u8]) -> Vec<u8> {
    [&[kind::GROUP], prefix].concat()
}

/// The group at the end of a group's key.
pub(super) fn parse_group(key: &[u8]) -> Option<GroupKey> {
    Some(GroupKey::new(key.get(1..)?.try_into().ok()?))
}

pub(super) fn forked(group: &GroupKey) -> Vec<u8> {
    [&[kind::FORKED], group.as_bytes().as_slice()].concat()
}

pub(super) fn reservation(group: &GroupKey) -> Vec<u8> {
    [&[kind::RESERVATION], group.as_bytes().as_slice()].concat()
}

pub(super) fn partition(group: &GroupKey, partition: &MaskedPartitionKey) -> Vec<u8> {
    [&[kind::PARTITION], group.as_bytes().as_slice(), partition.as_bytes()].concat()
}

/// What the keys of all partitions of a group begin with, and those that begin with `prefix`.
pub(super) fn partitions(group: &GroupKey, prefix: &[u8]) -> Vec<u8> {
    [&[kind::PARTITION], group.as_bytes().as_slice(), prefix].concat()
}

/// The partition at the end of a partition's key.
pub(super) fn parse_partition(key: &[u8]) -> Option<MaskedPartitionKey> {
    Some(MaskedPartitionKey::new(key.get(1 + GroupKey::LENGTH..)?.try_into().ok()?))
}

pub(super) fn announced(partition: &MaskedPartitionKey, group: &GroupKey) -> Vec<u8> {
    [&[kind::ANNOUNCED], partition.as_bytes().as_slice(), group.as_bytes()].concat()
}

/// The prefix of all announcements of a partition.
pub(super) fn announced_prefix(partition: &MaskedPartitionKey) -> Vec<u8> {
    [&[kind::ANNOUNCED], partition.as_bytes().as_slice()].concat()
}

pub(super) fn head(group: &GroupKey, epoch: EpochNumber, partition: &MaskedPartitionKey) -> Vec<u8> {
    [heads_of(group, epoch).as_slice(), partition.as_bytes()].concat()
}

/// What the rows of all heads with that epoch number begin with.
pub(super) fn heads_of(group: &GroupKey, epoch: EpochNumber) -> Vec<u8> {
    [heads(group).as_slice(), &epoch.0.to_be_bytes()].concat()
}

/// What the rows of all heads of a group begin with.
pub(super) fn heads(group: &GroupKey) -> Vec<u8> {
    [&[kind::HEAD], group.as_bytes().as_slice()].concat()
}

/// The partition at the end of a head's key.
pub(super) fn parse_head(key: &[u8]) -> Option<MaskedPartitionKey> {
    let partition = key.get(1 + GroupKey::LENGTH + size_of::<u64>()..)?.try_into().ok()?;
    Some(MaskedPartitionKey::new(partition))
}

/// A provider's name holds no zero byte, so the zero ends it.
pub(super) fn budget(provider: &ServiceProviderId, group: &GroupKey) -> Vec<u8> {
    [&[kind::BUDGET], provider.as_str().as_bytes(), &[0], group.as_bytes()].concat()
}

/// Takes a budget's key apart.
pub(super) fn parse_budget(key: &[u8]) -> Option<(ServiceProviderId, GroupKey)> {
    let (_kind, rest) = key.split_first()?;
    let (rest, group) = rest.split_last_chunk::<{ GroupKey::LENGTH }>()?;
    let (0, provider) = rest.split_last()? else { return None };
    Some((std::str::from_utf8(provider).ok()?.parse().ok()?, GroupKey::new(*group)))
}

pub(super) fn timer(group: &GroupKey, timer: &Timer) -> Vec<u8> {
    [&[kind::TIMER], timer.due_ms.to_be_bytes().as_slice(), group.as_bytes(), timer.partition.as_bytes()].concat()
}

/// Takes a timer's key apart.
pub(super) fn parse_timer(key: &[u8]) -> Option<(GroupKey, Timer)> {
    let (_kind, rest) = key.split_first()?;
    let (due, rest) = rest.split_first_chunk::<8>()?;
    let (group, rest) = rest.split_first_chunk::<{ GroupKey::LENGTH }>()?;
    let timer =
        Timer { due_ms: UnixMillis::from_be_bytes(*due), partition: MaskedPartitionKey::new(rest.try_into().ok()?) };
    Some((GroupKey::new(*group), timer))
}

/// What all messages, and all repeats, of a partition begin with.
pub(super) fn partition_prefix(group: &GroupKey, partition: &MaskedPartitionKey) -> Vec<u8> {
    [group.as_bytes().as_slice(), partition.as_bytes()].concat()
}

pub(super) fn message(group: &GroupKey, partition: &MaskedPartitionKey, index: u32) -> Vec<u8> {
    [group.as_bytes().as_slice(), partition.as_bytes(), &index.to_be_bytes()].concat()
}

/// The index at the end of a message's key.
pub(super) fn parse_message_index(key: &[u8]) -> Option<u32> {
    let index = key.get(GroupKey::LENGTH + MaskedPartitionKey::LENGTH..)?.try_into().ok()?;
    Some(u32::from_be_bytes(index))
}

pub(super) fn repeat(group: &GroupKey, partition: &MaskedPartitionKey, key: &RepeatKey) -> Vec<u8> {
    [group.as_bytes().as_slice(), partition.as_bytes(), &key.stored()].concat()
}

pub(super) fn blob(group: &GroupKey, key: &BlobKey) -> Vec<u8> {
    [group.as_bytes().as_slice(), &key.0].concat()
}

pub(super) fn blob_count(group: &GroupKey, key: &BlobKey) -> Vec<u8> {
    [&[kind::BLOB_COUNT], group.as_bytes().as_slice(), &key.0].concat()
}

/// A Welcome is named by the partition that it opens and by where its commit stands; that of a creation by zeros.
pub(super) fn welcome(group: &GroupKey, welcome: &WelcomeName) -> Vec<u8> {
    let (key, index) = welcome.commit.map_or((MaskedPartitionKey::NONE, 0), |commit| (commit.key, commit.index));
    [group.as_bytes().as_slice(), welcome.partition.as_bytes(), key.as_bytes(), &index.to_be_bytes()].concat()
}

/// Takes the name of a Welcome, and nothing more, apart.
fn parse_welcome(key: &[u8]) -> Option<(GroupKey, WelcomeName)> {
    let (group, rest) = key.split_first_chunk::<{ GroupKey::LENGTH }>()?;
    let (partition, rest) = rest.split_first_chunk::<{ MaskedPartitionKey::LENGTH }>()?;
    let (commit, index) = rest.split_first_chunk::<{ MaskedPartitionKey::LENGTH }>()?;
    let (key, index) = (MaskedPartitionKey::new(*commit), u32::from_be_bytes(index.try_into().ok()?));
    let commit = (key != MaskedPartitionKey::NONE).then_some(Parent { key, index });
    // Where there is no commit, nothing stands at an index.
    if commit.is_none() && index != 0 {
        return None;
    }
    Some((GroupKey::new(*group), WelcomeName { partition: MaskedPartitionKey::new(*partition), commit }))
}

pub(super) fn outgoing(group: &GroupKey, name: &WelcomeName) -> Vec<u8> {
    [[kind::OUTGOING].as_slice(), &welcome(group, name)].concat()
}

pub(super) fn parse_outgoing(key: &[u8]) -> Option<(GroupKey, WelcomeName)> {
    parse_welcome(key.get(1..)?)
}

/// The prefix of all dispatches to a provider. Its name holds no zero byte, so the zero ends it.
pub(super) fn dispatches(provider: &ServiceProviderId) -> Vec<u8> {
    [&[kind::DISPATCH], provider.as_str().as_bytes(), &[0]].concat()
}

pub(super) fn dispatch(group: &GroupKey, key: &DispatchKey) -> Vec<u8> {
    [dispatches(&key.provider).as_slice(), &key.due_ms.to_be_bytes(), &welcome(group, &key.welcome)].concat()
}

/// Takes a dispatch's key apart.
pub(super) fn parse_dispatch(key: &[u8]) -> Option<(GroupKey, DispatchKey)> {
    let (_kind, rest) = key.split_first()?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (provider, rest) = rest.split_at_checked(end)?;
    let (due, rest) = rest.get(1..)?.split_first_chunk::<8>()?;
    let (group, welcome) = parse_welcome(rest)?;
    let provider = std::str::from_utf8(provider).ok()?.parse().ok()?;
    Some((group, DispatchKey { provider, due_ms: UnixMillis::from_be_bytes(*due), welcome }))
}

pub(super) fn presented(group: &GroupKey, partition: &MaskedPartitionKey, user: &UserTag) -> Vec<u8> {
    [group.as_bytes().as_slice(), partition.as_bytes(), &user.0].concat()
}

/// The first key behind all keys with that prefix; `None` when there is none.
pub(super) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}
