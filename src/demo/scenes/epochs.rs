//! Commits, while two devices sleep.

use super::{are_together, tell_commits};
use crate::demo::{Failure, cast::Cast, device::Device, narrator::Narrator};

pub(in crate::demo) async fn play(cast: &mut Cast, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.scene("Three commits, three epochs");
    narrator.tell("Carol's laptop and Dave go to sleep. Alice, Carol's phone and Bob renew keys in turn, and talk.");
    narrator.explain(
        "A commit brings along the partition key of the epoch that it creates; the hub keeps the hash. Everything after \
         it goes to the new partition.",
    );
    let (first, mark) = (cast.alice.epoch(), cast.record.mark());
    let mut partitions = vec![cast.alice.partition()];
    for turn in 0..3 {
        let [alice, bob, phone] = cast.awake();
        let (committer, speaker): (&mut Device, &mut Device) = match turn {
            0 => (alice, bob),
            1 => (phone, alice),
            _ => (bob, phone),
        };
        committer.want_fresh_keys()?;
        committer.flush().await?;
        speaker.read().await?;
        speaker.say("this is a new epoch").await?;
        for device in cast.awake() {
            device.read().await?;
        }
        partitions.push(cast.alice.partition());
    }
    let commits = tell_commits(narrator, &cast.record, mark);

    let handshakes = cast.mode.handshakes();
    narrator.check(
        format!("each commit travelled as {handshakes:?}"),
        commits.iter().filter_map(|commit| commit.commit()).all(|sent| sent.message.wire_format() == handshakes),
    );
    narrator.check(
        "the three who are awake are three epochs further, with the same partition key",
        cast.alice.epoch().0 == first.0 + 3 && are_together(&cast.awake()),
    );
    let mut distinct = partitions.clone();
    distinct.sort_unstable();
    distinct.dedup();
    narrator.check("each epoch has had a partition of its own", distinct.len() == 4);
    Ok(())
}
