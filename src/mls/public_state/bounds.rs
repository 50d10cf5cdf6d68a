//! What is too large to be looked into, told from the bytes, before anything is built of them.
//!
//! A blank node, a Remove or an empty extension is a few bytes on the wire and hundreds in memory, and some checks take
//! the square of a list's length. These limits are far above what groups have, and low enough that what is decoded takes
//! some ten times its bytes at most.

use mls_rs_codec::MlsDecode;

use super::{
    super::{
        CipherSuite, EpochNumber, Fault, ProtocolVersion, SELF_REMOVE, SELF_REMOVE_PRIVATE, Walk, WireGroupInfo,
        WireMessage, WireRatchetTree,
        grammar::{pre_shared_key_id, presence, vector},
        tree_hash::{NoTreeHash, nodes},
    },
    Unobservable,
};

/// Extensions in one list.
const MAX_EXTENSIONS: usize = 128;
/// Bytes of one list of capabilities: 512 entries.
const MAX_CAPABILITIES: usize = 1 << 10;
/// Proposals of a commit, and ciphertexts in its path: one for each leaf of the largest tree.
const MAX_ENTRIES: usize = 1 << 16;
/// A tree has more than this many nodes only if one in so many is not blank.
const SPARSE: usize = 1 << 10;
const LEAST_FILLED: usize = 32;
/// The squares of the lengths of all lists of unmerged leaves: mls-rs takes that many steps to check them.
const MAX_UNMERGED_SQUARES: usize = 1 << 27;
/// mls-rs hashes what is below a parent again if its unmerged leaves are others than above it, and makes room for the
/// whole tree each time. So many leaves are below such parents, and so many bytes is all that room.
const MAX_REHASHED: u32 = 1 << 18;
const MAX_ROOM: usize = 1 << 28;

/// The references to proposals in a commit, and whether there are proposals whose effect only the application knows.
#[derive(Debug, Default)]
pub(super) struct Listed<'a> {
    pub(super) references: Vec<&'a [u8]>,
    pub(super) has_custom: bool,
}

/// Looks over a tree that nobody has checked yet.
pub(super) fn check_tree(tree: &WireRatchetTree) -> Result<(), Unobservable> {
    let nodes = nodes(tree).map_err(|why| match why {
        NoTreeHash::TooLarge => Unobservable::TooLarge,
        NoTreeHash::Form | NoTreeHash::Suite => Unobservable::Encoding,
    })?;
    let (mut filled, mut squares) = (0, 0_usize);
    for (at, content) in nodes.iter().enumerate() {
        let Some(mut content) = *content else { continue };
        filled += 1;
        if at % 2 == 0 {
            check_leaf(&mut content).map_err(|_| Unobservable::Encoding)?.or_too_large()?;
        } else {
            let unmerged = unmerged_leaves(content).map_err(|_| Unobservable::Encoding)?.len();
            squares = squares.saturating_add(unmerged.saturating_mul(unmerged));
        }
    }
    if squares > MAX_UNMERGED_SQUARES || (nodes.len() > SPARSE && nodes.len() > LEAST_FILLED * filled) {
        return Err(Unobservable::TooLarge);
    }
    walk_unmerged(&nodes).map_err(|_| Unobservable::Encoding)?.or_too_large()
}

/// Looks over a GroupInfo, but not its tree.
pub(super) fn check_group_info(group_info: &WireGroupInfo) -> Result<(), Unobservable> {
    walk_group_info(group_info).map_err(|_| Unobservable::Encoding)?.or_too_large()
}

/// Looks over a public commit, and finds what it refers to.
pub(super) fn check_commit(commit: &WireMessage) -> Result<Listed<'_>, Unobservable> {
    let mut reader = commit.public_content();
    let mut listed = Listed::default();
    let bounded = vector(&mut reader).and_then(|proposals| walk_proposals(proposals, &mut listed));
    // A proposal that has not one vector for a body ends nobody knows where.
    let unreadable = if listed.has_custom { Unobservable::UnknownForm } else { Unobservable::Encoding };
    bounded.map_err(|_| unreadable)?.or_too_large()?;
    walk_path(&mut reader).map_err(|_| Unobservable::Encoding)?.or_too_large()?;
    Ok(listed)
}

