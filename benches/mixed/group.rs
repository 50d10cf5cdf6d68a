//! The model of one group: what was sent, and so what has to come back.
//!
//! Messages are made from their places. One sends after another, so what is acknowledged stands in that order, and every
//! answer can be foreseen.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use restante::wire::Message;

use crate::traffic::{self, Content, Place};

pub(crate) struct Group {
    pub(crate) number: u64,
    pub(crate) id: Vec<u8>,
    /// Where the next message goes; held by whoever sends it.
    pub(crate) turn: tokio::sync::Mutex<Turn>,
    /// What the reader has not read yet.
    awaited: Mutex<VecDeque<Awaited>>,
    /// How many messages the epochs have that are over.
    lengths: Mutex<Vec<u32>>,
    acknowledged: AtomicU64,
    read: AtomicU64,
    /// Nobody knows any more what is in it.
    lost: AtomicBool,
}

pub(crate) struct Turn {
    pub(crate) place: Place,
    pub(crate) index: u32,
}

/// A message on its way to the reader.
pub(crate) struct Awaited {
    /// When its send should have begun.
    pub(crate) planned: Instant,
    pub(crate) content: Content,
}

impl Group {
    pub(crate) fn new(number: u64, id: Vec<u8>) -> Self {
        let turn = Turn { place: Place { group: number, epoch: 0 }, index: 0 };
        Self {
            number,
            id,
            turn: tokio::sync::Mutex::new(turn),
            awaited: Mutex::default(),
            lengths: Mutex::default(),
            acknowledged: AtomicU64::new(0),
            read: AtomicU64::new(0),
            lost: AtomicBool::new(false),
        }
    }

    /// A message is sent: the reader is to have it.
    pub(crate) fn expect(&self, planned: Instant, content: Content) {
        lock(&self.awaited).push_back(Awaited { planned, content });
    }

    /// It was acknowledged. A commit ends its epoch.
    pub(crate) fn acknowledge(&self, turn: &mut Turn, content: Content) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        turn.index += 1;
        if content == Content::Commit {
            lock(&self.lengths).push(turn.index);
            *turn = Turn { place: turn.place.next(), index: 0 };
        }
    }

    /// What the reader has before it, if it is this message at that place.
    pub(crate) fn read(&self, place: Place, index: u32, message: &Message) -> Option<Awaited> {
        let next = lock(&self.awaited).pop_front()?;
        if !self.is_at(place, index, next.content, message) {
            return None;
        }
        self.read.fetch_add(1, Ordering::Relaxed);
        Some(next)
    }

    /// Whether it is what was sent to that place, byte for byte.
    pub(crate) fn is_at(&self, place: Place, index: u32, content: Content, message: &Message) -> bool {
        let is_commit = content == Content::Commit;
        let announces =
            message.commit.as_ref().is_some_and(|commit| commit.next_partition_key == place.next().key().masked());
        let bytes = traffic::message(&self.id, place.epoch, content, number(place, index));
        *message.message.bytes() == bytes && message.commit.is_some() == is_commit && announces == is_commit
    }

    /// An epoch that is over, and how many messages it has, the commit at its end among them.
    pub(crate) fn old_epoch(&self, random: &mut traffic::Random) -> Option<(Place, u32)> {
        let lengths = lock(&self.lengths);
        let epoch = (!lengths.is_empty()).then(|| random.below(lengths.len()))?;
        Some((Place { group: self.number, epoch: u64::try_from(epoch).ok()? }, lengths[epoch]))
    }

    /// How many messages were acknowledged, and how many of them were read.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.acknowledged.load(Ordering::Relaxed), self.read.load(Ordering::Relaxed))
    }

    /// Whether the reader has everything.
    pub(crate) fn is_read(&self) -> bool {
        lock(&self.awaited).is_empty()
    }

    pub(crate) fn lose(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

/// The number that the message at a place is made from. No two places have the same.
pub(crate) fn number(place: Place, index: u32) -> u64 {
    assert!(place.epoch < 1 << 24 && index < 1 << 20, "places fit into a number");
    (place.group << 44) | (place.epoch << 20) | u64::from(index)
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
