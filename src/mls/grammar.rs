//! The walk over RFC 9420's structures: each function moves a reader behind one structure.
//!
//! A walk allocates nothing. It checks lengths, presence bytes and the enums that decide what follows; it does not
//! judge keys, signatures or extensions.

use std::ops::Range;

use mls_rs_codec::{MlsDecode, iter::mls_decode_split_on_collection};

use super::{Fault, ProtocolVersion, SELF_REMOVE, Walk};

/// Moves behind an `opaque x<V>` or a vector of anything and returns its content.
pub(crate) fn vector<'a>(reader: &mut &'a [u8]) -> Walk<&'a [u8]> {
    let (content, rest) = mls_decode_split_on_collection(reader)?;
    *reader = rest;
    Ok(content)
}

/// Reads a vector and says where its content stands, in bytes of which the reader held `start` at first.
pub(crate) fn located(reader: &mut &[u8], start: usize) -> Walk<Range<usize>> {
    let length = vector(reader)?.len();
    let end = start - reader.len();
    Ok(end - length..end)
}

/// Moves behind `N` bytes without a length prefix and returns them.
pub(crate) fn fixed<const N: usize>(reader: &mut &[u8]) -> Walk<[u8; N]> {
    let (content, rest) = reader.split_first_chunk::<N>().ok_or(mls_rs_codec::Error::UnexpectedEOF)?;
    *reader = rest;
    Ok(*content)
}

/// The bytes that `walk` moved over.
pub(crate) fn extent<'a, T>(reader: &mut &'a [u8], walk: impl FnOnce(&mut &'a [u8]) -> Walk<T>) -> Walk<(&'a [u8], T)> {
    let start = *reader;
    let value = walk(reader)?;
    Ok((&start[..start.len() - reader.len()], value))
}

pub(crate) fn presence(reader: &mut &[u8]) -> Walk<bool> {
    match u8::mls_decode(reader)? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(mls_rs_codec::Error::OptionOutOfRange(other)),
    }
}

/// `LeafNode` (RFC 9420 §7.2).
pub(crate) fn leaf_node(reader: &mut &[u8]) -> Walk<()> {
    vector(reader)?; // encryption_key
    vector(reader)?; // signature_key
    u16::mls_decode(reader)?; // credential_type
    vector(reader)?; // identity, certificates, or the body of a registered type: each is one vector
    for _capability in 0..5 {
        vector(reader)?;
    }
    match u8::mls_decode(reader)? {
        1 => drop(fixed::<16>(reader)?), // key_package: Lifetime
        2 => {}                          // update
        3 => drop(vector(reader)?),      // commit: parent_hash
        _ => return Err(Fault::EnumValue.into()),
    }
    vector(reader)?; // extensions
    vector(reader)?; // signature
    Ok(())
}

/// `KeyPackage` (RFC 9420 §10).
pub(crate) fn key_package(reader: &mut &[u8]) -> Walk<(ProtocolVersion, super::CipherSuite)> {
    let version = ProtocolVersion::mls_decode(reader)?;
    let suite = super::CipherSuite::mls_decode(reader)?;
    vector(reader)?; // init_key
    leaf_node(reader)?;
    vector(reader)?; // extensions
    vector(reader)?; // signature
    Ok((version, suite))
}

/// `PreSharedKeyID` (RFC 9420 §8.4).
pub(crate) fn pre_shared_key_id(reader: &mut &[u8]) -> Walk<()> {
    match u8::mls_decode(reader)? {
        1 => drop(vector(reader)?), // external: psk_id
        2 => {
            u8::mls_decode(reader)?; // usage
            vector(reader)?; // psk_group_id
            u64::mls_decode(reader)?; // psk_epoch
        }
        _ => return Err(Fault::EnumValue.into()),
    }
    vector(reader)?; // psk_nonce
    Ok(())
}

/// Whether a walk found where a structure ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The reader stands behind the structure.
    Found,
    /// It lies somewhere in what is left: only who knows the content can tell.
    Open,
}

/// `Proposal` (RFC 9420 §12.1).
///
/// RFC 9420 gives a receiver no way to find the end of a proposal whose type it does not know, and types of extensions
/// are framed in every way: `app_data_update` by an enum, `app_ephemeral` behind an integer whose width has changed,
/// types for private use as one vector or as nothing. Guessing would put the end where a sender likes it, so whatever
/// is not listed here is open.
pub(crate) fn proposal(reader: &mut &[u8]) -> Walk<End> {
    match u16::mls_decode(reader)? {
        1 => drop(key_package(reader)?),
        2 => leaf_node(reader)?,
        3 => drop(u32::mls_decode(reader)?),
        4 => pre_shared_key_id(reader)?,
        5 => {
            vector(reader)?; // group_id
            u16::mls_decode(reader)?; // version: opaque here, RFC 9420 leaves its judgement to members
            u16::mls_decode(reader)?; // cipher_suite
            vector(reader)?; // extensions
        }
        6 | 7 => drop(vector(reader)?), // external_init: kem_output; group_context_extensions: extensions
        SELF_REMOVE => {}
        _ => return Ok(End::Open),
    }
    Ok(End::Found)
}

/// `Commit` (RFC 9420 §12.4). The proposals stand in a vector and are not looked into.
pub(crate) fn commit(reader: &mut &[u8]) -> Walk<()> {
    vector(reader)?; // proposals
    if presence(reader)? {
        leaf_node(reader)?;
        vector(reader)?; // UpdatePathNodes
    }
    Ok(())
}

/// The content of a `FramedContent` and, behind it, its `FramedContentAuthData` (RFC 9420 §6, §6.1).
pub(crate) fn content_and_auth(reader: &mut &[u8], content_type: super::ContentType) -> Walk<End> {
    match content_type {
        super::ContentType::Application => return Err(Fault::PublicApplication.into()),
        super::ContentType::Proposal => {
            if proposal(reader)? == End::Open {
                return Ok(End::Open);
            }
            vector(reader)?; // signature
        }
        super::ContentType::Commit => {
            commit(reader)?;
            vector(reader)?; // signature
            vector(reader)?; // confirmation_tag
        }
    }
    Ok(End::Found)
}
