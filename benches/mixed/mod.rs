//! The measurement: the most, then a share of it by the clock, with a row for each minute.

mod contact;
mod group;
mod mix;
mod newcomer;
mod plan;
mod readers;
mod record;
mod report;
mod samples;
mod site;
mod world;

use std::{sync::Arc, time::Instant};

pub(crate) use plan::Plan;
#[allow(unused_imports, reason = "for small runs")]
pub(crate) use record::Kind;
pub(crate) use report::Report;
#[allow(unused_imports, reason = "for small runs")]
pub(crate) use samples::slope;

use readers::Readers;
use samples::{Minute, Sample};
use world::World;

/// Of the most.
const SHARE: f64 = 0.7;
/// Operations in a second, on a machine that did nothing while the most was measured.
const LEAST: f64 = 1.0;
/// How often memory is looked at in a minute.
const LOOKS: u32 = 6;

pub(crate) fn run(plan: &Plan) -> Report {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let world = Arc::new(World::new(plan).await);
        let readers = Readers::start(&world);
        let most = match plan.rate {
            Some(_) => None,
            None => Some(mix::most(&world, plan.maximum).await),
        };
        let rate = plan.rate.or(most.map(|most| (most * SHARE).max(LEAST))).unwrap();
        // What happened until now is no part of the rows, but what went wrong is told.
        let mut report = Report::new(plan, most, rate, world.record.take());
        let length = plan.minute * u32::try_from(plan.minutes).unwrap();
        let traffic = tokio::spawn({
            let world = world.clone();
            async move { mix::by_the_clock(&world, rate, length).await }
        });
        watch(plan, &world, &mut report).await;
        traffic.await.unwrap();
        readers.finish(&world).await;
        report.end(&world);
        report
    })
}

/// Looks at all processes now and then, and makes a row of each minute.
async fn watch(plan: &Plan, world: &Arc<World>, report: &mut Report) {
    let begun = Instant::now();
    let mut before = samples::of_all(world);
    for minute in 0..u32::try_from(plan.minutes).unwrap() {
        for look in 1..=LOOKS {
            let at = plan.minute * minute + plan.minute * look / LOOKS;
            tokio::time::sleep_until((begun + at).into()).await;
            let usages = samples::of_all(world);
            report.sample(Sample { at: begun.elapsed(), usages });
            if look == LOOKS {
                let disk_bytes = [site::HUB, site::FOLLOWER].map(|id| world.site.disk_bytes(id));
                report.minute(Minute::new(plan.minute, world.record.take(), (&before, &usages), disk_bytes));
                before = usages;
            }
        }
    }
}