/// Looks over a proposal that stands alone.
pub(super) fn check_proposal(message: &WireMessage) -> Result<(), Unobservable> {
    let mut has_custom = false;
    walk_proposal(&mut message.public_content(), &mut has_custom).map_err(|_| Unobservable::UnknownForm)?.or_too_large()
}

/// Whether something stays within the limits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bounded {
    Yes,
    No,
}

impl Bounded {
    fn of(is_bounded: bool) -> Self {
        if is_bounded { Self::Yes } else { Self::No }
    }

    fn and(self, other: Self) -> Self {
        Self::of(self == Self::Yes && other == Self::Yes)
    }

    fn or_too_large(self) -> Result<(), Unobservable> {
        if self == Self::Yes { Ok(()) } else { Err(Unobservable::TooLarge) }
    }
}

fn walk_group_info(group_info: &WireGroupInfo) -> Walk<Bounded> {
    let mut context = group_info.group_context();
    let reader = &mut context;
    ProtocolVersion::mls_decode(reader)?;
    CipherSuite::mls_decode(reader)?;
    vector(reader)?; // group_id
    EpochNumber::mls_decode(reader)?;
    vector(reader)?; // tree_hash
    vector(reader)?; // confirmed_transcript_hash
    Ok(extensions(reader)?.and(extensions(&mut group_info.behind_context())?))
}

fn extensions(reader: &mut &[u8]) -> Walk<Bounded> {
    let mut list = vector(reader)?;
    for _ in 0..MAX_EXTENSIONS {
        if list.is_empty() {
            return Ok(Bounded::Yes);
        }
        u16::mls_decode(&mut list)?; // extension_type
        vector(&mut list)?; // extension_data
    }
    Ok(Bounded::of(list.is_empty()))
}

fn check_leaf(reader: &mut &[u8]) -> Walk<Bounded> {
    vector(reader)?; // encryption_key
    vector(reader)?; // signature_key
    u16::mls_decode(reader)?; // credential_type
    vector(reader)?; // credential
    let mut bounded = Bounded::Yes;
    for _capability in 0..5 {
        bounded = bounded.and(Bounded::of(vector(reader)?.len() <= MAX_CAPABILITIES));
    }
    match u8::mls_decode(reader)? {
        1 => drop(super::super::fixed::<16>(reader)?), // key_package: Lifetime
        2 => {}                                        // update
        3 => drop(vector(reader)?),                    // commit: parent_hash
        _ => return Err(Fault::EnumValue.into()),
    }
    bounded = bounded.and(extensions(reader)?);
    vector(reader)?; // signature
    Ok(bounded)
}

/// The `unmerged_leaves` of a parent: whole numbers of four bytes, in order.
fn unmerged_leaves(mut parent: &[u8]) -> Walk<&[[u8; 4]]> {
    vector(&mut parent)?; // encryption_key
    vector(&mut parent)?; // parent_hash
    match vector(&mut parent)?.as_chunks() {
        (leaves, []) if leaves.is_sorted() => Ok(leaves),
        _ => Err(mls_rs_codec::Error::InvalidContent),
    }
}

