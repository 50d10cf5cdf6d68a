//! What people do: create a group, say something, commit, read.

use std::time::Duration;

use restante::{
    client::{
        Received,
        http::{CallError, Channel, DeliveryService},
    },
    wire::{CreateGroupRequest, Epoch, ReceiveRequest, SendRequest, SendResponse, decode},
};

use crate::fixtures::{
    mls,
    requests::{self, Attached, CreateGroup},
};

/// The partition key of that number.
pub(crate) fn key(number: u8) -> [u8; 16] {
    [number; 16]
}

/// An application message for the partition of that number.
pub(crate) fn say(group: &[u8], number: u8, text: &str) -> SendRequest {
    decode(&requests::send(&mls::application(group, number.into(), text.as_bytes()), key(number))).unwrap()
}

/// A commit that announces the next partition.
pub(crate) fn commit(group: &[u8], number: u8, next: u8, text: &str) -> SendRequest {
    let message = mls::commit(group, number.into(), text.as_bytes());
    decode(&requests::send_commit(&message, key(number), key(next), &Attached::default())).unwrap()
}

pub(crate) fn receive_request(group: &[u8], number: u8, counter: u32) -> ReceiveRequest {
    decode(&requests::receive(group, key(number), counter)).unwrap()
}

/// What the messages say, in order.
pub(crate) fn texts(epoch: &Epoch) -> Vec<String> {
    let text = |message: &restante::wire::Message| {
        // The ciphertext is the last field, and short.
        let bytes = message.message.bytes();
        let start = (0..bytes.len()).rfind(|at| usize::from(bytes[*at]) == bytes.len() - at - 1).unwrap();
        String::from_utf8(bytes[start + 1..].to_vec()).unwrap()
    };
    epoch.messages.iter().map(text).collect()
}

/// Things that a person does at a provider.
pub(crate) trait Person {
    /// A new group at one's own provider, with the partition of key 0 as its root.
    async fn found(&self) -> Vec<u8>;
    /// Sends an application message.
    async fn say(&self, group: &[u8], number: u8, text: &str) -> Result<SendResponse, CallError>;
    /// Asks without waiting.
    async fn read(&self, group: &[u8], number: u8, counter: u32) -> Result<Received, CallError>;
    /// Asks and waits.
    async fn wait(&self, group: &[u8], number: u8, counter: u32, seconds: u64) -> Result<Received, CallError>;
    /// Everything in a partition, page by page.
    async fn read_all(&self, group: &[u8], number: u8) -> Vec<(u32, String)>;
}

impl<C: Channel> Person for DeliveryService<C> {
    async fn found(&self) -> Vec<u8> {
        let group = self.mint_group_id().await.unwrap().group_id;
        let request: CreateGroupRequest = decode(&CreateGroup::bare(&group, key(0)).encode()).unwrap();
        self.create_group(&request).await.unwrap();
        group
    }

    async fn say(&self, group: &[u8], number: u8, text: &str) -> Result<SendResponse, CallError> {
        self.send(&say(group, number, text), None).await
    }

    async fn read(&self, group: &[u8], number: u8, counter: u32) -> Result<Received, CallError> {
        self.receive(&receive_request(group, number, counter), Duration::ZERO).await
    }

    async fn wait(&self, group: &[u8], number: u8, counter: u32, seconds: u64) -> Result<Received, CallError> {
        self.receive(&receive_request(group, number, counter), Duration::from_secs(seconds)).await
    }

    async fn read_all(&self, group: &[u8], number: u8) -> Vec<(u32, String)> {
        let (mut found, mut counter) = (Vec::new(), 0);
        loop {
            let received = self.read(group, number, counter).await.unwrap();
            let first = received.first_index.unwrap();
            found.extend((first..).zip(texts(&received.response.epoch)));
            counter = received.next_index.unwrap();
            if !received.more {
                return found;
            }
        }
    }
}
