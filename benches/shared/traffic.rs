//! Groups, partition keys and messages that are made from numbers: who knows the numbers can make them again, and so
//! check what comes back.

#[path = "../../tests/fixtures/splitmix.rs"]
mod splitmix;

use mls_rs_codec::{MlsEncode, VarInt};
use restante::{
    mls::{CipherSuite, EpochNumber, ProtocolVersion, WireMessage},
    wire::{CommitData, CreateGroupRequest, PartitionKey, ReceiveRequest, SendRequest, WelcomeData},
};
use sha2::{Digest, Sha256};

/// The length of every message, commits as well.
pub(crate) const MESSAGE_BYTES: usize = 600;

/// What a message is, in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Application = 1,
    Commit = 3,
}

/// The place of a partition: the number of its group, and that of its epoch, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) group: u64,
    pub(crate) epoch: u64,
}

impl Place {
    pub(crate) fn key(self) -> PartitionKey {
        let digest: [u8; 32] = Sha256::digest([self.group.to_be_bytes(), self.epoch.to_be_bytes()].concat()).into();
        PartitionKey::new(*digest.first_chunk().unwrap())
    }

    /// The next epoch of the same group.
    pub(crate) fn next(self) -> Self {
        Self { epoch: self.epoch + 1, ..self }
    }
}

/// The group with that number, at its first epoch.
pub(crate) fn create_request(group_id: &[u8], group: u64) -> CreateGroupRequest {
    CreateGroupRequest {
        group_id: group_id.to_vec(),
        partition_key: Place { group, epoch: 0 }.key(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
        epoch: EpochNumber(0),
        group_info: None,
        ratchet_tree: None,
        welcome_data: None,
    }
}

/// An application message.
pub(crate) fn application(group_id: &[u8], place: Place, number: u64) -> SendRequest {
    let message = WireMessage::parse(&message(group_id, place.epoch, Content::Application, number)).unwrap();
    SendRequest { message, partition_key: place.key(), commit_data: None }
}

/// An encrypted commit that opens the next epoch.
pub(crate) fn commit(group_id: &[u8], place: Place, number: u64, welcome_data: Option<WelcomeData>) -> SendRequest {
    let message = WireMessage::parse(&message(group_id, place.epoch, Content::Commit, number)).unwrap();
    let commit_data = CommitData { next_partition_key: place.next().key(), group_info: None, welcome_data };
    SendRequest { message, partition_key: place.key(), commit_data: Some(commit_data) }
}

pub(crate) fn receive(group_id: &[u8], place: Place, counter: u32) -> ReceiveRequest {
    ReceiveRequest { group_id: group_id.to_vec(), partition_key: place.key(), counter }
}

/// A PrivateMessage as members make them: head in clear, the rest cannot be told from random bytes and cannot be
/// compressed. No two numbers make the same.
pub(crate) fn message(group_id: &[u8], epoch: u64, content: Content, number: u64) -> Vec<u8> {
    let mut random = Random::new(number);
    let mut message = Vec::with_capacity(MESSAGE_BYTES);
    message.extend([0, 1, 0, 2]);
    vector(group_id, &mut message);
    message.extend(epoch.to_be_bytes());
    message.extend([content as u8, 0]);
    let mut sender_data = [0; 28];
    random.fill(&mut sender_data);
    vector(&sender_data, &mut message);
    let mut ciphertext = vec![0; MESSAGE_BYTES - message.len() - 2];
    random.fill(&mut ciphertext);
    vector(&ciphertext, &mut message);
    assert_eq!(message.len(), MESSAGE_BYTES);
    message
}

/// No two seeds give the same sequence, and what is drawn looks like noise.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        splitmix::next(&mut self.0)
    }

    /// One of `0..bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes);
        bytes
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_be_bytes()[..chunk.len()]);
        }
    }
}

/// `opaque x<V>` (RFC 9420 §2.1.2).
pub(crate) fn vector(content: &[u8], out: &mut Vec<u8>) {
    VarInt::try_from(content.len()).unwrap().mls_encode(out).unwrap();
    out.extend_from_slice(content);
}
