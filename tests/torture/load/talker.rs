//! Somebody who says something in whatever group, again if it is not heard, and sometimes once more.

use super::{Load, sending::Message};
use crate::world::Provider;

/// Between two messages, in milliseconds.
const PAUSE_MS: (u64, u64) = (2, 40);
/// Most are short.
const BYTES: [usize; 4] = [0, 20, 200, 6_000];

pub(super) async fn talk(mut load: Load, at: Provider, name: String) {
    let mut dice = load.dice(at, &name);
    let user = load.world.user(at, &name);
    let mut number = 0;
    while !load.is_stopping() {
        let spot = load.model.groups().pick(&mut dice);
        if let Some(spot) = spot {
            let bytes = BYTES[dice.below(BYTES.len())];
            let label = format!("{name} of {}, number {number}", at.id());
            let message = Message::application(&load, spot, label, bytes);
            number += 1;
            if dice.percent(10) {
                message.send_once(&load, &user).await;
            } else if message.send(&load, &user).await.is_some() && dice.percent(20) {
                // Behind whatever has happened meanwhile, the receipt is the same.
                load.rest(dice.millis(0, 300)).await;
                message.send(&load, &user).await;
            }
        }
        let pause = dice.millis(PAUSE_MS.0, PAUSE_MS.1);
        load.rest(pause).await;
    }
}
