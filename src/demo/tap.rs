//! The wire of one device, where the demo listens, and where it does some harm.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::{
    cast::Seat,
    record::{Exchange, Record},
};
use crate::{
    client::http::{Channel, ChannelError, ChannelRequest, ChannelResponse, LocalClient, Operation},
    wire::{PartitionKey, SendRequest, decode, encode},
};

/// A device's channel to the local listener of its provider. Clones are the same wire.
#[derive(Clone)]
pub(super) struct Tap {
    channel: LocalClient,
    seat: &'static Seat,
    record: Record,
    harm: Arc<Mutex<Harm>>,
}

/// What befalls the next send.
#[derive(Default)]
struct Harm {
    /// It waits for this.
    hold: Option<oneshot::Receiver<()>>,
    /// It asks for a place without saying which commit it expects to be the last one.
    careless: bool,
    /// It announces another partition key than that of the epoch which its commit creates.
    wrong_key: bool,
    /// Its answer does not arrive.
    deaf: bool,
}

impl Tap {
    pub(super) fn new(channel: LocalClient, seat: &'static Seat, record: Record) -> Self {
        Self { channel, seat, record, harm: Arc::default() }
    }

    pub(super) fn seat(&self) -> &'static Seat {
        self.seat
    }

    /// Holds the next send until the sender is used or dropped.
    pub(super) fn hold_next_send(&self) -> oneshot::Sender<()> {
        let (release, hold) = oneshot::channel();
        self.harm().hold = Some(hold);
        release
    }

    /// Takes the expectation from the next send.
    pub(super) fn forget_next_expectation(&self) {
        self.harm().careless = true;
    }

    /// Makes the next send announce a wrong partition key, as a client with a bug would.
    pub(super) fn spoil_next_commit(&self) {
        self.harm().wrong_key = true;
    }

    /// Loses the answer to the next send, as a network would.
    pub(super) fn lose_next_answer(&self) {
        self.harm().deaf = true;
    }

    fn harm(&self) -> MutexGuard<'_, Harm> {
        self.harm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channel for Tap {
    async fn post(&self, mut request: ChannelRequest) -> Result<ChannelResponse, ChannelError> {
        let mut harm = Harm::default();
        if request.operation == Operation::Send {
            harm = std::mem::take(&mut *self.harm());
        }
        if let Some(hold) = harm.hold {
            // Dropping the other end releases too.
            let _ = hold.await;
        }
        if harm.careless {
            request.expect_commit = None;
        }
        if harm.wrong_key
            && let Some(body) = with_wrong_key(&request.body)
        {
            request.body = body.into();
        }
        let mut outcome = self.channel.post(request.clone()).await;
        if harm.deaf {
            outcome = Err(ChannelError::Broken);
        }
        self.record.push(Exchange { seat: self.seat, request, outcome: outcome.clone() });
        outcome
    }
}

fn with_wrong_key(body: &[u8]) -> Option<Vec<u8>> {
    let mut request: SendRequest = decode(body).ok()?;
    let commit = request.commit_data.as_mut()?;
    commit.next_partition_key = PartitionKey::new(commit.next_partition_key.as_bytes().map(|byte| !byte));
    encode(&request).ok()
}
