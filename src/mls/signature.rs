//! Signatures that can be checked without being a member (RFC 9420 §6.1, §12.4.3), on the bytes as they were received.
//!
//! The crypto is that of mls-rs on AWS-LC. This file checks; where a message belongs is decided elsewhere.

use mls_rs_codec::{MlsDecode, byte_vec};
use mls_rs_core::crypto::{CipherSuiteProvider, CryptoProvider, SignaturePublicKey};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use super::{
    CipherSuite, ExternalCommit, ExternalProposal, Walk, WireGroupInfo, external_proposal::Signer, grammar::vector,
};

/// `external_senders` (RFC 9420 §17.3).
const EXTERNAL_SENDERS: u16 = 0x0005;

/// What a signature says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It holds.
    Valid,
    /// It does not.
    Invalid,
    /// Nobody here can tell: the suite is not one that this build has, or the key is not known.
    Unknown,
}

impl ExternalCommit {
    /// Whether the commit was made for the state of the group that the GroupInfo describes. Its signature covers the
    /// GroupContext, and is checked with the key of the leaf that the commit brings. Costs a hash of the message and of
    /// the GroupContext, and one signature.
    pub fn proof_for(&self, group_info: &WireGroupInfo) -> Proof {
        if group_info.group_id() != self.message().group_id() || group_info.epoch() != self.epoch() {
            return Proof::Invalid;
        }
        let content = [self.to_be_signed(), group_info.group_context()];
        verify_framed(group_info.cipher_suite(), self.signature_key(), &content, self.signature())
    }
}

impl ExternalProposal {
    /// Whether a new member signed its proposal with the key of the KeyPackage in it, which must be of the group's suite.
    /// What an external sender signed is unknown without the group's state.
    pub fn own_proof(&self, group_suite: CipherSuite) -> Proof {
        match (self.signer(), self.signed()) {
            (Signer::NewMember(suite, _), _) if *suite != group_suite => Proof::Invalid,
            (Signer::NewMember(suite, key), Some((content, signature))) => {
                verify_framed(*suite, &self.message().bytes()[key.clone()], &[content], signature)
            }
            (Signer::NewMember(..), None) | (Signer::External(_), _) => Proof::Unknown,
        }
    }

    /// The same, where the GroupInfo tells who the external senders are.
    pub fn proof_for(&self, group_info: &WireGroupInfo) -> Proof {
        let suite = group_info.cipher_suite();
        let Signer::External(index) = *self.signer() else { return self.own_proof(suite) };
        let Some((content, signature)) = self.signed() else { return Proof::Unknown };
        match external_sender(group_info.group_context(), index) {
            Ok(Some(key)) => verify_framed(suite, key, &[content], signature),
            Ok(None) => Proof::Invalid,
            // Nobody but its publisher has looked into the GroupInfo's extensions.
            Err(_) => Proof::Unknown,
        }
    }
}

/// The signature key of the external sender at that place of an encoded GroupContext.
fn external_sender(mut context: &[u8], index: u32) -> Walk<Option<&[u8]>> {
    let reader = &mut context;
    super::ProtocolVersion::mls_decode(reader)?;
    CipherSuite::mls_decode(reader)?;
    vector(reader)?; // group_id
    super::EpochNumber::mls_decode(reader)?;
    vector(reader)?; // tree_hash
    vector(reader)?; // confirmed_transcript_hash
    let mut extensions = vector(reader)?;
    while !extensions.is_empty() {
        let kind = u16::mls_decode(&mut extensions)?;
        let mut data = vector(&mut extensions)?;
        if kind != EXTERNAL_SENDERS {
            continue;
        }
        let mut senders = vector(&mut data)?;
        let mut at = 0_u32;
        while !senders.is_empty() {
            let key = vector(&mut senders)?;
            u16::mls_decode(&mut senders)?; // credential_type
            vector(&mut senders)?; // as in a leaf
            if at == index {
                return Ok(Some(key));
            }
            at = at.saturating_add(1);
        }
        return Ok(None);
    }
    Ok(None)
}

/// Whether a member signed the GroupInfo, with that key.
pub(super) fn verify_group_info(group_info: &WireGroupInfo, key: &[u8]) -> Proof {
    let signed = [group_info.to_be_signed()];
    verify(group_info.cipher_suite(), key, b"MLS 1.0 GroupInfoTBS", &signed, group_info.signature())
}

/// Whether a `FramedContentTBS`, in pieces, was signed with that key.
pub(super) fn verify_framed(suite: CipherSuite, key: &[u8], content: &[&[u8]], signature: &[u8]) -> Proof {
    verify(suite, key, b"MLS 1.0 FramedContentTBS", content, signature)
}

/// `VerifyWithLabel(key, label, content, signature)` (RFC 9420 §5.1.2), of content in pieces.
fn verify(suite: CipherSuite, key: &[u8], label: &[u8], content: &[&[u8]], signature: &[u8]) -> Proof {
    let Some(crypto) = AwsLcCryptoProvider::new().cipher_suite_provider(suite.0.into()) else { return Proof::Unknown };
    let Ok(signed) = sign_content(label, &content.concat()) else { return Proof::Unknown };
    match crypto.verify(&SignaturePublicKey::new_slice(key), signature, &signed) {
        Ok(()) => Proof::Valid,
        Err(_) => Proof::Invalid,
    }
}

fn sign_content(label: &[u8], content: &[u8]) -> Walk<Vec<u8>> {
    let mut signed = Vec::with_capacity(label.len() + content.len() + 8);
    byte_vec::mls_encode(&label, &mut signed)?;
    byte_vec::mls_encode(&content, &mut signed)?;
    Ok(signed)
}
