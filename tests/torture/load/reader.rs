//! Somebody who reads along, waiting for what comes: at the hub, or where it is pushed to.

use std::time::Duration;

use restante::wire::{ReceiveRequest, decode};

use super::Load;
use crate::{fixtures::requests, model::digest, world::Provider};

/// How long one request waits.
const WAIT: Duration = Duration::from_secs(2);
/// Then it is another partition's turn.
const PAGES: usize = 10;

pub(super) async fn read(mut load: Load, at: Provider, name: String) {
    let mut dice = load.dice(at, &name);
    let user = load.world.user(at, &name);
    while !load.is_stopping() {
        let spot = load.model.groups().pick(&mut dice);
        let Some(spot) = spot else {
            load.rest(Duration::from_millis(50)).await;
            continue;
        };
        let id = load.model.groups().id(spot.group);
        let mut counter = 0;
        for _page in 0..PAGES {
            let request: ReceiveRequest = decode(&requests::receive(&id, spot.key(), counter)).unwrap();
            let Some(page) = load.answered("a receive", async || user.receive(&request, WAIT).await).await else {
                return;
            };
            let messages = &page.response.epoch.messages;
            let digests: Vec<_> = messages.iter().map(|message| digest(message.message.bytes())).collect();
            let first = page.first_index.unwrap_or(counter);
            load.model.hold(load.model.groups().read(spot, first, &digests, load.world.now_ms()));
            counter = page.next_index.unwrap_or(first + u32::try_from(digests.len()).unwrap());
            if digests.is_empty() || load.is_stopping() {
                break;
            }
        }
    }
}
