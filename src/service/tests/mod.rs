//! The use cases on a real database: what is answered, when, and what of it is there after a restart.
//!
//! Nothing here sleeps. Time of day is a [`StoppedClock`](super::setup::StoppedClock); waits are ended by what they wait
//! for, or after a fraction of a second where the end of the wait is what is tested.

mod arrangements;
mod at_hand;
mod backup;
mod conflicts;
mod creating;
mod deleting;
mod deleting_all;
mod denials;
mod following;
mod forks;
mod group_commit;
mod hints;
mod histories;
mod key_packages;
mod leaving;
mod literal;
mod masking;
mod observing;
mod open_proposals;
mod outside;
mod overload;
mod poisoning;
mod pool_lane;
mod rates;
mod reconfigure;
mod repeats;
mod retention;
mod sending;
mod shutdown;
mod sweeping;
mod tally;
mod unread_answers;
mod waiting;
mod welcomes;

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// Runs a future to its first pause: a send has then taken its place in the lane's queue.
fn begin<T>(future: &mut Pin<Box<impl Future<Output = T> + ?Sized>>) {
    let poll = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(poll, Poll::Pending), "it has to wait for the lane");
}
