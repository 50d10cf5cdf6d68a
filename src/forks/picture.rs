//! What a picture of a group says.

use serde::{Deserialize, Serialize};

use crate::sequencer::{Sign, UnixMillis};

/// A group and its partitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// The group's name.
    pub group: String,
    /// As of when.
    pub at_ms: UnixMillis,
    /// When the group was created.
    pub created_ms: UnixMillis,
    /// When it was deleted: it takes nothing any more.
    #[serde(default)]
    pub deleted_ms: Option<UnixMillis>,
    /// How many partitions were looked at.
    pub partitions: u64,
    /// Whether there are more, which were not.
    pub is_cut: bool,
    /// What the group has shown, each since it was shown first.
    pub evidence: Vec<Shown>,
    /// Partitions in the order in which they are drawn: each after the one that it hangs on.
    pub nodes: Vec<Node>,
    /// The dominant branch, then those beside it that somebody used, and orphans, the one that was used last first.
    pub branches: Vec<Branch>,
}

/// A place in the picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Which of the nodes it hangs on; the root and orphans hang on none.
    pub above: Option<usize>,
    /// What stands there.
    pub shape: Shape,
    /// The name of the partition, or of the first one.
    pub key: String,
    /// Its epoch number; an orphan has none.
    pub epoch: Option<u64>,
    /// How many messages it holds, or all of them together.
    pub messages: u64,
    /// When it was announced, or opened.
    pub created_ms: UnixMillis,
    /// Whose user sent the commit that announced it.
    pub announced_by: Option<String>,
    /// Who used it, the last one first.
    pub users: Vec<User>,
    /// Whether it is on the dominant branch.
    pub is_dominant: bool,
    /// Whether it is the newest epoch of its branch.
    pub is_head: bool,
    /// How many Welcomes wait for somebody to use it.
    pub held: u64,
    /// What it shows.
    pub evidence: Vec<Shown>,
    /// That the operator has ended its branch.
    pub terminated: Option<Ended>,
}

/// What a node stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// One partition.
    #[default]
    Partition,
    /// Partitions one after the other, without forks or evidence.
    Run {
        /// How many.
        partitions: u64,
        /// The name of the last one.
        last: String,
        /// Its epoch number.
        last_epoch: Option<u64>,
    },
    /// What more there is of a branch, and is not drawn one by one.
    Rest {
        /// How many partitions.
        partitions: u64,
    },
    /// What commits announced and nobody has used.
    Unused {
        /// How many partitions.
        partitions: u64,
        /// Whose users sent these commits.
        committers: Vec<String>,
    },
}

/// A provider that used something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Who.
    pub provider: String,
    /// The last time, to the hour.
    pub last_ms: UnixMillis,
}

/// A sign of a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Which.
    #[serde(with = "sign")]
    pub sign: Sign,
    /// Since when.
    pub since_ms: UnixMillis,
}

/// That the operator has ended a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The name of the partition with which it begins.
    pub top: String,
    /// When.
    pub at_ms: UnixMillis,
}

/// A way that the group goes, or has gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// The name of the partition with which it leaves the dominant branch; of the dominant branch the root's.
    pub top: String,
    /// The epoch number of that partition; an orphan has none.
    pub epoch: Option<u64>,
    /// The newest partition: of the dominant branch its head, else the one that was used last.
    pub newest: String,
    /// Its epoch number.
    pub newest_epoch: Option<u64>,
    /// Whether it is the dominant branch.
    pub is_dominant: bool,
    /// How many partitions.
    pub partitions: u64,
    /// How many messages they hold.
    pub messages: u64,
    /// Who used it, the last one first.
    pub users: Vec<User>,
    /// That the operator has ended it.
    pub terminated: Option<Ended>,
}

/// Signs as words.
mod sign {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::sequencer::Sign;

    const WORDS: [(Sign, &str); 6] = [
        (Sign::OtherEpoch, "other-epoch"),
        (Sign::NoEdge, "no-edge"),
        (Sign::LateHandshake, "late-handshake"),
        (Sign::RivalChildren, "rival-children"),
        (Sign::SharedOrphan, "shared-orphan"),
        (Sign::RivalHeads, "rival-heads"),
    ];

    pub(super) fn serialize<S: Serializer>(sign: &Sign, serializer: S) -> Result<S::Ok, S::Error> {
        let word = WORDS.iter().find(|(known, _)| known == sign).map_or("", |(_, word)| word);
        serializer.serialize_str(word)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sign, D::Error> {
        let word = String::deserialize(deserializer)?;
        let known = WORDS.iter().find(|(_, known)| *known == word);
        known.map(|(sign, _)| *sign).ok_or_else(|| D::Error::custom("no such sign"))
    }
}
