//! The hub is killed in the middle of sends.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    client::http::DeliveryService,
    demo::{
        Failure,
        cast::{BOB, Cast},
        device::Device,
        narrator::Narrator,
        record::{Exchange, Mark, Record},
        stage::Stage,
        tap::Tap,
        transcript::Line,
    },
    wire::ReceiveRequest,
};

/// How much each of the four devices has to say.
const EACH: usize = 50;
/// How often the hub is killed.
const KILLS: usize = 3;
/// After how many acknowledgements, each time.
const KILLED_AFTER: usize = 45;

pub(in crate::demo) async fn play(stage: &mut Stage, cast: &mut Cast, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.scene("The hub is killed in the middle of sends");
    let total = 4 * EACH;
    narrator.tell(format!(
        "Four devices send {EACH} messages each, at the same time. One of the answers is lost on its way. {KILLS} times, \
         each time after {KILLED_AFTER} more acknowledgements, hub.example is killed (SIGKILL) and started again."
    ));
    narrator.explain(
        "The hub answers a send after it has written it. A client that gets no answer sends the same bytes again, and \
         the hub recognises what it has written.",
    );
    let before = list(cast.alice.service(), &cast.alice.request()).await?.len();
    let mark = cast.record.mark();
    cast.bob.tap.lose_next_answer();
    for device in cast.remaining() {
        for number in 0..EACH {
            device.want_to_say(&format!("{} has message {number}", device.seat.name))?;
        }
    }
    let down = send_and_kill(stage, cast, mark).await?;
    let answered = &down.answered;

    for device in cast.remaining() {
        device.read().await?;
    }
    let sends = cast.record.since(mark);
    let again = sent_again(&sends);
    narrator.tell(format!(
        "It was away for {}. When it was killed last it had acknowledged {} messages. {} had to be sent more than once.",
        times(&down.lasted),
        answered.len(),
        again.len()
    ));

    let partition = list(cast.alice.service(), &cast.alice.request()).await?;
    narrator.check(
        format!("of the {total} messages some were acknowledged when it was killed, and others were not"),
        (KILLS * KILLED_AFTER..total).contains(&answered.len()),
    );
    narrator.check(
        "each message that was acknowledged before stands at the index that was named",
        answered.iter().all(|(index, digest)| partition.get(*index) == Some(digest)),
    );
    let distinct: HashSet<_> = partition.iter().collect();
    narrator.check_same(
        format!("the {total} new messages stand there once each, behind the {before} that were there, without a gap"),
        &(partition.len(), distinct.len()),
        &(before + total, before + total),
    );
    let lost = sends.iter().find(|send| send.outcome.is_err() && send.seat.name == BOB.name);
    let lost = lost.and_then(Exchange::sent).ok_or("no answer was lost")?.message.digest();
    let copies = |digest: &[u8; 32]| partition.iter().filter(|known| *known == digest).count();
    narrator.check(
        "those that were sent again, the one with the lost answer among them, were sequenced once",
        again.contains(&lost) && again.iter().all(|digest| copies(digest) == 1),
    );
    narrator.check("each of the four has read each of the messages once", all_heard(cast));

    let (same, asked) = repeat(cast, &sends, answered.len()).await?;
    let unchanged = list(cast.alice.service(), &cast.alice.request()).await?.len() == partition.len();
    narrator.check(
        format!("{asked} acknowledged sends, repeated now, get their first answer again and change nothing"),
        same && unchanged && asked == answered.len(),
    );
    Ok(())
}

/// What the hub had promised when it was killed last, and how long it was away.
#[derive(Default)]
struct Down {
    /// Index and digest.
    answered: Vec<(usize, [u8; 32])>,
    /// Each time, until it listened again.
    lasted: Vec<Duration>,
}

