//! Everything that went between the devices of a group and their providers, in order of the answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::cast::Seat;
use crate::{
    client::http::{ChannelError, ChannelRequest, ChannelResponse, Operation},
    mls::ContentType,
    wire::{ExternalJoinRequest, ReceiveResponse, SendRequest, SendResponse, decode},
};

/// A request and what became of it.
#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) seat: &'static Seat,
    pub(super) request: ChannelRequest,
    pub(super) outcome: Result<ChannelResponse, ChannelError>,
}

impl Exchange {
    /// What was sent, if this is a send.
    pub(super) fn sent(&self) -> Option<SendRequest> {
        (self.request.operation == Operation::Send).then(|| decode(&self.request.body).ok()).flatten()
    }

    /// The commit that was sent, if this is one.
    pub(super) fn commit(&self) -> Option<SendRequest> {
        self.sent().filter(|sent| sent.message.content_type() == ContentType::Commit)
    }

    /// The join from outside that was sent, if this is one.
    pub(super) fn join(&self) -> Option<ExternalJoinRequest> {
        (self.request.operation == Operation::ExternalJoin).then(|| decode(&self.request.body).ok()).flatten()
    }

    /// The answer to a send that was sequenced.
    pub(super) fn acknowledgement(&self) -> Option<SendResponse> {
        (self.request.operation == Operation::Send).then(|| decode(self.success()?).ok()).flatten()
    }

    /// The answer to a receive.
    pub(super) fn received(&self) -> Option<ReceiveResponse> {
        (self.request.operation == Operation::Receive).then(|| decode(self.success()?).ok()).flatten()
    }

    /// The HTTP status, if there was an answer.
    pub(super) fn status(&self) -> Option<u16> {
        self.outcome.as_ref().ok().map(|response| response.status.as_u16())
    }

    fn success(&self) -> Option<&[u8]> {
        self.outcome.as_ref().ok().filter(|response| response.status.is_success()).map(|response| &response.body[..])
    }
}

/// The exchanges of one group. Clones write to the same list.
#[derive(Clone)]
pub(super) struct Record {
    exchanges: Arc<Mutex<Vec<Exchange>>>,
    acknowledged: Arc<watch::Sender<usize>>,
}

/// A place in the record, to look at what came after.
#[derive(Clone, Copy)]
pub(super) struct Mark(usize);

impl Record {
    pub(super) fn new() -> Self {
        Self { exchanges: Arc::default(), acknowledged: Arc::new(watch::Sender::new(0)) }
    }

    pub(super) fn push(&self, exchange: Exchange) {
        let acknowledged = exchange.acknowledgement().is_some();
        self.list().push(exchange);
        if acknowledged {
            self.acknowledged.send_modify(|count| *count += 1);
        }
    }

    /// Now.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.list().len())
    }

    /// What came since.
    pub(super) fn since(&self, mark: Mark) -> Vec<Exchange> {
        self.list().get(mark.0..).unwrap_or_default().to_vec()
    }

    /// Everything.
    pub(super) fn all(&self) -> Vec<Exchange> {
        self.since(Mark(0))
    }

    /// Returns when so many more sends were acknowledged.
    pub(super) async fn acknowledges(&self, more: usize) {
        let mut count = self.acknowledged.subscribe();
        let goal = *count.borrow() + more;
        // The sender lives in `self`.
        let _ = count.wait_for(|count| *count >= goal).await;
    }

    fn list(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
