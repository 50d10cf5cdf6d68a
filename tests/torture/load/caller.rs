//! Somebody who calls a service behind the gateway that stands alone, and somebody on the way who posts the calls again.

use super::{Load, sealed};
use crate::{
    gateway::{GATEWAY, PATH},
    world::Provider,
};

/// A copy is of use as long as its date passes, and that is not much longer than a minute.
const COPIES_MAX: usize = 8;

pub(super) async fn call(mut load: Load, name: String) {
    let mut dice = load.dice(Provider::Hub, &name);
    let mut copies: Vec<Vec<u8>> = Vec::new();
    let mut number = 0;
    while !load.is_stopping() {
        let pause = dice.millis(5, 80);
        load.rest(pause).await;
        if !copies.is_empty() && dice.percent(30) {
            // Whatever it is answered: its origin notices if it gets there.
            let copy = copies.swap_remove(dice.below(copies.len()));
            match post(&load, &copy).await {
                Some(_) => load.model.calls().copied(),
                None => load.retry().await,
            }
            continue;
        }
        let place = (GATEWAY, load.world.lone_gateway.address);
        let head = "GET /.well-known/ohttp-gateway HTTP/1.1\r\n";
        let Some((200, list)) = sealed::exchange(&load.world, place, head, b"").await else {
            load.retry().await;
            continue;
        };
        number += 1;
        let call = format!("{name} {number}");
        let leaps = load.model.groups().leaps();
        let target = sealed::Target { authority: GATEWAY, path: PATH, media_type: "text/plain" };
        let sealed = sealed::encapsulate(&list, &target, call.as_bytes(), load.world.now());
        let (request, context) = sealed.expect("the list is the gateway's");
        load.model.calls().begin(&call);
        match post(&load, &request).await {
            Some((200, answer)) => match sealed::open(context, &answer) {
                Some(200) => {
                    load.model.hold(load.model.calls().answer(&call));
                    load.model.acknowledge();
                    keep(&mut copies, request);
                }
                // What was dated before a clock leapt is too old behind it.
                status if load.model.groups().leaps() == leaps => {
                    load.model.hold(Err(format!("{call}: a new call is answered with {status:?}")));
                }
                _ => {}
            },
            answer => {
                load.model.wonder();
                // It may have reached the origin; its copy must not, then.
                if answer.is_none() {
                    keep(&mut copies, request);
                }
                load.retry().await;
            }
        }
    }
}

/// Another one goes where there are too many.
fn keep(copies: &mut Vec<Vec<u8>>, request: Vec<u8>) {
    if copies.len() == COPIES_MAX {
        copies.swap_remove(0);
    }
    copies.push(request);
}

async fn post(load: &Load, request: &[u8]) -> Option<(u16, Vec<u8>)> {
    let head = "POST /.well-known/ohttp-gateway HTTP/1.1\r\ncontent-type: message/ohttp-req\r\n";
    sealed::exchange(&load.world, (GATEWAY, load.world.lone_gateway.address), head, request).await
}
