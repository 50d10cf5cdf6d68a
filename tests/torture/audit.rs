//! Whether everything that was acknowledged is there, and nothing that was deleted.

use std::{collections::HashMap, time::Duration};

use futures_util::{StreamExt, stream};
use restante::{
    client::ProblemCode,
    wire::{ReceiveRequest, decode},
};

use crate::{
    fixtures::requests,
    load::{Load, Message},
    model::{Digest, Spot, digest},
    world::Provider,
};

/// From where a group is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// From its own hub.
    Hub,
    /// From the other provider.
    Follower,
}

/// So many partitions are read at the same time.
const AT_ONCE: usize = 8;

/// Reads these partitions and compares what is there with what was promised.
pub(crate) async fn look(load: &Load, from: From, spots: &[Spot]) {
    stream::iter(spots).for_each_concurrent(AT_ONCE, |spot| look_at(load, from, *spot)).await;
}

/// The same of so many groups that were deleted, which take nothing any more. What is there can be read until retention
/// removes it (specs/protocol.md, G8), and nothing of it comes again.
pub(crate) async fn look_at_deleted(load: &Load, from: From, most: usize) {
    let spots = load.model.groups().deleted(most);
    stream::iter(&spots).for_each_concurrent(AT_ONCE, |spot| look_at_end(load, from, *spot)).await;
}

async fn look_at_end(load: &Load, from: From, spot: Spot) {
    look_at(load, from, spot).await;
    let user = load.world.user(at(load, from, spot), "auditor");
    let message = Message::application(load, spot, format!("something behind the end of {spot:?}"), 0);
    message.send_in_vain(load, &user, ProblemCode::GroupDeleted).await;
}

/// Whom to ask.
fn at(load: &Load, from: From, spot: Spot) -> Provider {
    let hub = load.model.groups().hub(spot.group);
    if from == From::Hub { hub } else { hub.other() }
}

async fn look_at(load: &Load, from: From, spot: Spot) {
    let at = at(load, from, spot);
    let promised = load.model.groups().promised(spot, load.world.now_ms());
    if let Some(found) = read(load, at, spot).await {
        compare(load, spot, &promised, &found);
    }
}

/// Every message of a partition, by index. Nothing if somebody was refused, which is a violation by itself.
async fn read(load: &Load, at: Provider, spot: Spot) -> Option<HashMap<u32, Digest>> {
    let user = load.world.user(at, "auditor");
    let id = load.model.groups().id(spot.group);
    let (mut found, mut counter) = (HashMap::new(), 0);
    loop {
        let request: ReceiveRequest = decode(&requests::receive(&id, spot.key(), counter)).unwrap();
        let page = load.answered("an audit", async || user.receive(&request, Duration::ZERO).await).await?;
        let messages = &page.response.epoch.messages;
        let digests: Vec<_> = messages.iter().map(|message| digest(message.message.bytes())).collect();
        let first = page.first_index.unwrap_or(counter);
        if first != counter && !load.model.groups().may_begin_later(spot, load.world.now_ms()) {
            load.model.hold(Err(format!("{spot:?}: after {counter} comes {first}")));
        }
        load.model.hold(load.model.groups().read(spot, first, &digests, load.world.now_ms()));
        counter = first + u32::try_from(digests.len()).unwrap();
        found.extend((first..).zip(digests));
        if !page.more {
            return Some(found);
        }
    }
}

fn compare(load: &Load, spot: Spot, promised: &[(u32, Digest)], found: &HashMap<u32, Digest>) {
    let groups = load.model.groups();
    for (index, message) in promised {
        if found.get(index) != Some(message) {
            let label = groups.label(spot, message);
            let instead = found.get(index).map_or_else(|| "nothing".to_owned(), |other| groups.label(spot, other));
            load.model.hold(Err(format!("{spot:?}: {label} was acknowledged at {index}, and there is {instead}")));
        }
    }
}
