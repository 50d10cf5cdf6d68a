//! A group with one partition, and how much is in it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bytes::Bytes;
use restante::wire::encode;

use crate::message;

/// A repeated message would be answered without a write: no two of a run are alike.
static NUMBER: AtomicU64 = AtomicU64::new(0);

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

    /// The counter of whoever has all that was sent to it.
    pub(crate) fn end(&self) -> u32 {
        self.length.load(Ordering::Relaxed)
    }
}
