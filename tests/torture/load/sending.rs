//! Sending something, and telling the model.

use restante::{
    client::ProblemCode,
    wire::{SendRequest, SendResponse, decode},
};

use super::Load;
use crate::{
    fixtures::{
        mls,
        requests::{self, Attached},
    },
    model::{Spot, digest},
    site::User,
};

/// Something to be sent.
pub(crate) struct Message {
    spot: Spot,
    label: String,
    request: SendRequest,
}

impl Message {
    /// An application message with so many bytes behind its label.
    pub(crate) fn application(load: &Load, spot: Spot, label: String, bytes: usize) -> Self {
        let payload = [label.as_bytes(), &vec![b'.'; bytes]].concat();
        let (id, epoch) = place(load, spot);
        let request = requests::send(&mls::application(&id, epoch, &payload), spot.key());
        Self { spot, label, request: decode(&request).unwrap() }
    }

    /// A commit that leads to the partition of that number.
    pub(super) fn commit(load: &Load, spot: Spot, next: u32, label: String, welcome: Option<Vec<u8>>) -> Self {
        let (id, epoch) = place(load, spot);
        let attached = Attached { group_info: None, welcome_data: welcome };
        let next = Spot { number: next, ..spot }.key();
        let commit = mls::commit(&id, epoch, label.as_bytes());
        let request = requests::send_commit(&commit, spot.key(), next, &attached);
        Self { spot, label, request: decode(&request).unwrap() }
    }

    /// Sends it until it is acknowledged. Nothing if it was refused, which is a violation.
    pub(super) async fn send(&self, load: &Load, user: &User) -> Option<SendResponse> {
        self.announce(load);
        let receipt = load.answered(&self.label, async || user.send(&self.request, None).await).await?;
        let message = digest(self.request.message.bytes());
        load.model.hold(load.model.groups().receive(self.spot, message, receipt));
        Some(receipt)
    }

    /// Sends it once, and goes away without an answer if there is none: it may be there or not.
    pub(super) async fn send_once(&self, load: &Load, user: &User) {
        self.announce(load);
        match user.send(&self.request, None).await {
            Ok(receipt) => {
                let message = digest(self.request.message.bytes());
                load.model.hold(load.model.groups().receive(self.spot, message, receipt));
                load.model.acknowledge();
            }
            Err(error) if error.is_transient() => load.model.wonder(),
            Err(error) => load.model.hold(Err(format!("{}: refused: {error}", self.label))),
        }
    }

    /// Sends it until it is refused for that reason. The model is not told: nobody may ever read it.
    pub(crate) async fn send_in_vain(&self, load: &Load, user: &User, reason: ProblemCode) {
        load.refused(&self.label, reason, async || user.send(&self.request, None).await).await;
    }

    fn announce(&self, load: &Load) {
        load.model.groups().send(self.spot, digest(self.request.message.bytes()), self.label.clone());
    }
}

/// The group's id, and the partition's epoch.
fn place(load: &Load, spot: Spot) -> (Vec<u8>, u64) {
    let groups = load.model.groups();
    (groups.id(spot.group), groups.epoch(spot))
}
