//! A Welcome: the exact bytes and the KeyPackageRefs that it is addressed to.

use std::fmt;

use bytes::Bytes;
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};

use super::{
    CipherSuite, Fault, ProtocolVersion, Walk, WireGroupInfo, WireRatchetTree,
    grammar::{extent, vector},
};

/// An `MLSMessage` with a `Welcome` (RFC 9420 §12.4.3.1).
///
/// # Privacy
/// `Debug` shows the number of secrets, no reference and no content.
#[derive(Clone, PartialEq, Eq)]
pub struct WireWelcome {
    bytes: Bytes,
    secrets_offset: usize,
    secrets: usize,
    cipher_suite: CipherSuite,
}

impl WireWelcome {
    /// The message as it was received.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The suite of the group.
    pub fn cipher_suite(&self) -> CipherSuite {
        self.cipher_suite
    }

    /// How many `EncryptedGroupSecrets` there are: one for each new member.
    pub fn secrets(&self) -> usize {
        self.secrets
    }

    /// The `KeyPackageRef` of each entry of `secrets`, in order.
    pub fn key_package_refs(&self) -> impl Iterator<Item = &[u8]> {
        let mut reader = &self.bytes[self.secrets_offset..];
        let mut entries = vector(&mut reader).unwrap_or_default();
        std::iter::from_fn(move || (!entries.is_empty()).then(|| secret(&mut entries).ok()).flatten())
    }

    /// Whether its encrypted GroupInfo is long enough to have that tree in it, where `group_info` is what was published of
    /// the same epoch. It then has the tree, or other extensions of that length.
    pub fn has_room_for(&self, tree: &WireRatchetTree, group_info: &WireGroupInfo) -> bool {
        let mut reader = self.bytes.get(self.secrets_offset..).unwrap_or_default();
        let Ok(_secrets) = vector(&mut reader) else { return false };
        let encrypted = vector(&mut reader).map_or(0, <[u8]>::len);
        // What every GroupInfo of that epoch has beside its extensions and its signature.
        let rest = group_info.group_context().len() + group_info.confirmation_tag().len();
        encrypted >= rest + tree.bytes().len()
    }

    /// The same Welcome with only those entries of `secrets` whose places, counted from 0, `keep` says yes to. Nothing
    /// signs that vector (RFC 9420 §12.4.3.1): the Welcome stays good for those who are left.
    ///
    /// # Privacy
    /// Whoever gets it does not learn who else was added, and how many.
    pub fn only(&self, mut keep: impl FnMut(usize) -> bool) -> Self {
        let mut rest = &self.bytes[self.secrets_offset..];
        let mut entries = vector(&mut rest).unwrap_or_default();
        let (mut kept, mut secrets, mut place) = (Vec::new(), 0, 0);
        while !entries.is_empty() {
            let Ok((entry, _reference)) = extent(&mut entries, secret) else { break };
            if keep(place) {
                kept.extend_from_slice(entry);
                secrets += 1;
            }
            place += 1;
        }
        let mut bytes = Vec::with_capacity(self.bytes.len());
        bytes.extend_from_slice(&self.bytes[..self.secrets_offset]);
        byte_vec::mls_encode(&kept, &mut bytes).expect("no longer than what it is taken from");
        bytes.extend_from_slice(rest);
        Self { bytes: bytes.into(), secrets, ..self.clone() }
    }
}

/// Moves behind one `EncryptedGroupSecrets` and returns its `new_member`.
fn secret<'a>(reader: &mut &'a [u8]) -> Walk<&'a [u8]> {
    let new_member = vector(reader)?;
    vector(reader)?; // kem_output
    vector(reader)?; // ciphertext
    Ok(new_member)
}

impl fmt::Debug for WireWelcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WireWelcome")
            .field("secrets", &self.secrets)
            .field("length", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl MlsSize for WireWelcome {
    fn mls_encoded_len(&self) -> usize {
        self.bytes.len()
    }
}

impl MlsEncode for WireWelcome {
    fn mls_encode(&self, writer: &mut Vec<u8>) -> Walk<()> {
        writer.extend_from_slice(&self.bytes);
        Ok(())
    }
}

impl MlsDecode for WireWelcome {
    fn mls_decode(reader: &mut &[u8]) -> Walk<Self> {
        let start = reader.len();
        let (bytes, (cipher_suite, secrets_offset, secrets)) = extent(reader, |reader| {
            ProtocolVersion::mls_decode(reader)?;
            if u16::mls_decode(reader)? != 3 {
                return Err(Fault::WireFormat.into());
            }
            let cipher_suite = CipherSuite::mls_decode(reader)?;
            let secrets_offset = start - reader.len();
            let mut entries = vector(reader)?;
            let mut secrets = 0;
            while !entries.is_empty() {
                secret(&mut entries)?;
                secrets += 1;
            }
            vector(reader)?; // encrypted_group_info
            Ok((cipher_suite, secrets_offset, secrets))
        })?;
        Ok(Self { bytes: Bytes::copy_from_slice(bytes), secrets_offset, secrets, cipher_suite })
    }
}
