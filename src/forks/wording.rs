//! Words that all drawings share.

use std::time::{Duration, UNIX_EPOCH};

use super::picture::{Node, Picture, Shape, Shown, User};
use crate::sequencer::{Sign, UnixMillis};

const MINUTE: UnixMillis = 60_000;
const HOUR: UnixMillis = 60 * MINUTE;
const DAY: UnixMillis = 24 * HOUR;

/// The year 9999 ends then: an IMF-fixdate has four digits for it.
const LAST_MS: u64 = 253_402_300_799_000;

/// How many users are named before they are counted.
const USERS_MAX: usize = 6;

/// `1 message`, `2 messages`.
pub(super) fn counted(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// `5m ago`, to the unit that matters.
pub(super) fn ago(at_ms: UnixMillis, now: UnixMillis) -> String {
    match now.saturating_sub(at_ms) {
        age if age < MINUTE => "just now".to_owned(),
        age if age < HOUR => format!("{}m ago", age / MINUTE),
        age if age < 2 * DAY => format!("{}h ago", age / HOUR),
        age => format!("{}d ago", age / DAY),
    }
}

/// The IMF-fixdate (RFC 9110 §5.6.7).
pub(super) fn date(at_ms: UnixMillis) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(at_ms.min(LAST_MS)))
}

/// `hub.example 5m ago, north.example 3d ago and 4 more`.
pub(super) fn users(users: &[User], now: UnixMillis) -> String {
    let named = users.iter().take(USERS_MAX).map(|user| format!("{} {}", user.provider, ago(user.last_ms, now)));
    let named = named.collect::<Vec<_>>().join(", ");
    match users.len().saturating_sub(USERS_MAX) {
        _ if users.is_empty() => "used by nobody".to_owned(),
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// What a sign is called.
pub(super) fn name(sign: Sign) -> &'static str {
    match sign {
        Sign::OtherEpoch => "other epoch",
        Sign::NoEdge => "no edge",
        Sign::LateHandshake => "late handshake",
        Sign::RivalChildren => "rival children",
        Sign::SharedOrphan => "shared orphan",
        Sign::RivalHeads => "rival heads",
    }
}

/// What a sign is called and means.
pub(super) fn sign(shown: &Shown) -> String {
    let what = match shown.sign {
        Sign::OtherEpoch => "a message named another epoch number than the partition's",
        Sign::NoEdge => "a commit announced a partition that is, or went, elsewhere",
        Sign::LateHandshake => "a handshake came long after the next epoch was in use",
        Sign::RivalChildren => "different providers use different ones of the epochs that follow",
        Sign::SharedOrphan => "two providers use it, and no commit leads to it",
        Sign::RivalHeads => "another newest epoch of this number has another GroupContext",
    };
    format!("{}: {what}, since {}", name(shown.sign), date(shown.since_ms))
}

/// `epoch 7`, `epochs 7 to 9`, or that there is none.
pub(super) fn epochs(node: &Node) -> String {
    match (node.epoch, &node.shape) {
        (None, _) => "no epoch".to_owned(),
        (Some(first), Shape::Run { last_epoch: Some(last), .. }) => format!("epochs {first} to {last}"),
        (Some(epoch), _) => format!("epoch {epoch}"),
    }
}

/// What is drawn: the group, and whether it is deleted.
pub(super) fn title(picture: &Picture) -> String {
    let deleted =
        picture.deleted_ms.map(|deleted_ms| format!(", DELETED {}, takes nothing any more", date(deleted_ms)));
    format!("group {}{}", picture.group, deleted.unwrap_or_default())
}

/// What the node says besides its epoch and who used it.
pub(super) fn remarks(node: &Node) -> Vec<String> {
    let mut remarks = Vec::new();
    match &node.shape {
        Shape::Run { partitions, last, .. } => {
            remarks.push(format!("{} in a line, to {last}", counted(*partitions, "partition")));
        }
        Shape::Unused { partitions, committers } => {
            let by = if committers.is_empty() { String::new() } else { format!(", by {}", committers.join(", ")) };
            remarks.push(format!("{} that nobody has used{by}", counted(*partitions, "partition")));
        }
        Shape::Rest { partitions } => {
            remarks.push(format!("{} in all that are not drawn one by one", counted(*partitions, "partition")));
        }
        Shape::Partition => {}
    }
    remarks.push(counted(node.messages, "message"));
    if node.held > 0 {
        remarks.push(format!("{} held", counted(node.held, "Welcome")));
    }
    if node.is_head {
        remarks.push(if node.is_dominant { "the dominant head" } else { "a newest epoch" }.to_owned());
    }
    remarks
}
