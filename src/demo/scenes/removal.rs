//! A member is removed.

use std::time::Duration;

use super::{are_together, tell_commits, tell_sends};
use crate::demo::{
    Failure,
    cast::{ALICE, Cast, DAVE},
    device::Device,
    narrator::Narrator,
};
use crate::{
    client::{Reason, Received, http::DeliveryService},
    wire::{PartitionKey, ReceiveRequest},
};

/// How often and how far apart the control is asked for: what a provider remembers of its users is written behind the
/// answer.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);

pub(in crate::demo) async fn play(cast: &mut Cast, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.scene("A member is removed");
    narrator.tell("Alice removes Dave, and the others go on talking in the new epoch.");
    let mark = cast.record.mark();
    let (old, old_epoch) = (cast.dave.request(), cast.dave.epoch());
    let afterthought = cast.dave.encrypt("one more thing, says the one who is gone")?;
    cast.alice.want_removed(&DAVE)?;
    cast.alice.flush().await?;
    for device in cast.remaining() {
        device.read().await?;
    }
    cast.bob.say("is Dave gone now?").await?;
    cast.phone.read().await?;
    cast.phone.say("yes, he is gone").await?;
    for device in cast.remaining() {
        device.read().await?;
    }
    let commits = tell_commits(narrator, &cast.record, mark);
    let announced = commits.first().and_then(|commit| commit.commit()).and_then(|sent| sent.commit_data);
    let announced = announced.ok_or("the removal was not sent")?.next_partition_key.masked();

    cast.dave.read().await?;
    narrator.check(
        "Dave's client has read that Alice removed it",
        cast.dave.is_removed() && cast.dave.transcript.removed_by.as_deref() == Some(ALICE.identity),
    );

    narrator.tell("Dave asks again with his old partition key, as any client could that pays no heed.");
    let control = hinted(cast.laptop.service(), &old).await?;
    let answer = cast.dave.service().receive(&old, Duration::ZERO).await?;
    narrator.check_same(
        "to Dave the old partition ends with the commit that removed him",
        &answer.response.epoch.messages.len(),
        &1,
    );
    let later = ReceiveRequest { counter: answer.next_index.unwrap_or_default(), ..old.clone() };
    let nothing = cast.dave.service().receive(&later, Duration::ZERO).await?;
    narrator.check("behind it there is nothing", nothing.response.epoch.messages.is_empty());
    narrator.check(
        "none of his answers holds a hint, while Carol's laptop, at the same provider, gets one for the same question",
        answer.response.hints.is_empty() && nothing.response.hints.is_empty() && !control.response.hints.is_empty(),
    );
    // All that the commit tells him of the next key is its hash.
    let hash = PartitionKey::new(std::array::from_fn(|at| announced.as_bytes()[at]));
    let guess = ReceiveRequest { partition_key: hash, counter: 0, ..old };
    let guessed = cast.dave.service().receive(&guess, Duration::ZERO).await?;
    narrator.check("the next key's hash, which he knows, opens nothing", is_empty(&guessed));

    narrator.tell("He also sends what he had written before.");
    let mark = cast.record.mark();
    cast.dave.service().send(&afterthought, None).await?;
    tell_sends(narrator, &cast.record, mark);
    narrator.explain("The hub takes it: it cannot know that he is gone. It stands in the old partition.");
    for device in cast.remaining() {
        device.read().await?;
    }
    let heard = |device: &mut &mut Device| device.transcript.texts().any(|text| text.starts_with("one more thing"));
    let ignored = cast.alice.transcript.ignored.last().map(|(place, reason)| (place.epoch, *reason));
    let from_nobody = ignored == Some((old_epoch, Reason::SenderLeft));
    narrator.check(
        "Alice's client, which still looks there for stragglers, has ignored it; nobody's shows it",
        from_nobody && !cast.remaining().iter_mut().any(heard),
    );
    narrator.check("the four who remain have the same partition key", are_together(&cast.remaining()));
    Ok(())
}

/// Asks until there is a hint, or gives up.
async fn hinted(
    service: &DeliveryService<crate::demo::tap::Tap>,
    request: &ReceiveRequest,
) -> Result<Received, Failure> {
    let mut answer = service.receive(request, Duration::ZERO).await?;
    for _try in 0..TRIES {
        if !answer.response.hints.is_empty() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        answer = service.receive(request, Duration::ZERO).await?;
    }
    Ok(answer)
}

fn is_empty(received: &Received) -> bool {
    received.response.epoch.messages.is_empty() && received.response.hints.is_empty()
}
