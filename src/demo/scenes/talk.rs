//! People talk.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::tell_sends;
use crate::demo::{Failure, cast::Cast, narrator::Narrator};

/// How long the laptop is ready to wait.
const WAIT: Duration = Duration::from_secs(20);
/// When the message is said for which it waits.
const PAUSE: Duration = Duration::from_millis(300);

pub(in crate::demo) async fn play(cast: &mut Cast, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.scene("People talk");
    narrator.explain(
        "A message goes to the sender's own provider. hub.example sequences it; follower.example forwards it to \
         hub.example, byte for byte, over mutual TLS.",
    );
    let mark = cast.record.mark();
    let [alice, _, phone, _, dave] = cast.everybody();
    for (device, text) in
        [(alice, "hello, this is Alice"), (phone, "hello from the other provider"), (dave, "good to be here")]
    {
        device.say(text).await?;
        narrator.tell_line(format!("{} -> {}: \"{text}\"", device.seat.name, device.seat.provider));
    }
    tell_sends(narrator, &cast.record, mark);
    narrator.explain(
        "Its own users the hub knows; of Carol and Dave it is told the provider only. Text and sender are encrypted for \
         the members; kind, size and epoch are not.",
    );

    narrator.tell("Carol's laptop reads, and then waits for more; Bob says something.");
    cast.laptop.read().await?;
    let begun = Instant::now();
    let (waited, said) = tokio::join!(Box::pin(cast.laptop.wait(WAIT)), async {
        sleep(PAUSE).await;
        Box::pin(cast.bob.say("is anybody waiting?")).await
    });
    waited?;
    said?;
    let woken = begun.elapsed() < WAIT / 2;
    let heard = cast.laptop.transcript.texts().any(|text| text == "is anybody waiting?");
    narrator.check("the laptop was answered when Bob spoke, long before its wait was over", woken && heard);

    for device in cast.everybody() {
        device.read().await?;
    }
    let lines = cast.alice.transcript.lines.clone();
    narrator.check_same(
        "the partition's indexes are 0, 1, 2, 3",
        &lines.keys().map(|place| place.index).collect::<Vec<_>>(),
        &vec![0, 1, 2, 3],
    );
    narrator.check(
        "all five devices have read the same words of the same people at the same places",
        cast.everybody().iter().all(|device| device.transcript.lines == lines && device.transcript.repeated == 0),
    );
    Ok(())
}
