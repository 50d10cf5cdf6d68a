//! The MLS messages that stand inside the other structures, by name.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::file::{Outcome, Vector, parse, read, text};

/// Messages of `messages.json` (real, frozen) and `heads.json` (small, written by hand).
pub(crate) struct Corpus {
    by_name: HashMap<String, Vec<u8>>,
    by_bytes: HashMap<Vec<u8>, String>,
    groups: Vec<Value>,
}

impl Corpus {
    pub(crate) fn new(heads: &[Vector]) -> Self {
        let messages = read("messages.json");
        let mut corpus = Self {
            by_name: HashMap::new(),
            by_bytes: HashMap::new(),
            groups: parse("messages.json")["groups"].as_array().expect("messages.json has groups").clone(),
        };
        for (file, vectors) in [("messages.json", messages.as_slice()), ("heads.json", heads)] {
            for vector in vectors.iter().filter(|vector| matches!(vector.outcome, Outcome::Fields(_))) {
                let name = format!("{file}#{}", vector.name);
                corpus.by_bytes.insert(vector.bytes.clone(), name.clone());
                assert!(corpus.by_name.insert(name, vector.bytes.clone()).is_none(), "{} twice", vector.name);
            }
        }
        corpus
    }

    /// The bytes of `file.json#name`.
    pub(crate) fn bytes(&self, name: &str) -> &[u8] {
        self.by_name.get(name).unwrap_or_else(|| panic!("no message {name}"))
    }

    /// How a message stands in `fields`: by its name, or as hex when it has none.
    pub(crate) fn field(&self, bytes: &[u8]) -> Value {
        self.by_bytes.get(bytes).map_or_else(|| json!(hex::encode(bytes)), |name| json!(name))
    }

    /// The partition key of an epoch of a group of `messages.json`, in hex.
    pub(crate) fn partition_key(&self, group: &str, epoch: u64) -> [u8; 16] {
        let group = self.groups.iter().find(|entry| entry["name"] == group).expect("the group is published");
        let epochs = group["epochs"].as_array().expect("a group has epochs");
        let epoch = epochs.iter().find(|entry| entry["epoch"] == epoch).expect("the epoch is published");
        hex::decode(text(epoch, "partition_key")).expect("hex").try_into().expect("16 bytes")
    }

    pub(crate) fn group_id(&self, group: &str) -> Vec<u8> {
        let group = self.groups.iter().find(|entry| entry["name"] == group).expect("the group is published");
        hex::decode(text(group, "group_id")).expect("hex")
    }
}
