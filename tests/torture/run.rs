//! One run, from the first start to the last comparison.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::timeout};

use crate::{
    audit::{self, From},
    dice::Dice,
    killer::Killer,
    load::Load,
    model::Model,
    plan::{self, Extent, Kill},
    world::World,
};

/// Of each round, besides the points.
const AT_RANDOM: usize = 4;
const AT_RANDOM_LONG: usize = 30;
/// A point that was not reached is asked for again so often.
const AGAIN: usize = 4;
/// No operation that is under way when nothing is killed any more takes longer, and no Welcome.
const SETTLING: Duration = Duration::from_secs(120);

/// Puts everything under load, kills, and compares.
///
/// # Panics
/// Something that was promised was not kept: with the seed, the kills so far, and what the model knows.
pub(crate) async fn torture(extent: Extent) {
    let seed = plan::seed();
    eprintln!("torture: seed {seed}");
    let model = Arc::new(Model::default());
    let world = World::new(model.clone()).await;
    let (starts, started) = watch::channel(0);
    let (stop, stopping) = watch::channel(false);
    let load = Load { world, model: model.clone(), seed, starts: started, stopping, gate: Arc::default() };
    let mut killer = Killer::new(load.clone(), starts).await;
    let mut people = load.begin();
    let mut dice = Dice::named(seed, "plan");
    let mut done: Vec<Kill> = Vec::new();
    let is_broken = || !model.violations().is_empty();

    let at_random = if matches!(extent, Extent::Short) { AT_RANDOM } else { AT_RANDOM_LONG };
    'rounds: loop {
        for kill in plan::round(&mut dice, at_random) {
            killer.execute(kill).await;
            done.push(kill);
            if is_broken() || is_enough(extent, &killer) {
                break 'rounds;
            }
        }
        if matches!(extent, Extent::Short) {
            break;
        }
    }
    for _time in 0..AGAIN {
        for point in killer.tally.never_hit() {
            if !is_broken() {
                let kill = plan::at(point, &mut dice);
                killer.execute(kill).await;
                done.push(kill);
            }
        }
    }

    if !is_broken() {
        killer.await_something().await;
    }
    stop.send_replace(true);
    let settled =
        timeout(SETTLING, async { while people.join_next().await.is_some_and(|ended| ended.is_ok()) {} }).await;
    let awaited = model.letters().awaited();
    if settled.is_err() || !awaited.is_empty() || !people.is_empty() {
        model.hold(Err(format!("within {SETTLING:?} did not come: {awaited:?}")));
    }
    if !is_broken() {
        let spots = model.groups().take_changed(true);
        for from in [From::Hub, From::Follower] {
            audit::look(&load, from, &spots).await;
            audit::look_at_deleted(&load, from, usize::MAX).await;
        }
        killer.tally.compared = spots.len();
        killer.end().await;
    }
    // Of a run that was broken off, nobody expects that it came everywhere.
    for point in if is_broken() { Vec::new() } else { killer.tally.never_hit() } {
        model.hold(Err(format!("{point} was never reached")));
    }
    let mut text = String::new();
    if is_broken() {
        text += "the kills:\n";
        text.extend(done.iter().map(|kill| format!("  {kill}\n")));
    }
    // What was broken comes last, where a log that was cut still has it.
    text += &killer.tally.text(&model);
    eprintln!("{text}");
    killer.tally.write(&text);
    assert!(!is_broken(), "RESTANTE_TORTURE_SEED={seed}: {}", model.violations().join("\n"));
}

fn is_enough(extent: Extent, killer: &Killer) -> bool {
    match extent {
        Extent::Short => false,
        Extent::Kills(kills) => killer.tally.kills() >= kills,
        Extent::Lasting(time) => killer.tally.elapsed() >= time,
    }
}
