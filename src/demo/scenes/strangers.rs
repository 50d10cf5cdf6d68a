//! What somebody gets who has no right key, and what somebody who has it and no right certificate.

use std::time::Duration;

use http::{HeaderMap, header::DATE};
use tokio::time::Instant;

use crate::{
    client::http::{Channel, ChannelError, ChannelRequest, Operation},
    demo::{Failure, cast::Cast, narrator::Narrator, stage::Stage, tap::Tap},
    mls::WireMessage,
    wire::{PartitionKey, ReceiveRequest, SendRequest, encode},
};

/// How long everybody asks to wait.
const WAIT: Duration = Duration::from_secs(1);

pub(in crate::demo) async fn play(stage: &Stage, cast: &mut Cast, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.scene("Somebody without the key");
    narrator.tell(
        "Mallory, a user of hub.example, and Mallett, a user of follower.example, have learned the group's id, and make \
         up a partition key. At the same time a member asks to whom there is nothing new to say. All are ready to wait \
         for a second.",
    );
    let live = cast.alice.request();
    let made_up = ReceiveRequest { partition_key: PartitionKey::new([7; 16]), ..live.clone() };
    let no_group = ReceiveRequest { group_id: another_group(&live.group_id), ..made_up.clone() };
    for (stranger, member) in [(&cast.mallory, &cast.alice.tap), (&cast.mallett, &cast.phone.tap)] {
        let (name, provider) = (stranger.seat().name, stranger.seat().provider);
        let (member, wrong_key, wrong_group) =
            tokio::join!(ask(member, &live), ask(stranger, &made_up), ask(stranger, &no_group));
        let (member, wrong_key, wrong_group) = (member?, wrong_key?, wrong_group?);
        narrator.check(
            format!("{name} is given nothing: no message, no hint"),
            [&wrong_key, &wrong_group].iter().all(|answer| answer.body == [0, 0]),
        );
        narrator.check(
            format!("the member's answer at {provider} is the same in every byte and header, and took its second too"),
            wrong_key == member && member.waited,
        );
        narrator.check("so is the answer about a group that does not exist", wrong_group == member);
    }
    narrator.explain(
        "So an empty answer does not tell whether the key is wrong, the group does not exist, or there is just nothing \
         new. To send, the group must exist.",
    );
    let refused = send_to_nowhere(cast).await?;
    narrator.check_same("a message for a group that does not exist is refused (404)", &refused, &404);

    narrator.tell(
        "Two others have learned a right key, and come to the hub's listener for providers: stranger.example, which is \
         no peer of the hub, and somebody who made a certificate for follower.example.",
    );
    let [stranger, impostor] = stage.intruders()?;
    let request = ChannelRequest::new(Operation::Receive, encode(&live)?.into());
    let stranger = stranger.post(request.clone()).await?;
    narrator.check_same("stranger.example is turned away (403)", &stranger.status.as_u16(), &403);
    let impostor = impostor.post(request).await.map(|response| response.status);
    narrator.check(
        "the other gets no answer at all: its certificate ends the connection",
        matches!(impostor, Err(ChannelError::Tls)),
    );
    Ok(())
}

/// All that an asker can compare.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    /// Whether it took as long as the asker was ready to wait.
    waited: bool,
}

async fn ask(tap: &Tap, request: &ReceiveRequest) -> Result<Answer, Failure> {
    let begun = Instant::now();
    let request = ChannelRequest { wait: WAIT, ..ChannelRequest::new(Operation::Receive, encode(request)?.into()) };
    let response = tap.post(request).await?;
    let mut headers = response.headers;
    headers.remove(DATE);
    let waited = begun.elapsed() >= WAIT;
    Ok(Answer { status: response.status.as_u16(), headers, body: response.body.to_vec(), waited })
}

/// A message of the group, readdressed.
async fn send_to_nowhere(cast: &Cast) -> Result<u16, Failure> {
    let sent = cast.record.all().iter().find_map(|exchange| exchange.sent()).ok_or("nothing was sent")?;
    let mut bytes = sent.message.bytes().to_vec();
    let id = sent.message.group_id();
    let at = bytes.windows(id.len()).position(|window| window == id).ok_or("the message names no group")?;
    bytes[at..at + id.len()].copy_from_slice(&another_group(id));
    let message = WireMessage::parse(&bytes)?;
    let request = SendRequest { message, partition_key: PartitionKey::new([7; 16]), commit_data: None };
    let body = encode(&request)?.into();
    Ok(cast.mallory.post(ChannelRequest::new(Operation::Send, body)).await?.status.as_u16())
}

/// An id of the same hub that was never minted. Not the last letter is changed: it does not stand for six bits.
fn another_group(id: &[u8]) -> Vec<u8> {
    let mut other = id.to_vec();
    if let Some(letter) = other.iter_mut().rev().nth(4) {
        *letter = if *letter == b'A' { b'B' } else { b'A' };
    }
    other
}