/// Goes down the tree with the nearest parent above whose unmerged leaves were others than above it.
fn walk_unmerged(nodes: &[Option<&[u8]>]) -> Walk<Bounded> {
    /// A hash is a vector.
    const ROOM: usize = size_of::<Vec<u8>>();
    let unmerged_at = |at: u32| nodes.get(at as usize).copied().flatten().map(unmerged_leaves).transpose();
    let leaves = nodes.len().div_ceil(2).next_power_of_two();
    let root = u32::try_from(leaves - 1).map_err(|_| mls_rs_codec::Error::InvalidContent)?;
    let (mut rehashed, mut room) = (0, 0);
    let mut below = vec![(root, leaves.trailing_zeros(), root)];
    while let Some((at, level, mut last)) = below.pop() {
        let Some(half) = level.checked_sub(1).map(|lower| 1 << lower) else { continue };
        if let Some(own) = unmerged_at(at)? {
            let first = (at + 1 - 2 * half) / 2;
            let above = unmerged_at(last)?.unwrap_or_default();
            let place = |leaf: u32| above.partition_point(|entry| u32::from_be_bytes(*entry) < leaf);
            if above[place(first)..place(first + 2 * half)] != *own {
                last = at;
                rehashed += 2 * half;
                room += 2 * leaves * ROOM;
            }
        }
        below.extend([(at - half, level - 1, last), (at + half, level - 1, last)]);
    }
    Ok(Bounded::of(rehashed <= MAX_REHASHED && room <= MAX_ROOM))
}

fn walk_proposals<'a>(mut reader: &'a [u8], listed: &mut Listed<'a>) -> Walk<Bounded> {
    const PROPOSAL: u8 = 1;
    const REFERENCE: u8 = 2;
    let mut bounded = Bounded::Yes;
    for _ in 0..MAX_ENTRIES {
        if reader.is_empty() {
            return Ok(bounded);
        }
        match u8::mls_decode(&mut reader)? {
            PROPOSAL => bounded = bounded.and(walk_proposal(&mut reader, &mut listed.has_custom)?),
            REFERENCE => listed.references.push(vector(&mut reader)?),
            _ => return Err(Fault::EnumValue.into()),
        }
    }
    Ok(bounded.and(Bounded::of(reader.is_empty())))
}

fn walk_proposal(reader: &mut &[u8], has_custom: &mut bool) -> Walk<Bounded> {
    match u16::mls_decode(reader)? {
        1 => {
            ProtocolVersion::mls_decode(reader)?;
            CipherSuite::mls_decode(reader)?;
            vector(reader)?; // init_key
            let bounded = check_leaf(reader)?.and(extensions(reader)?);
            vector(reader)?; // signature
            Ok(bounded)
        }
        2 => check_leaf(reader),
        3 => u32::mls_decode(reader).map(|_leaf_index| Bounded::Yes),
        4 => pre_shared_key_id(reader).map(|()| Bounded::Yes),
        5 => {
            vector(reader)?; // group_id
            u16::mls_decode(reader)?; // version
            u16::mls_decode(reader)?; // cipher_suite
            extensions(reader)
        }
        6 => vector(reader).map(|_kem_output| Bounded::Yes),
        7 => extensions(reader),
        SELF_REMOVE | SELF_REMOVE_PRIVATE => Ok(Bounded::Yes),
        _ => {
            *has_custom = true;
            // What mls-rs takes every other proposal for.
            vector(reader).map(|_body| Bounded::Yes)
        }
    }
}

/// `optional<UpdatePath> path` (RFC 9420 §7.6).
fn walk_path(reader: &mut &[u8]) -> Walk<Bounded> {
    if !presence(reader)? {
        return Ok(Bounded::Yes);
    }
    let leaf = check_leaf(reader)?;
    let mut nodes = vector(reader)?;
    let mut ciphertexts = 0;
    while !nodes.is_empty() {
        vector(&mut nodes)?; // encryption_key
        let mut sealed = vector(&mut nodes)?;
        while !sealed.is_empty() {
            ciphertexts += 1;
            if ciphertexts > MAX_ENTRIES {
                return Ok(Bounded::No);
            }
            vector(&mut sealed)?; // kem_output
            vector(&mut sealed)?; // ciphertext
        }
        // A node without ciphertexts has nobody below to read it.
        ciphertexts += 1;
    }
    Ok(leaf.and(Bounded::of(ciphertexts <= MAX_ENTRIES)))
}
