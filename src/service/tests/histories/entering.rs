//! Coming in from outside, as a newcomer or in the place of an old leaf (specs/protocol.md §13).

use super::{
    forest::Key,
    world::{MAIN, World},
};
use crate::{
    client::{JoinOptions, PartitionedGroup, own_leaves},
    sequencer::Rejection,
    service::{Error, setup::provider},
    wire::{GroupInfoRequest, GroupInfoResponse},
};

impl World {
    /// Somebody who is out comes in from outside.
    pub(super) async fn come(&mut self, who: usize) {
        let Some(who) = self.pick(who, |device| !device.is_malicious && !device.is_member()) else { return };
        let Some((published, _)) = self.published(who).await else { return };
        Box::pin(self.enter(who, &published)).await;
    }

    /// What the hub gives to newcomers, and of which partition it is.
    async fn published(&mut self, who: usize) -> Option<(GroupInfoResponse, Key)> {
        let request = GroupInfoRequest { group_id: self.group_ids[MAIN].clone() };
        let service = self.hub().service.clone();
        match service.group_info(&self.devices[who].submitter(), &request, None).await {
            Ok(answer) => Some((answer.response, answer.partition)),
            Err(Error::Rejected(Rejection::NoGroupInfo)) => {
                self.note("no GroupInfo");
                None
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Joins in the place of an old leaf, if there is one. Says whether the hub took it.
    async fn enter(&mut self, who: usize, published: &GroupInfoResponse) -> bool {
        let id = self.group_ids[MAIN].clone();
        let device = &mut self.devices[who];
        let old_leaf = own_leaves(&device.client, &id, published).unwrap().first().copied();
        let options = JoinOptions { group_info: true, old_leaf };
        let hub = provider("hub.example");
        // What was there is of use until the hub has let somebody in.
        let kept = device.group.take();
        device.client.group_state_storage().delete_group(&id);
        let joined = PartitionedGroup::join_externally(&device.client, hub, &id, published, &options);
        let (group, request) = match joined {
            Ok(made) => made,
            Err(error) => {
                device.group = kept;
                device.save().await;
                self.outcome("cannot join", &format!("{error}"));
                return false;
            }
        };
        if self.join(who, &request).await.is_err() {
            self.devices[who].group = kept;
            self.devices[who].save().await;
            return false;
        }
        let by = self.arrivals[&group.masked_partition_key()];
        self.devices[who].forget(&id);
        self.devices[who].enter(group, Some(by)).await;
        self.tell(who);
        true
    }

    /// Goes where the hub leads newcomers, if that is another branch: its user has decided so (C9, C11). Says whether it is
    /// where they are now, as far as the hub let it.
    pub(super) async fn rejoin(&mut self, who: usize) -> bool {
        let Some((published, partition)) = self.published(who).await else { return false };
        self.read_up(who).await;
        let device = &self.devices[who];
        if !device.is_member() || device.past.visits.iter().any(|visit| visit.partition == partition) {
            return true;
        }
        let (name, place) = (device.name, self.name(partition));
        self.outcome("on a fork", &format!("{name} is not on the way to {place}"));
        Box::pin(self.enter(who, &published)).await
    }
}
