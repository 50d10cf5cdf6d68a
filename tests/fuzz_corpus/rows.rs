//! Rows of every kind, out of the texts that pin the format down.

use std::{collections::BTreeMap, fs};

use super::{corpus::Corpus, families::FAMILIES, parts};

/// One row of a kind is enough; rows of a family without kinds are told apart by the length of their values.
pub(crate) fn add(corpus: &mut Corpus) {
    for (place, family) in FAMILIES.iter().enumerate() {
        let place = u8::try_from(place).expect("there are few families");
        let mut kinds = BTreeMap::<String, u32>::new();
        for (key, value) in rows(family) {
            let kind = match *family {
                "state" => char::from(key[0]).to_string(),
                "public" => char::from(key[64]).to_string(),
                _ => value.len().to_string(),
            };
            let number = kinds.entry(kind.clone()).or_default();
            *number += 1;
            let input = [&[place], parts::join(&[&key]).as_slice(), &value].concat();
            // Names have no upper and lower case everywhere.
            let case = if kind.chars().all(char::is_lowercase) { "small_" } else { "" };
            corpus.add("stored_row", &format!("{family}-{case}{kind}-{number}"), input);
        }
    }
}

fn rows(family: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/rocks/testdata");
    let mut formats: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    formats.sort();
    let newest = formats.last().expect("a format has texts").join(format!("{family}.txt"));
    let text = fs::read_to_string(newest).unwrap();
    let mut rows = Vec::new();
    if family == "default" {
        // Only a database that was put back from a backup has it, and none of the texts is of one.
        let restored = [&1_762_000_000_000_u64.to_be_bytes()[..], &1_048_576_u32.to_be_bytes()].concat();
        rows.push((b"restored".to_vec(), restored));
    }
    for line in text.lines() {
        if let Some(key) = line.strip_prefix("key   ") {
            rows.push((hex::decode(key).unwrap(), Vec::new()));
        } else if let Some(value) = line.strip_prefix("value") {
            rows.last_mut().expect("a value follows its key").1 = hex::decode(value.trim_start()).unwrap();
        }
    }
    rows
}
