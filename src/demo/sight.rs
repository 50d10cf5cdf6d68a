//! What the hub could see of a request: read from the very bytes that it got.
//!
//! A follower forwards its users' requests byte for byte under its own name. So what is read here of a follower's
//! request is what the hub could read; the user, whom only the follower was told, is left out.

use super::{record::Exchange, stage::HUB};
use crate::{
    mls::{ContentType, Sender},
    wire::{CreateGroupRequest, ExternalJoinRequest, InboxEntry, MaskedPartitionKey},
};

/// What stands above [`send`].
pub(super) fn header() -> String {
    row(["from", "kind", "sender", "bytes", "epoch", "partition", "index"])
}

/// A send, as a row of a table; `None` for other requests.
pub(super) fn send(exchange: &Exchange) -> Option<String> {
    let request = exchange.sent()?;
    let message = &request.message;
    let from = match exchange.seat.user.split_once('@') {
        Some((user, HUB)) => user,
        _ => exchange.seat.provider,
    };
    let kind = match message.content_type() {
        ContentType::Application => "message",
        ContentType::Proposal => "proposal",
        ContentType::Commit => "commit",
    };
    let sender = match message.sender() {
        Some(Sender::Member(leaf)) => format!("leaf {leaf}"),
        Some(Sender::External(_) | Sender::NewMemberProposal | Sender::NewMemberCommit) => "outside".to_owned(),
        None => "hidden".to_owned(),
    };
    let mut partition = name(&request.partition_key.masked());
    if let Some(data) = &request.commit_data {
        partition = format!("{partition} -> {}", name(&data.next_partition_key.masked()));
    }
    // Refused sends, and those without an answer, have no place.
    let index = exchange.acknowledgement().map_or_else(|| "none".to_owned(), |answer| answer.index.to_string());
    let (bytes, epoch) = (message.bytes().len().to_string(), message.epoch().0.to_string());
    Some(row([from, kind, &sender, &bytes, &epoch, &partition, &index]))
}

/// The creation of a group.
pub(super) fn create(request: &CreateGroupRequest) -> String {
    let welcomed = request.welcome_data.as_ref().map_or(0, |data| data.service_providers.len());
    let group_info = match request.group_info {
        Some(_) => "a GroupInfo with the roster",
        None => "no GroupInfo",
    };
    let (epoch, partition) = (request.epoch.0, name(&request.partition_key.masked()));
    format!("a group at epoch {epoch}, partition {partition}, a Welcome for {welcomed} devices, {group_info}")
}

/// A Welcome, as it waits for a device.
pub(super) fn welcome(entry: &InboxEntry, device: &str) -> String {
    let (secrets, bytes) = (entry.welcome.secrets(), entry.welcome.bytes().len());
    format!("a Welcome of {bytes} bytes from {} for {secrets} KeyPackage, of {device}", entry.hub)
}

/// A join from outside.
pub(super) fn join(provider: &str, request: &ExternalJoinRequest) -> String {
    let group_info = match request.commit_data.group_info {
        Some(_) => "a GroupInfo with the roster",
        None => "no GroupInfo",
    };
    let (epoch, next) = (request.message.epoch().0, name(&request.commit_data.next_partition_key.masked()));
    format!("from {provider}: a commit from outside for epoch {epoch}, in clear, new partition {next}, {group_info}")
}

/// A partition's name in the narration: how the hash of its key begins.
fn name(partition: &MaskedPartitionKey) -> String {
    hex::encode(&partition.as_bytes()[..3])
}

fn row([from, kind, sender, bytes, epoch, partition, index]: [&str; 7]) -> String {
    format!("{from:16}  {kind:8}  {sender:7}  {bytes:>5}  {epoch:>5}  {partition:16}  {index}")
}
