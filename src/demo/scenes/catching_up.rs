//! Two devices slept through epochs: one has a sibling that was awake, one has not.

use super::are_together;
use crate::{
    client::http::Operation,
    demo::{Failure, cast::Cast, device::Device, narrator::Narrator, record::Exchange},
};

pub(in crate::demo) async fn play(cast: &mut Cast, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.scene("Two who slept catch up");
    cast.bob.say("the sleepers have missed something").await?;
    cast.phone.read().await?;
    cast.alice.say("quite a lot, in fact").await?;
    for device in cast.awake() {
        device.read().await?;
    }
    let missed = cast.alice.epoch().0 - cast.dave.epoch().0;
    narrator.tell(format!("{missed} epochs have passed."));

    let mark = cast.record.mark();
    cast.dave.read().await?;
    let walk = reads(&cast.record.since(mark));
    narrator.tell(format!(
        "Dave has one device. It asks with the key of its own epoch, reads the commit, derives the next key, asks again \
         and so on: {} requests.",
        walk.len()
    ));
    narrator.check("Dave's answers held no hints", walk.iter().all(|hints| *hints == 0));
    narrator.check("Dave has arrived in the epoch of the others", are_together(&[&mut cast.dave, &mut cast.alice]));

    let mark = cast.record.mark();
    cast.laptop.read().await?;
    let leap = reads(&cast.record.since(mark));
    let hinted = leap.first().copied().unwrap_or_default();
    narrator.tell(format!(
        "Carol's laptop asks once, and the answer brings {hinted} later epochs along, as hints. It needs {} requests, of \
         which the last says that there is nothing more.",
        leap.len()
    ));
    narrator.explain(
        "A hint is an epoch that was not asked for. It is given only to somebody who is known to hold its key: Carol's \
         phone has shown each of these keys, so they are no news to Carol. hub.example knows as much of \
         follower.example, and follower.example of Carol. Dave had shown none of them.",
    );
    narrator
        .check("the laptop's first answer hinted at least half of the missed epochs", hinted >= to_usize(missed) / 2);
    narrator.check("the laptop has needed fewer requests than Dave", leap.len() < walk.len());
    let [_, _, phone, laptop, dave] = cast.everybody();
    let same = |one: &Device, other: &Device| one.transcript.lines == other.transcript.lines;
    narrator.check(
        "laptop and Dave have read what Carol's phone has read, each message once",
        [&*laptop, &*dave].iter().all(|sleeper| same(sleeper, phone) && sleeper.transcript.repeated == 0),
    );
    narrator.check("all five have the same partition key", are_together(&cast.everybody()));
    Ok(())
}

/// The number of hints in each answer to a receive, in order.
fn reads(exchanges: &[Exchange]) -> Vec<usize> {
    let receives = exchanges.iter().filter(|exchange| exchange.request.operation == Operation::Receive);
    receives.filter_map(|exchange| exchange.received()).map(|response| response.hints.len()).collect()
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
