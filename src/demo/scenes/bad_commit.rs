//! A commit that nobody may apply.

use super::{are_together, tell_commits};
use crate::{
    client::Reason,
    demo::{Failure, cast::Cast, narrator::Narrator},
};

pub(in crate::demo) async fn play(cast: &mut Cast, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.scene("A commit that nobody may apply");
    narrator.tell("Bob's commit announces a partition key that is not the one of the epoch which it creates.");
    narrator.explain(
        "The hub cannot know. Each member's client compares the hash with its own key, ignores the commit, and stays \
         where it is, Bob's too. His client then makes another commit and names the bad one as the last that it has \
         read (DS-Expect-Commit), so that the hub lets it pass. A client without the comparison would go on alone, on \
         a branch of its own: that is a fork.",
    );
    let (epoch, mark) = (cast.alice.epoch(), cast.record.mark());
    cast.bob.tap.spoil_next_commit();
    cast.bob.want_fresh_keys()?;
    cast.bob.flush().await?;
    for device in cast.awake() {
        device.read().await?;
    }
    tell_commits(narrator, &cast.record, mark);
    let refusals = cast.awake().map(|device| {
        let ignored = &device.transcript.ignored;
        ignored.iter().filter(|(place, reason)| place.epoch == epoch && *reason == Reason::PartitionKeyMismatch).count()
    });
    narrator.check_same("each of the three who are awake has ignored it once", &refusals, &[1, 1, 1]);
    narrator.check(
        "all of them have applied the second one",
        cast.alice.epoch().0 == epoch.0 + 1 && are_together(&cast.awake()),
    );
    Ok(())
}
