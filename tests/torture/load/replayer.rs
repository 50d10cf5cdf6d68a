//! Somebody on the way who keeps what clients post, and posts it again.

use super::{Load, sealed, visitor::Host};
use crate::{relay::RELAY, site::FOLLOWER, world::Provider};

/// A copy is of use as long as its date passes, and that is not much longer than a minute.
const COPIES_MAX: usize = 8;

/// A request that was answered with a KeyPackage; what opens one more answer to it.
struct Copy {
    request: Vec<u8>,
    context: ohttp::ClientResponse,
}

pub(super) async fn replay(mut load: Load) {
    let mut dice = load.dice(Provider::Follower, "replayer");
    // Nobody else fetches of this host: what is missing was given to this one.
    let Some(host) = Host::new(&load, "watched".to_owned()).await else { return };
    let mut copies: Vec<Copy> = Vec::new();
    while !load.is_stopping() {
        let Some(before) = host.available(&load).await else { return };
        if before < 2 {
            if host.upload(&load).await.is_none() {
                return;
            }
            continue;
        }
        if copies.len() < COPIES_MAX && dice.percent(50) {
            let copy = ask(&load, &host).await;
            let Some(after) = host.available(&load).await else { return };
            match copy {
                // It was answered, and with something.
                Some(copy) if after + 1 == before => copies.push(copy),
                _ => load.retry().await,
            }
        } else if !copies.is_empty() {
            let Copy { request, context } = copies.swap_remove(dice.below(copies.len()));
            if let Some((200, body)) = post(&load, &request).await {
                let Some(after) = host.available(&load).await else { return };
                let status = sealed::open(context, &body);
                if status == Some(200) || after != before {
                    let what = format!("a copy of an answered request: {status:?}, {before} and then {after} left");
                    load.model.hold(Err(what));
                } else if status == Some(409) {
                    load.model.packages().copies_refused += 1;
                }
            }
        }
        let pause = dice.millis(20, 250);
        load.rest(pause).await;
    }
}

/// A request that was answered; the answer is not opened.
async fn ask(load: &Load, host: &Host) -> Option<Copy> {
    let (relay, token) = load.world.relay();
    let head = format!("GET /v1/relay/{FOLLOWER}/keys HTTP/1.1\r\nproxy-authorization: Bearer {token}\r\n");
    let (200, list) = sealed::exchange(&load.world, (RELAY, relay), &head, b"").await? else { return None };
    let (request, context) = sealed::encapsulate_bundle(&list, host.request(&host.token), load.world.now())?;
    let (200, _) = post(load, &request).await? else { return None };
    Some(Copy { request, context })
}

async fn post(load: &Load, request: &[u8]) -> Option<(u16, Vec<u8>)> {
    let (relay, token) = load.world.relay();
    let head = format!(
        "POST /v1/relay/{FOLLOWER} HTTP/1.1\r\nproxy-authorization: Bearer {token}\r\n\
         content-type: message/ohttp-req\r\n"
    );
    sealed::exchange(&load.world, (RELAY, relay), &head, request).await
}
