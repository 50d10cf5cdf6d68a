//! Two commits for one epoch.

use tokio::sync::oneshot;

use super::{are_together, tell_commits};
use crate::demo::{Failure, cast::Cast, device::Device, narrator::Narrator, record::Exchange};

pub(in crate::demo) async fn play(cast: &mut Cast, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.scene("Two commits for one epoch");
    careful(cast, narrator).await?;
    careless(cast, narrator).await
}

/// The loser asked to be refused.
async fn careful(cast: &mut Cast, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.tell("Alice and Carol's phone make a commit in the same epoch. Alice's reaches the hub first.");
    narrator.explain(
        "Carol's client asks for its place only if no commit is there yet (DS-Expect-Commit: none). So the hub refuses \
         it (412), the client reads Alice's commit, follows it, and makes its own again in the new epoch.",
    );
    let (epoch, mark, done) = (cast.alice.epoch(), cast.record.mark(), cast.phone.transcript.done);
    let release = cast.phone.tap.hold_next_send();
    race(&mut cast.alice, &mut cast.phone, release).await?;
    for device in cast.awake() {
        device.read().await?;
    }
    let commits = tell_commits(narrator, &cast.record, mark);
    let statuses: Vec<_> = commits.iter().filter_map(Exchange::status).collect();
    narrator.check_same("one commit was sequenced, one refused, and one sequenced", &statuses, &vec![200, 412, 200]);
    narrator.check(
        "the loser's wish was fulfilled by its client alone, one epoch later",
        cast.phone.transcript.done == done + 1 && cast.alice.epoch().0 == epoch.0 + 2,
    );
    narrator.check("everybody who is awake has the same partition key", are_together(&cast.awake()));
    Ok(())
}

/// The loser did not.
async fn careless(cast: &mut Cast, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.tell("Now Carol's phone is faster, and Bob's client sends its commit without asking for a refusal.");
    narrator.explain(
        "The hub takes both: it cannot tell which of them the members will accept, and a group whose first commit is \
         bad must be able to go on with the second. Members apply the first valid one and pass over the other. The \
         partition has two successors now, which is how a fork begins; this one ends at once, because nobody is on the \
         second branch.",
    );
    let (epoch, mark, done) = (cast.alice.epoch(), cast.record.mark(), cast.bob.transcript.done);
    let passed_over = cast.alice.transcript.superseded.len();
    let release = cast.bob.tap.hold_next_send();
    cast.bob.tap.forget_next_expectation();
    race(&mut cast.phone, &mut cast.bob, release).await?;
    for device in cast.awake() {
        device.read().await?;
    }
    let commits = tell_commits(narrator, &cast.record, mark);
    let places: Vec<_> = commits.iter().filter_map(Exchange::acknowledgement).collect();
    let places: Vec<_> = places.iter().map(|answer| (answer.index, answer.commits_before)).collect();
    narrator.check_same(
        "the hub sequenced both, and told the second that a commit stands before it",
        &places,
        &vec![(0, 0), (1, 1), (0, 0)],
    );
    narrator.check("Alice passed over the second", cast.alice.transcript.superseded.len() == passed_over + 1);
    narrator.check(
        "the loser's client made it again, one epoch later, and everybody who is awake has the same partition key",
        cast.bob.transcript.done == done + 1 && cast.alice.epoch().0 == epoch.0 + 2 && are_together(&cast.awake()),
    );
    Ok(())
}

/// Both build their commits before either is sent; the second is held until the first is applied.
async fn race(first: &mut Device, second: &mut Device, release: oneshot::Sender<()>) -> Result<(), Failure> {
    first.want_fresh_keys()?;
    second.want_fresh_keys()?;
    let ahead = async {
        let flushed = first.flush().await;
        drop(release);
        flushed
    };
    let (first, second) = tokio::join!(Box::pin(ahead), Box::pin(second.flush()));
    first.and(second)
}
