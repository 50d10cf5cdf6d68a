//! A group with one partition, and how much is in it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bytes::Bytes;
use restante::wire::{SubscribeRequest, encode};

use crate::message;

/// A repeated message would be answered without a write: no two of a run are alike.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Longer than anything here takes.
const LEASE_SECONDS: u32 = 3600;

pub(crate) struct Group {
    id: Vec<u8>,
    number: usize,
    length: AtomicU32,
}

impl Group {
    pub(crate) fn new(id: Vec<u8>, number: usize) -> Self {
        Self { id, number, length: AtomicU32::new(0) }
    }

    /// The next message for it.
    pub(crate) fn send_request(&self) -> Bytes {
        self.length.fetch_add(1, Ordering::Relaxed);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        encode(&message::send_request(&self.id, self.number, number)).unwrap().into()
    }

    pub(crate) fn receive_request(&self, counter: u32) -> Bytes {
        message::receive_request(&self.id, self.number, counter).into()
    }

    /// For everything from now on.
    pub(crate) fn subscribe_request(&self) -> Bytes {
        let (group_id, partition_key) = (self.id.clone(), message::partition_key(self.number));
        encode(&SubscribeRequest { group_id, partition_key, from_counter: self.end(), ttl_seconds: LEASE_SECONDS })
            .unwrap()
            .into()
    }

    pub(crate) fn is_of(&self, group_id: &[u8]) -> bool {
        self.id == group_id
    }

    /// The counter of whoever has all that was sent to it.
    pub(crate) fn end(&self) -> u32 {
        self.length.load(Ordering::Relaxed)
    }
}
