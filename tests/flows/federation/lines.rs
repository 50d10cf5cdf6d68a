//! What the other tests of this module stand on: exchanges go wrong as they are dealt, and sends survive it.

use restante::client::http::DeliveryService;

use super::{fault::Deck, rough_line::Happened, world::World};
use crate::{
    people::Person,
    site::{FOLLOWER, HUB},
};

const ROUNDS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exchanges_go_wrong_as_dealt_and_each_message_arrives_once() {
    let weather = |from: &str, to: &str| match (from, to) {
        (FOLLOWER, HUB) => Deck::shuffled(5, ROUNDS, 2),
        _ => Deck::default(),
    };
    let world = World::new(weather, |usual| usual).await;
    let alice = DeliveryService::new(world.channel(HUB, "alice"));
    let bob = DeliveryService::new(world.channel(FOLLOWER, "bob"));
    let group = alice.found().await;
    let (mut receipts, mut failures) = (Vec::new(), 0);
    while receipts.len() < 12 {
        // One after the other: each request and each attempt is one exchange on the line.
        match bob.say(&group, 0, &receipts.len().to_string()).await {
            Ok(receipt) => receipts.push(receipt.index),
            Err(error) => {
                assert!(error.is_transient(), "{error}");
                failures += 1;
            }
        }
        assert!(failures <= 3 * ROUNDS, "no more goes wrong than was dealt");
    }
    assert!(receipts.iter().copied().eq(0..12), "{receipts:?}");
    let expected: Vec<_> = (0..12).map(|number| (number, number.to_string())).collect();
    assert_eq!(alice.read_all(&group, 0).await, expected);
    let happened = world.line(FOLLOWER, HUB).happened();
    let Happened { requests_lost, interrupted, answers_lost, delayed, .. } = happened;
    assert_eq!((requests_lost, interrupted, answers_lost, delayed), (ROUNDS, ROUNDS, ROUNDS, ROUNDS));
}
