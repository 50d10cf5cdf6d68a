//! What a client keeps of a group, part by part: a version, then what `src/client/saving.rs` has in its structures.

use mls_rs_codec::{MlsEncode as _, VarInt};

use super::{
    corpus::Corpus,
    vectors::{Vector, published},
};

/// Of the layout.
const VERSION: [u8; 2] = [0, 5];
const NO: [u8; 1] = [0];
const YES: [u8; 1] = [1];

pub(crate) fn add(corpus: &mut Corpus) {
    let vectors = published();
    let of = |structure: &str, name: &str| found(&vectors, structure, name);
    let (nobody, two) = (of("Banned", "nobody"), of("Banned", "two"));
    let key = of("PartitionKey", "partition_key");
    let masked = of("MaskedPartitionKey", "masked_partition_key");
    let (commit, proposal) = (of("SendRequest", "commit"), of("SendRequest", "proposal"));
    let application = of("SendRequest", "application");

    let none = list(&[]);
    let young = partition(key, 0, 0, None, 0);
    let founded = [&VERSION[..], &list(&[nobody]), &young, &none, &none, &none, &none, &none, &NO, &NO, &NO].concat();
    corpus.add("saved_group", "founded", founded);

    let secrets = list(&[b"what a library needs to apply a commit"]);
    let staged = |abandoned: &[u8]| [&secrets[..], commit, abandoned].concat();
    let sent = |digest: u8, rest: &[&[u8]]| [&[digest; 32][..], &rest.concat()].concat();
    let busy = [
        &VERSION[..],
        &list(&[nobody, two]),
        &partition(key, 7, 5, Some(3), 1),
        &list(&[&partition(key, 6, 9, Some(8), 0), &partition(key, 5, 1, None, 0)]),
        &list(&[masked, masked]),
        &list(&[&staged(&NO), &staged(&YES)]),
        &list(&[&sent(1, &[&NO, &YES, application]), &sent(2, &[&YES, &YES, proposal]), &sent(3, &[&NO, &NO])]),
        &list(&[proposal]),
        &NO,
        &YES,
        &6_u64.to_be_bytes(),
        &YES,
        &[4; 32],
    ]
    .concat();
    corpus.add("saved_group", "busy", busy);
}

fn found<'vectors>(vectors: &'vectors [Vector], structure: &str, name: &str) -> &'vectors [u8] {
    let found = vectors.iter().find(|vector| vector.structure == structure && vector.name == name);
    &found.unwrap().bytes
}

/// Values behind the length of all of them.
fn list(values: &[&[u8]]) -> Vec<u8> {
    let values = values.concat();
    let mut list = VarInt::try_from(values.len()).unwrap().mls_encode_to_vec().unwrap();
    list.extend(values);
    list
}

/// Key, epoch, counter, the last commit if there is one, whether there is a gap, and which of the policies is its own.
fn partition(key: &[u8], epoch: u64, counter: u32, last_commit: Option<u32>, policy: u32) -> Vec<u8> {
    let commit = last_commit.map_or(NO.to_vec(), |index| [&YES[..], &index.to_be_bytes()].concat());
    [key, &epoch.to_be_bytes(), &counter.to_be_bytes(), &commit, &NO, &policy.to_be_bytes()].concat()
}
