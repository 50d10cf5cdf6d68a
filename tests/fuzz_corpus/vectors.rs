//! Inputs out of `specs/vectors/`: every value that decodes and is not large.

use std::fs;

use super::{
    corpus::Corpus,
    structures::{PARTS, REQUESTS, RESPONSES},
};

/// MLS structures, and the target of each.
pub(crate) const MLS: [(&str, &str); 5] = [
    ("GroupInfo", "group_info"),
    ("GroupMessage", "mls_message"),
    ("KeyPackage", "key_package"),
    ("RatchetTree", "ratchet_tree"),
    ("Welcome", "welcome"),
];

/// What is larger holds more of the same.
const LARGEST: usize = 4096;

/// An encoding that decodes.
pub(crate) struct Vector {
    pub(crate) structure: String,
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Those of all files, in the order of files and in theirs.
pub(crate) fn published() -> Vec<Vector> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/specs/vectors");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let mut vectors = Vec::new();
    for path in files {
        let file: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        for vector in file["vectors"].as_array().unwrap().iter().filter(|vector| vector.get("fields").is_some()) {
            let text = |key: &str| vector[key].as_str().unwrap().to_owned();
            let bytes = hex::decode(text("hex")).unwrap();
            vectors.push(Vector { structure: text("structure"), name: text("name"), bytes });
        }
    }
    vectors
}

pub(crate) fn add(corpus: &mut Corpus) {
    let lists = [("wire_requests", REQUESTS), ("wire_responses", RESPONSES), ("wire_parts", PARTS)];
    for Vector { structure, name, bytes } in published().into_iter().filter(|vector| vector.bytes.len() <= LARGEST) {
        if let Some((_, target)) = MLS.iter().find(|(mls, _)| *mls == structure) {
            corpus.add(target, &name, bytes);
            continue;
        }
        for (target, list) in lists {
            let Some(place) = list.iter().position(|listed| listed.name == structure) else { continue };
            let chosen = u8::try_from(place).expect("a list has fewer than 256 structures");
            corpus.add(target, &format!("{structure}-{name}"), [&[chosen], bytes.as_slice()].concat());
        }
    }
}
