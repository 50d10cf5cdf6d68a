//! One branch of a group at a hub: epoch after epoch of public commits, or of messages as long that nobody can look into.

use mls_rs::{MlsMessage, external_client::ExternalGroup};
use mls_rs_codec::{MlsDecode, MlsEncode};
use restante::{
    mls::{CipherSuite, EpochNumber, ProtocolVersion, WireGroupInfo, WireMessage},
    wire::{CommitData, CreateGroupRequest, PartitionKey, SendRequest, encode},
};
use sha2::{Digest, Sha256};

use crate::{bare, crowd::Crowd};

/// A group whose handshakes the hub sees.
pub(crate) struct Public {
    crowd: Crowd,
    group_id: Vec<u8>,
    epoch: u64,
}

impl Public {
    pub(crate) fn of(group_id: &[u8], members: usize) -> Self {
        let crowd = Crowd::gather(group_id, members);
        let epoch = wire_info(&crowd.group_info()).epoch().0;
        Self { crowd, group_id: group_id.to_vec(), epoch }
    }

    /// With the GroupInfo and the tree in it.
    pub(crate) fn create_request(&self) -> CreateGroupRequest {
        create_request(&self.group_id, self.epoch, Some(wire_info(&self.crowd.group_info())))
    }

    /// The group as mls-rs observes it.
    pub(crate) fn observe(&self) -> ExternalGroup<bare::Config> {
        bare::observe(&self.crowd.group_info())
    }

    /// The next commit, with a GroupInfo without a tree.
    pub(crate) fn next_epoch(&mut self) -> SendRequest {
        let epoch = self.crowd.next_epoch();
        self.epoch += 1;
        let message = WireMessage::parse(&epoch.commit.to_bytes().unwrap()).unwrap();
        send_request(message, &self.group_id, self.epoch, Some(wire_info(&epoch.group_info)))
    }
}

/// A group of which the hub sees nothing.
pub(crate) struct Opaque {
    group_id: Vec<u8>,
    epoch: u64,
}

impl Opaque {
    pub(crate) fn of(group_id: &[u8]) -> Self {
        Self { group_id: group_id.to_vec(), epoch: 1 }
    }

    pub(crate) fn create_request(&self) -> CreateGroupRequest {
        create_request(&self.group_id, self.epoch, None)
    }

    /// An encrypted commit that makes a request of as many bytes.
    pub(crate) fn next_epoch(&mut self, length: usize) -> SendRequest {
        self.epoch += 1;
        let with = |ciphertext: usize| {
            let mut message = vec![0, 1, 0, 2];
            vector(&self.group_id, &mut message);
            message.extend((self.epoch - 1).to_be_bytes());
            message.extend([3, 0]); // a commit, no authenticated data
            vector(&[7; 28], &mut message);
            let mut content = vec![0x5a; ciphertext];
            content[..8].copy_from_slice(&self.epoch.to_be_bytes());
            vector(&content, &mut message);
            send_request(WireMessage::parse(&message).unwrap(), &self.group_id, self.epoch, None)
        };
        let bare = encode(&with(1 << 14)).unwrap().len() - (1 << 14);
        with(length.saturating_sub(bare).max(8))
    }
}

fn create_request(group_id: &[u8], epoch: u64, group_info: Option<WireGroupInfo>) -> CreateGroupRequest {
    CreateGroupRequest {
        group_id: group_id.to_vec(),
        partition_key: partition_key(group_id, epoch),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
        epoch: EpochNumber(epoch),
        group_info,
        ratchet_tree: None,
        welcome_data: None,
    }
}

/// The commit that makes `epoch`.
fn send_request(message: WireMessage, group_id: &[u8], epoch: u64, group_info: Option<WireGroupInfo>) -> SendRequest {
    let next_partition_key = partition_key(group_id, epoch);
    SendRequest {
        message,
        partition_key: partition_key(group_id, epoch - 1),
        commit_data: Some(CommitData { next_partition_key, group_info, welcome_data: None }),
    }
}

/// To the hub a partition key is sixteen bytes that it has not seen.
fn partition_key(group_id: &[u8], epoch: u64) -> PartitionKey {
    let digest: [u8; 32] = Sha256::new().chain_update(group_id).chain_update(epoch.to_be_bytes()).finalize().into();
    PartitionKey::new(*digest.first_chunk().unwrap())
}

fn wire_info(message: &MlsMessage) -> WireGroupInfo {
    WireGroupInfo::mls_decode_exhaustive(&message.to_bytes().unwrap()).unwrap()
}

fn vector(content: &[u8], out: &mut Vec<u8>) {
    mls_rs_codec::VarInt::try_from(content.len()).unwrap().mls_encode(out).unwrap();
    out.extend_from_slice(content);
}
