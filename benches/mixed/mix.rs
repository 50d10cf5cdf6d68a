//! Which operation comes next, and when: as soon as another one is over, or by the clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::JoinSet};

use super::world::{Sender, World};
use crate::traffic::Random;

/// How much is under way while the most is measured.
pub(crate) const IN_FLIGHT: usize = 32;
/// No more is under way at once. What finds no room begins later, and its time is counted from when it should have begun.
const IN_FLIGHT_MAX: usize = 4096;
/// Tokio's timer wakes as late as this: its grain is not the servers'.
const TIMER_GRAIN: Duration = Duration::from_millis(2);

/// Of a hundred operations. Readers that wait come beside them, with each message.
const SENDS: usize = 56;
const FORWARDED: usize = 14;
const OLD: usize = 12;
const COMMITS: usize = 3;
const WELCOMES: usize = 1;
// All others are fetches: 14.

/// The operation of that number. What it does depends on the number alone.
async fn operate(world: &World, number: u64, planned: Instant) {
    let mut random = Random::new(number);
    let mut left = random.below(100);
    let mut is_of = |share: usize| {
        let is_it = left < share;
        left = left.wrapping_sub(share);
        is_it
    };
    if is_of(SENDS) {
        world.send(Sender::OfHub, &mut random, planned).await;
    } else if is_of(FORWARDED) {
        world.send(Sender::OfFollower, &mut random, planned).await;
    } else if is_of(OLD) {
        world.read_old(&mut random, planned).await;
    } else if is_of(COMMITS) {
        world.commit(&mut random, planned).await;
    } else if is_of(WELCOMES) {
        world.welcome(&mut random, planned).await;
    } else {
        world.fetch(&mut random, planned).await;
    }
}

/// Before the most is measured there is so many times as long of the same: caches are full then, and compactions under way,
/// as they are for the rest of the time.
const WARM_UP: u32 = 4;

/// How many operations in a second are answered when others follow at once.
pub(crate) async fn most(world: &Arc<World>, length: Duration) -> f64 {
    let (number, done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let ending = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (world, number, done, ending) = (world.clone(), number.clone(), done.clone(), ending.clone());
        tasks.spawn(async move {
            while !ending.load(Ordering::Relaxed) {
                operate(&world, number.fetch_add(1, Ordering::Relaxed), Instant::now()).await;
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    tokio::time::sleep(length * WARM_UP).await;
    let (begun, before) = (Instant::now(), done.load(Ordering::Relaxed));
    tokio::time::sleep(length).await;
    let rate = (done.load(Ordering::Relaxed) - before) as f64 / begun.elapsed().as_secs_f64();
    ending.store(true, Ordering::Relaxed);
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    rate
}

/// Begins so many operations in a second, for so long, and returns when all of them are over.
pub(crate) async fn by_the_clock(world: &Arc<World>, rate: f64, length: Duration) {
    let places = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    let mut tasks = JoinSet::new();
    let begun = Instant::now();
    for number in 0_u64.. {
        let due = begun + Duration::from_secs_f64(number as f64 / rate);
        if due > begun + length {
            break;
        }
        tokio::time::sleep_until(due.into()).await;
        let now = Instant::now();
        let planned = if now - due > TIMER_GRAIN { due } else { now };
        let place = places.clone().acquire_owned().await.unwrap();
        let world = world.clone();
        tasks.spawn(async move {
            // Other numbers than while the most was measured.
            operate(&world, u64::MAX - number, planned).await;
            drop(place);
        });
        while let Some(ended) = tasks.try_join_next() {
            ended.unwrap();
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}
