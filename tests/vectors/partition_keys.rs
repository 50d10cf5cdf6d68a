//! `partition_keys.json`: the structures of the exporter, and the way from a Welcome to a masked partition key.

use restante::wire::{PartitionKey, PartitionKeyContext, encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    clients::{HUB, JoinedEpoch, LABEL, SUITES, exporter_context, partition_key, transcript},
    file::{Vector, bytes, parse, text},
    key_schedule::Hash,
    sending::longest_name,
    tls::Tls,
};

/// What an epoch's vector starts from: everything else follows.
pub(crate) struct Start {
    pub(crate) name: String,
    pub(crate) cipher_suite: u16,
    pub(crate) group_context: Vec<u8>,
    pub(crate) joiner_secret: Vec<u8>,
}

impl Start {
    pub(crate) fn of(name: &str, joined: &JoinedEpoch) -> Self {
        Self {
            name: name.to_owned(),
            cipher_suite: joined.cipher_suite,
            group_context: joined.group_context.clone(),
            joiner_secret: joined.joiner_secret.clone(),
        }
    }

    /// The epochs of the published file: frozen, like the messages of the same groups.
    pub(crate) fn published() -> Vec<Self> {
        entries("epochs")
            .iter()
            .map(|entry| Self {
                name: text(entry, "name").to_owned(),
                cipher_suite: u16::try_from(entry["cipher_suite"].as_u64().expect("a suite")).expect("a suite"),
                group_context: bytes(entry, "group_context"),
                joiner_secret: bytes(entry, "joiner_secret"),
            })
            .collect()
    }

    fn entry(&self) -> Value {
        let hash = Hash::of(self.cipher_suite);
        let epoch_secret = hash.epoch_secret(&self.joiner_secret, &self.group_context);
        let exporter_secret = hash.exporter_secret(&epoch_secret);
        let mut entry = export(&self.name, self.cipher_suite, &exporter_secret, HUB);
        entry["group_context"] = json!(hex::encode(&self.group_context));
        entry["joiner_secret"] = json!(hex::encode(&self.joiner_secret));
        entry["epoch_secret"] = json!(hex::encode(epoch_secret));
        entry
    }
}

fn entries(array: &str) -> Vec<Value> {
    parse("partition_keys.json")[array].as_array().expect("partition_keys.json has this array").clone()
}

fn export(name: &str, cipher_suite: u16, exporter_secret: &[u8], hub: &str) -> Value {
    let context = Tls::new().vector(hub).bytes();
    let key = Hash::of(cipher_suite).export(exporter_secret, LABEL, &context, 16);
    json!({
        "name": name,
        "cipher_suite": cipher_suite,
        "exporter_secret": hex::encode(exporter_secret),
        "hub": hub,
        "context": hex::encode(&context),
        "partition_key": hex::encode(&key),
        "masked_partition_key": hex::encode(Sha256::digest(&key)),
    })
}

pub(crate) fn vectors() -> Vec<Vector> {
    let longest = longest_name();
    vec![
        Vector::good("PartitionKeyContext", "usual", Tls::new().vector(HUB), json!({ "hub": HUB })),
        Vector::good("PartitionKeyContext", "longest", Tls::new().vector(&longest), json!({ "hub": longest })),
        Vector::bad("PartitionKeyContext", "upper_case", Tls::new().vector("HUB.example"), "Fault(ServiceProviderId)"),
    ]
}

/// Exporter secrets that are easy to type.
pub(crate) fn exports() -> Vec<Value> {
    let longest = longest_name();
    let mut entries = Vec::new();
    for cipher_suite in SUITES {
        let secret: Vec<u8> = (0..).take(Hash::of(cipher_suite).length()).collect();
        for (name, hub) in [("shortest", "a.b"), ("usual", HUB), ("longest", longest.as_str())] {
            entries.push(export(&format!("suite {cipher_suite}, {name} hub"), cipher_suite, &secret, hub));
        }
    }
    entries
}

pub(crate) fn epochs(starts: &[Start]) -> Vec<Value> {
    starts.iter().map(Start::entry).collect()
}

/// What the crate gives to whoever exports is what the vectors used: label, context, length and mask.
#[test]
fn published_exports_use_the_label_context_and_mask_of_the_crate() {
    super::made();
    let all = [entries("exports"), entries("epochs")].concat();
    assert_eq!(all.len(), 15 + 6);
    for entry in &all {
        let hub = text(entry, "hub").parse().expect("a published hub is a name");
        let context = encode(&PartitionKeyContext { hub }).expect("a name is short");
        assert_eq!(context, bytes(entry, "context"), "{entry}");
        let suite = u16::try_from(entry["cipher_suite"].as_u64().expect("a suite")).expect("a suite");
        let exporter_secret = bytes(entry, "exporter_secret");
        let label = PartitionKey::EXPORTER_LABEL;
        let exported = Hash::of(suite).export(&exporter_secret, label, &context, PartitionKey::LENGTH);
        assert_eq!(exported, bytes(entry, "partition_key"), "{entry}");
        let key = PartitionKey::new(exported.try_into().expect("16 bytes"));
        assert_eq!(key.masked().as_bytes()[..], bytes(entry, "masked_partition_key"), "{entry}");
    }
    let mut keys: Vec<&str> = all.iter().map(|entry| text(entry, "partition_key")).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(
        keys.len(),
        all.len() - 6,
        "another hub, secret or hash is another key; suites 1, 2 and 3 share one hash"
    );
}

/// The epochs belong to the groups of `messages.json`.
#[test]
fn published_epochs_are_those_of_the_published_messages() {
    super::made();
    let messages = parse("messages.json");
    let mut found = 0;
    for group in messages["groups"].as_array().expect("groups") {
        let name = text(group, "name");
        let entry = entries("epochs").into_iter().find(|entry| entry["name"] == format!("{name}, epoch 1"));
        let entry = entry.unwrap_or_else(|| panic!("no epoch of {name}"));
        let epoch = &group["epochs"][1];
        assert_eq!(epoch["partition_key"], entry["partition_key"]);
        assert_eq!(epoch["masked_partition_key"], entry["masked_partition_key"]);
        let info = messages["vectors"]
            .as_array()
            .expect("vectors")
            .iter()
            .find(|vector| vector["name"] == format!("{name}/group_info_1"))
            .expect("the GroupInfo of the epoch");
        assert_eq!(info["fields"]["group_context"], entry["group_context"]);
        found += 1;
    }
    assert_eq!(found, 3);
}

/// mls-rs, the key schedule written from the RFC, and both sides of a Welcome agree, in groups made just now.
#[test]
fn mls_rs_exports_what_the_rfc_says() {
    for suite in SUITES {
        for encrypted in [false, true] {
            let joined = transcript(suite, encrypted, b"a group of today").joined;
            let hash = Hash::of(suite);
            let epoch_secret = hash.epoch_secret(&joined.joiner_secret, &joined.group_context);
            let exporter_secret = hash.exporter_secret(&epoch_secret);
            for hub in ["a.b", HUB, &longest_name()[..60]] {
                let context = exporter_context(hub);
                let key = hash.export(&exporter_secret, LABEL, &context, 16);
                for group in &joined.groups {
                    let exported = group.export_secret(LABEL, &context, 16).expect("a member exports");
                    assert_eq!(exported.as_bytes(), key, "suite {suite}, {hub}");
                }
            }
            assert_eq!(partition_key(&joined.groups[0]), partition_key(&joined.groups[1]));
        }
    }
}
