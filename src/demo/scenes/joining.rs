//! Somebody joins from outside.

use super::are_together;
use crate::{
    client::{Problem, ProblemCode, http::CallError},
    demo::{
        Failure,
        cast::{Cast, ERIN},
        device::Device,
        mode::Mode,
        narrator::Narrator,
        record::Exchange,
        sight,
        stage::Stage,
    },
    wire::{GroupInfoRequest, GroupInfoResponse, JoinToken, JoinTokenRequest},
};

/// How long Alice's token is good, in seconds.
const TOKEN_S: u32 = 600;

pub(in crate::demo) async fn play(
    stage: &mut Stage,
    cast: &mut Cast,
    narrator: &mut Narrator,
) -> Result<Device, Failure> {
    narrator.scene("Erin joins from outside");
    narrator.tell(
        "Erin, a user of third.example, wants to join, and none of the members is there to add her. She needs the \
         group's GroupInfo, and asks hub.example for it, through her provider.",
    );
    let erin = ERIN.newcomer(cast.mode, stage.providers()?, &cast.record)?;
    let service = erin.service();
    let wanted = GroupInfoRequest { group_id: cast.alice.group_id().to_vec() };
    let refused = service.group_info(&wanted, None).await.err();
    narrator.check(
        "she is given nothing, and not told whether there is something (no_group_info, 404)",
        refused.as_ref().is_some_and(has_no_group_info),
    );
    narrator.tell(
        "Alice, who can show the partition key of the group's epoch, has hub.example make a join token for Erin, and \
         gives it to her.",
    );
    let key = cast.alice.request().partition_key;
    let request = JoinTokenRequest { group_id: wanted.group_id.clone(), partition_key: key, ttl_seconds: TOKEN_S };
    let token = cast.alice.service().join_token(&request).await?.token;
    let token = JoinToken::new(token).ok_or("a join token has no bytes")?;
    let answer = service.group_info(&wanted, Some(&token)).await;
    let known = match cast.mode {
        Mode::Encrypted => {
            narrator.check(
                "with it the answer is the same: this group has published none",
                answer.err().as_ref().is_some_and(has_no_group_info),
            );
            narrator.tell("So Alice gives her the GroupInfo too, from hand to hand. hub.example does not see it.");
            GroupInfoResponse { group_info: cast.alice.group_info()?, ratchet_tree: None }
        }
        Mode::Public => {
            narrator.check("with it she is given the GroupInfo, and the roster in it", answer.is_ok());
            answer?.0
        }
    };
    let mark = cast.record.mark();
    let (mut erin, receipt) = erin.join_externally(&wanted.group_id, known, token).await?;
    let join = cast.record.since(mark).iter().find_map(Exchange::join).ok_or("a join has left no trace")?;
    narrator.hub_saw(sight::join(erin.seat.provider, &join));
    narrator.explain(
        "Such a commit travels in clear in every group (RFC 9420): whoever joins from outside shows their name to the \
         hub. Its signature covers the state of the group that it was made for, and the hub finds out by that, or by \
         the epoch and the token where it knows no GroupInfo, to which partition it belongs.",
    );

    narrator.tell("She has not waited for anybody, and says something with the new partition key.");
    let before = cast.alice.epoch();
    erin.say("hello from outside").await?;
    narrator.check(
        "hub.example has sequenced the commit and what she says, while the others are still an epoch behind",
        receipt.commits_before == 0 && cast.alice.epoch() == before && erin.epoch().0 == before.0 + 1,
    );
    for device in cast.remaining() {
        device.read().await?;
    }
    cast.laptop.say("come in, Erin").await?;
    erin.read().await?;
    let heard = |device: &Device| device.transcript.texts().any(|text| text == "hello from outside");
    narrator.check(
        "the four members have verified her commit, followed it, and read what she said",
        cast.remaining().iter().all(|device| heard(device)),
    );
    let [alice, bob, phone, laptop] = cast.remaining();
    narrator.check(
        "all five have the same partition key, and she reads what is said now",
        are_together(&[alice, bob, phone, laptop, &mut erin])
            && erin.transcript.texts().any(|text| text == "come in, Erin"),
    );
    narrator.check("of what was said before she came she has nothing", erin.transcript.lines.len() == 2);
    Ok(erin)
}

fn has_no_group_info(error: &CallError) -> bool {
    matches!(error, CallError::Problem(Problem { code: Some(ProblemCode::NoGroupInfo), .. }))
}
