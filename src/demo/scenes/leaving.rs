//! A member leaves by itself.

use super::{are_together, tell_sends};
use crate::{
    client::http::Operation,
    demo::{
        Failure,
        cast::{CAROLS_PHONE, Cast},
        device::Device,
        narrator::Narrator,
    },
    mls::ContentType,
};

pub(in crate::demo) async fn play(cast: &mut Cast, mut erin: Device, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.scene("Erin leaves");
    narrator.tell(
        "Nobody can commit their own removal (RFC 9420). Erin proposes hers. Bob, who has not read that yet, renews his \
         keys, and so the epoch ends without it. Her client sees that and proposes it again.",
    );
    let mark = cast.record.mark();
    erin.want_to_leave()?;
    erin.flush().await?;
    cast.bob.want_fresh_keys()?;
    cast.bob.flush().await?;
    erin.read().await?;
    let missed = !erin.is_removed();
    erin.flush().await?;
    narrator.tell("Carol's phone has something to say. It has read the proposal, so it commits that first.");
    cast.phone.read().await?;
    cast.phone.say("goodbye, Erin").await?;
    for device in cast.remaining() {
        device.read().await?;
    }
    tell_sends(narrator, &cast.record, mark);
    erin.read().await?;
    let sent = cast.record.since(mark).into_iter().filter_map(|exchange| exchange.sent());
    let proposed = sent.filter(|sent| sent.message.content_type() == ContentType::Proposal).count();
    narrator.check("the first commit left her in; she proposed twice, once in each epoch", missed && proposed == 2);
    narrator.check(
        "her client has read that Carol's phone removed it",
        erin.is_removed() && erin.transcript.removed_by.as_deref() == Some(CAROLS_PHONE.identity),
    );
    let heard = |device: &Device| device.transcript.texts().any(|text| text == "goodbye, Erin");
    narrator.check(
        "the goodbye is in an epoch that she does not reach; the four who remain have read it",
        !heard(&erin) && cast.remaining().iter().all(|device| heard(device)),
    );
    narrator.check("they have the same partition key", are_together(&cast.remaining()));

    narrator.tell(
        "Her client tells third.example that she wants nothing more of the group. It has no other user there: it asks \
         hub.example for nothing, and forgets which keys she has shown.",
    );
    let exchanges = cast.record.since(mark);
    let leaves = exchanges.iter().filter(|exchange| exchange.request.operation == Operation::LeaveGroup);
    let noted: Vec<_> = leaves.map(|exchange| exchange.status()).collect();
    narrator.check("third.example has taken note of it", noted == [Some(200)]);
    Ok(())
}
