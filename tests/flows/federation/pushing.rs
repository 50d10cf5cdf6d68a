//! Pushes save waiting at the hub, and nothing rests on them (draft §4.4): follower.example asks for them, third.example
//! does not, and their users hear the same.
//!
//! What counts as a failure:
//! * a message that was acknowledged and that somebody reads twice or not at all, pushed or not,
//! * a push to a provider that has not asked for any, or none to the one that has,
//! * anybody who stays behind when pushes are lost, repeated or late, or either end of them is killed.

use super::{
    device::{Device, assert_together, be_pushed, found, talk},
    fault::Deck,
    newcomer::Handshakes,
    world::{THIRD, World},
};
use crate::site::{FOLLOWER, HUB, Setting};

fn weather(from: &str, to: &str) -> Deck {
    match (from, to) {
        // Two exchanges for each Welcome; the rest are pushes. The other way they are asked for.
        (HUB, FOLLOWER) => Deck::shuffled(31, 2, 3),
        (FOLLOWER, HUB) => Deck::shuffled(32, 1, 6),
        _ => Deck::default(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_pushed_and_who_pulls_hear_the_same() {
    let adapt = |usual: Setting| Setting { push: usual.id == FOLLOWER, ..usual };
    let mut world = World::new(weather, adapt).await;
    let mut devices = found(&world, Handshakes::Encrypted, &[(FOLLOWER, "carol"), (THIRD, "dave")]).await;
    talk(&mut devices, "at first, from").await;
    for killed in [None, Some(HUB), Some(FOLLOWER)] {
        let [alice, carol, _dave] = &mut devices[..] else { unreachable!("there are three") };
        let push = be_pushed(world.line(HUB, FOLLOWER), alice, carol).await;
        assert!(!world.line(HUB, THIRD).has_carried(&push), "{THIRD} has not asked");
        if let Some(killed) = killed {
            world.restart(killed).await;
        }
        // All wait, whoever of them is told by a push, and hear what is said in two epochs.
        let [alice, carol, dave] = &mut devices[..] else { unreachable!("there are three") };
        let text = format!("after the death of {killed:?}");
        let heard = |device: &Device| device.heard.values().any(|heard| *heard == text);
        tokio::join!(carol.read_until(heard), dave.read_until(heard), alice.say(&text));
        alice.member.update().unwrap();
        let epoch = alice.epoch() + 1;
        let moved = |device: &Device| device.epoch() == epoch;
        tokio::join!(carol.read_until(moved), dave.read_until(moved), alice.flush());
        talk(&mut devices, &format!("in epoch {epoch}, from")).await;
    }
    assert_together(&devices.iter().collect::<Vec<_>>());
    for line in [(HUB, FOLLOWER), (FOLLOWER, HUB)] {
        let happened = world.line(line.0, line.1).happened();
        assert!(happened.is_rough(), "{line:?}: {happened:?}");
    }
    world.end().await;
}
