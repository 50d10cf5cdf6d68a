//! Requests with messages of 600 bytes that differ from each other.

use mls_rs_codec::MlsEncode;
use restante::{
    mls::WireMessage,
    wire::{PartitionKey, ReceiveRequest, SendRequest, encode},
};
use sha2::{Digest, Sha256};

pub(crate) const MESSAGE_BYTES: usize = 600;
pub(crate) const SERVICE_TOKEN: &str = "a token that only this measurement knows";

/// The partition key of the group with that number.
pub(crate) fn partition_key(group: usize) -> PartitionKey {
    let digest: [u8; 32] = Sha256::digest(group.to_be_bytes()).into();
    PartitionKey::new(*digest.first_chunk().unwrap())
}

/// A PrivateMessage with application content, as members make them: head in clear, the rest looks random.
pub(crate) fn send_request(group_id: &[u8], group: usize, number: u64) -> SendRequest {
    let mut message = vec![0, 1, 0, 2];
    vector(group_id, &mut message);
    message.extend_from_slice(&1_u64.to_be_bytes());
    message.push(1);
    message.push(0);
    vector(&[7; 28], &mut message);
    let ciphertext_bytes = MESSAGE_BYTES - message.len() - 2;
    let mut ciphertext = vec![0x5a; ciphertext_bytes];
    ciphertext[..8].copy_from_slice(&number.to_be_bytes());
    vector(&ciphertext, &mut message);
    assert_eq!(message.len(), MESSAGE_BYTES);
    SendRequest {
        message: WireMessage::parse(&message).unwrap(),
        partition_key: partition_key(group),
        commit_data: None,
    }
}

pub(crate) fn receive_request(group_id: &[u8], group: usize, counter: u32) -> Vec<u8> {
    encode(&ReceiveRequest { group_id: group_id.to_vec(), partition_key: partition_key(group), counter }).unwrap()
}

pub(crate) fn token() -> String {
    SERVICE_TOKEN.replace(' ', "-")
}

fn vector(content: &[u8], out: &mut Vec<u8>) {
    mls_rs_codec::VarInt::try_from(content.len()).unwrap().mls_encode(out).unwrap();
    out.extend_from_slice(content);
}
