//! One provider, as a client of the hub.

use std::time::Duration;

use restante::{
    client::http::{Channel, ChannelRequest, DS_NEXT_INDEX, Operation, PeerChannel},
    wire::{ReceiveResponse, decode},
};

use crate::group::Group;

/// As long as a hub lets receives wait.
const WAIT: Duration = Duration::from_secs(50);

#[derive(Clone)]
pub(crate) struct Peer(PeerChannel);

/// What a receive brought.
pub(crate) struct Page {
    pub(crate) messages: usize,
    pub(crate) next: u32,
}

impl Peer {
    pub(crate) fn new(channel: PeerChannel) -> Self {
        Self(channel)
    }

    pub(crate) async fn send(&self, group: &Group) {
        let answer = self.0.post(ChannelRequest::new(Operation::Send, group.send_request())).await.unwrap();
        assert!(answer.status.is_success(), "{answer:?}");
    }

    /// Has everything pushed to this provider that comes from now on.
    pub(crate) async fn subscribe(&self, group: &Group) {
        let answer = self.0.post(ChannelRequest::new(Operation::Subscribe, group.subscribe_request())).await.unwrap();
        assert!(answer.status.is_success(), "{answer:?}");
    }

    /// What is there.
    pub(crate) async fn look(&self, group: &Group, counter: u32) -> Page {
        self.receive(group, counter, Duration::ZERO).await
    }

    /// What is there, or comes while the hub lets it wait.
    pub(crate) async fn wait(&self, group: &Group, counter: u32) -> Page {
        self.receive(group, counter, WAIT).await
    }

    async fn receive(&self, group: &Group, counter: u32, wait: Duration) -> Page {
        let request =
            ChannelRequest { wait, ..ChannelRequest::new(Operation::Receive, group.receive_request(counter)) };
        let answer = self.0.post(request).await.unwrap();
        assert!(answer.status.is_success(), "{answer:?}");
        let next = answer.headers[DS_NEXT_INDEX].to_str().unwrap().parse().unwrap();
        Page { messages: decode::<ReceiveResponse>(&answer.body).unwrap().epoch.messages.len(), next }
    }
}