async fn send_and_kill(stage: &mut Stage, cast: &mut Cast, mark: Mark) -> Result<Down, Failure> {
    let hub = &mut stage.providers()?.hub;
    let record = cast.record.clone();
    let crash = async {
        let mut down = Down::default();
        for _kill in 0..KILLS {
            record.acknowledges(KILLED_AFTER).await;
            hub.kill().await?;
            let killed = Instant::now();
            down.answered = acknowledged(&record.since(mark));
            hub.start().await?;
            down.lasted.push(killed.elapsed());
        }
        Ok::<_, Failure>(down)
    };
    let [alice, bob, phone, laptop] = cast.remaining();
    // When the hub does not come back, nobody has to try until it does.
    let (down, ..) = tokio::try_join!(
        Box::pin(crash),
        Box::pin(alice.flush()),
        Box::pin(bob.flush()),
        Box::pin(phone.flush()),
        Box::pin(laptop.flush()),
    )?;
    Ok(down)
}

fn times(durations: &[Duration]) -> String {
    let times: Vec<_> = durations.iter().map(|duration| format!("{} ms", duration.as_millis())).collect();
    times.join(", ")
}

fn acknowledged(exchanges: &[Exchange]) -> Vec<(usize, [u8; 32])> {
    let place = |exchange: &Exchange| {
        let index = exchange.acknowledgement()?.index;
        Some((usize::try_from(index).ok()?, exchange.sent()?.message.digest()))
    };
    exchanges.iter().filter_map(place).collect()
}

/// The digests of what was sent more than once.
fn sent_again(exchanges: &[Exchange]) -> Vec<[u8; 32]> {
    let mut times: HashMap<[u8; 32], u32> = HashMap::new();
    for sent in exchanges.iter().filter_map(Exchange::sent) {
        *times.entry(sent.message.digest()).or_default() += 1;
    }
    times.into_iter().filter(|(_, times)| *times > 1).map(|(digest, _)| digest).collect()
}

/// The digests of all messages of a partition, by their indexes. Fails when an index is missing.
pub(super) async fn list(service: &DeliveryService<Tap>, request: &ReceiveRequest) -> Result<Vec<[u8; 32]>, Failure> {
    let mut digests = Vec::new();
    loop {
        let counter = u32::try_from(digests.len())?;
        let page = service.receive(&ReceiveRequest { counter, ..request.clone() }, Duration::ZERO).await?;
        if page.first_index.is_some_and(|first| first != counter) {
            return Err(format!("the partition has no message at index {counter}").into());
        }
        digests.extend(page.response.epoch.messages.iter().map(|message| message.message.digest()));
        if !page.more {
            return Ok(digests);
        }
    }
}

/// Whether each device has each message of the storm once.
fn all_heard(cast: &mut Cast) -> bool {
    let devices = cast.remaining();
    let wanted: HashSet<Line> = devices
        .iter()
        .flat_map(|device| {
            let line = |number| Line {
                by: device.seat.identity.to_owned(),
                text: format!("{} has message {number}", device.seat.name),
            };
            (0..EACH).map(line)
        })
        .collect();
    let has_all = |device: &&mut Device| {
        let heard: Vec<_> = device.transcript.lines.values().filter(|line| wanted.contains(line)).collect();
        let distinct: HashSet<_> = heard.iter().copied().collect();
        distinct.len() == wanted.len() && heard.len() == wanted.len() && device.transcript.repeated == 0
    };
    devices.iter().all(has_all)
}

/// Sends what was acknowledged first again, byte for byte. Whether all answers were the same, and how many.
async fn repeat(cast: &Cast, sends: &[Exchange], first: usize) -> Result<(bool, usize), Failure> {
    let record: &Record = &cast.record;
    let taps = [&cast.alice.tap, &cast.bob.tap, &cast.phone.tap, &cast.laptop.tap];
    let mut same = true;
    let acknowledged: Vec<_> = sends.iter().filter(|send| send.acknowledgement().is_some()).take(first).collect();
    for send in &acknowledged {
        let mark = record.mark();
        let tap = taps.iter().find(|tap| tap.seat().name == send.seat.name).ok_or("a device is missing")?;
        DeliveryService::new((*tap).clone()).raw(send.request.clone()).await?;
        let answers = record.since(mark);
        same &= answers.last().and_then(Exchange::acknowledgement) == send.acknowledgement();
    }
    Ok((same, acknowledged.len()))
}
