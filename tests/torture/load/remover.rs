//! Somebody who founds groups, fills them, and deletes them, so that retention has something to remove.

use std::time::Duration;

use restante::wire::{DeleteGroupRequest, PartitionKey};

use super::{Load, sending::Message};
use crate::{model::Spot, world::Provider};

/// How many groups are deleted between two leaps of the clock.
const EACH: usize = 2;
/// More than one step of retention removes.
const MESSAGES: usize = 12;
const BYTES: usize = 100_000;

pub(super) async fn remove(mut load: Load, at: Provider) {
    let user = load.world.user(at, "remover");
    let (mut leaps, mut deleted) = (0, 0);
    while !load.is_stopping() {
        let now = load.model.groups().leaps();
        if now != leaps {
            (leaps, deleted) = (now, 0);
        }
        if deleted == EACH {
            load.rest(Duration::from_millis(200)).await;
            continue;
        }
        let Some(group) = load.found(at, &user, false).await else { return };
        let spot = Spot { group, number: 0 };
        for number in 0..MESSAGES {
            let message = Message::application(&load, spot, format!("doomed {number} of group {group}"), BYTES);
            if message.send(&load, &user).await.is_none() {
                return;
            }
        }
        let group_id = load.model.groups().id(group);
        let request = DeleteGroupRequest { group_id, partition_key: PartitionKey::new(spot.key()) };
        let asked_ms = load.world.now_ms();
        if load.answered("deleting a group", async || user.delete_group(&request).await).await.is_none() {
            return;
        }
        load.model.groups().delete(group, asked_ms);
        deleted += 1;
    }
}
