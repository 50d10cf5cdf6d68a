//! Whatever was acknowledged is there.

use std::collections::BTreeMap;

use super::{Names, operate};
use crate::{
    client::http::DeliveryService,
    demo::{Failure, company::Company, narrator::Narrator, record::Exchange, scenes::crash::list, stage::Stage},
    wire::{ReceiveRequest, SendResponse, decode},
};

pub(in crate::demo) async fn play(
    stage: &mut Stage,
    company: &mut Company,
    narrator: &mut Narrator,
) -> Result<(), Failure> {
    narrator.scene("Nothing was lost");
    narrator.tell("The operator ends Trudy's branch after all. It is two epochs long by now.");
    let names = Names::of(company)?;
    let words = ["forks", "terminate", &names.group, &names.branch, "--yes"];
    let printed = stage.providers()?.hub.operate(&words).await?;
    company.printed.push_str(&printed);
    narrator.check("the branch is terminated", printed.lines().last() == Some("terminated: 2 partitions"));
    operate(stage, company, narrator, &["forks", "show", &names.group]).await?;

    let (mut sequenced, mut keys) = (Vec::new(), BTreeMap::new());
    for exchange in company.record.all() {
        if let Some(Sequenced { index, digest }) = Sequenced::of(&exchange) {
            sequenced.push((index, digest));
        }
        if let Some(sent) = exchange.sent().filter(|_| exchange.acknowledgement().is_some()) {
            keys.entry(sent.partition_key.masked()).or_insert((sent.partition_key, exchange.seat.name));
        }
    }
    let mut there = Vec::new();
    for (key, seat) in keys.values() {
        let tap = company.taps().into_iter().find(|tap| tap.seat().name == *seat).ok_or("a device is missing")?;
        let group_id = company.alice.group_id().to_vec();
        let request = ReceiveRequest { group_id, partition_key: key.clone(), counter: 0 };
        there.extend((0..).zip(list(&DeliveryService::new(tap.clone()), &request).await?));
    }
    narrator.check(
        format!(
            "all {} messages that hub.example has acknowledged, in {} partitions, on both branches, are still given to \
             whoever shows the key, at the index that was named",
            sequenced.len(),
            keys.len()
        ),
        !sequenced.is_empty() && sequenced.iter().all(|place| there.contains(place)),
    );
    Ok(())
}

/// A message that the hub has given a place.
struct Sequenced {
    index: u32,
    digest: [u8; 32],
}

impl Sequenced {
    fn of(exchange: &Exchange) -> Option<Self> {
        if let (Some(sent), Some(answer)) = (exchange.sent(), exchange.acknowledgement()) {
            return Some(Self { index: answer.index, digest: sent.message.digest() });
        }
        let sent = exchange.join().filter(|_| exchange.status() == Some(200))?;
        let answer: SendResponse = decode(&exchange.outcome.as_ref().ok()?.body).ok()?;
        Some(Self { index: answer.index, digest: sent.message.digest() })
    }
}
