//! The commands of the scripts that are about pushes, and how things stand with them.

use bytes::Bytes;

use super::{
    super::{
        notation::{self, written_time},
        *,
    },
    play::Play,
    words::Words,
};
use crate::wire::MaskedPartitionKey;

/// What such lines begin with.
pub(super) const PUSH_VERBS: [&str; 8] =
    ["subscribe", "pushed", "unsubscribe", "follow", "granted", "needed", "keep", "unfollow"];

impl Play {
    /// The command of a line about pushes, if it is one.
    pub(super) fn push_command(&mut self, words: &mut Words<'_>) -> Option<Command> {
        let verb = words.plain(0);
        let is_one = PUSH_VERBS.contains(&verb);
        let partition = is_one.then(|| self.names.masked(words.plain(1)))?;
        let mut number = |option: &str| words.take(option).map_or(0, |number| number.parse().unwrap());
        let (from, next_index, serial) = (number("from"), number("next"), number("lease"));
        let until_ms = words.take("until").map_or(UnixMillis::MAX, |until| notation::START + notation::duration(until));
        let provider = words.take("by").map(notation::provider);
        let size = words.size("size", 100);
        let by = || provider.clone().expect("by= is missing");
        Some(match verb {
            "subscribe" => Command::Subscribe(Subscribe { provider: by(), partition, from, until_ms }),
            "pushed" => Command::Pushed(Pushed { provider: by(), partition, serial, next_index }),
            "unsubscribe" => Command::Unsubscribe(Unsubscribe { provider: by(), partition, serial }),
            "follow" => Command::Follow(Follow { partition, lease: Lease::Asked { from, until_ms } }),
            "granted" => Command::Follow(Follow { partition, lease: Lease::Granted { until_ms } }),
            "needed" => Command::Follow(Follow { partition, lease: Lease::Unchanged }),
            "keep" => {
                let messages = words.plain[2..].iter().map(|word| filled(word, size)).collect();
                Command::Keep(Box::new(Keep { partition, first_index: from, messages }))
            }
            _ => Command::Unfollow(partition),
        })
    }

    /// Who is pushed a partition, as `show` says it.
    pub(super) fn subscriptions(&self, partition: &Partition) -> Vec<String> {
        let subscriptions = partition.subscriptions.iter().map(|known| {
            let (name, until) = (notation::provider_name(&known.provider), written_time(known.until_ms));
            format!("  pushed to {name} from {} until {until}, lease {}", known.next_index, known.serial)
        });
        subscriptions.collect()
    }

    /// A followed partition, and what is kept of it.
    pub(super) fn followed(&mut self, name: &str) -> Vec<String> {
        let key = self.names.masked(name);
        let Some(record) = self.rows().followed.get(&key) else { return vec![format!("{name} is not followed")] };
        let kept: Vec<_> = self.kept(&key).iter().map(|(index, word)| format!("{index} {word}")).collect();
        let kept = if kept.is_empty() { "nothing".to_owned() } else { kept.join(", ") };
        vec![
            format!("{name}: wants {}, until {}", record.next_index, written_time(record.until_ms)),
            format!("  from {} in {}B: {kept}", record.first_index, record.bytes),
        ]
    }

    fn kept(&self, key: &MaskedPartitionKey) -> Vec<(u32, String)> {
        let kept = self.rows().kept.range((*key, 0)..=(*key, u32::MAX));
        kept.map(|((_, index), message)| {
            let end = message.iter().position(|byte| *byte == 0).unwrap_or(message.len());
            (*index, String::from_utf8(message[..end].to_vec()).unwrap())
        })
        .collect()
    }

    /// What a command changes about pushes.
    pub(super) fn push_effects(&self, transition: &Transition) -> Vec<String> {
        let subscribed = transition.subscribed.iter().map(|(key, provider, is)| {
            let (name, is) = (notation::provider_name(provider), if *is { "is" } else { "is no longer" });
            format!("{name} {is} subscribed to {}", self.names.of(key))
        });
        let followed = transition.followed.iter().map(|(key, change)| {
            let name = self.names.of(key);
            match change {
                FollowedChange::Gone => format!("{name} is not followed any more"),
                FollowedChange::Put { record, kept, lets_go } => {
                    let until = written_time(record.until_ms);
                    let let_go = if *lets_go { ", nothing before" } else { "" };
                    format!("{name} is followed until {until}, {} more kept{let_go}", kept.len())
                }
            }
        });
        subscribed.chain(followed).collect()
    }
}

/// A message of so many bytes that begins with that word.
fn filled(word: &str, size: usize) -> Bytes {
    let mut bytes = word.as_bytes().to_vec();
    bytes.resize(size, 0);
    bytes.into()
}
