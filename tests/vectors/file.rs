//! The published files: how a vector stands in JSON, and how a file is written and read.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

/// One entry of a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Vector {
    pub(crate) name: String,
    /// The name in the drafts or in `specs/protocol.md`.
    pub(crate) structure: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) outcome: Outcome,
}

/// What a decoder must make of the bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The value, and encoding it gives the same bytes.
    Fields(Value),
    /// The name of the `DecodeError`.
    Error(String),
}

impl Vector {
    pub(crate) fn good(structure: &str, name: &str, bytes: impl AsRef<[u8]>, fields: Value) -> Self {
        Self {
            name: name.to_owned(),
            structure: structure.to_owned(),
            bytes: bytes.as_ref().to_vec(),
            outcome: Outcome::Fields(fields),
        }
    }

    pub(crate) fn bad(structure: &str, name: &str, bytes: impl AsRef<[u8]>, error: &str) -> Self {
        Self {
            name: name.to_owned(),
            structure: structure.to_owned(),
            bytes: bytes.as_ref().to_vec(),
            outcome: Outcome::Error(error.to_owned()),
        }
    }
}

/// A file of `specs/vectors/`.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) vectors: Vec<Vector>,
    /// Further arrays of objects, by name.
    pub(crate) more: Vec<(&'static str, Vec<Value>)>,
}

pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("specs/vectors").join(name)
}

pub(crate) fn parse(name: &str) -> Value {
    let text = fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("specs/vectors/{name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("specs/vectors/{name}: {error}"))
}

pub(crate) fn text<'a>(entry: &'a Value, key: &str) -> &'a str {
    entry[key].as_str().unwrap_or_else(|| panic!("no {key} in {entry}"))
}

pub(crate) fn bytes(entry: &Value, key: &str) -> Vec<u8> {
    hex::decode(text(entry, key)).expect("published hex is hex")
}

/// The vectors of a file as it is published.
pub(crate) fn read(name: &str) -> Vec<Vector> {
    let file = parse(name);
    let entries = file["vectors"].as_array().expect("a file has vectors");
    entries
        .iter()
        .map(|entry| Vector {
            name: text(entry, "name").to_owned(),
            structure: text(entry, "structure").to_owned(),
            bytes: bytes(entry, "hex"),
            outcome: match (entry.get("fields"), entry.get("error")) {
                (Some(fields), None) => Outcome::Fields(fields.clone()),
                (None, Some(error)) => Outcome::Error(error.as_str().expect("an error has a name").to_owned()),
                _ => panic!("either fields or an error: {entry}"),
            },
        })
        .collect()
}

impl File {
    /// The text of the file: an entry's members in the order in which they are read.
    pub(crate) fn render(&self) -> String {
        let mut arrays = vec![("vectors", self.vectors.iter().map(render_vector).collect::<Vec<_>>())];
        arrays.extend(self.more.iter().map(|(name, entries)| (*name, entries.iter().map(|e| pretty(e, 4)).collect())));
        let arrays: Vec<String> = arrays
            .into_iter()
            .map(|(name, entries)| format!("  {}: [\n    {}\n  ]", json!(name), entries.join(",\n    ")))
            .collect();
        format!("{{\n  \"about\": {},\n{}\n}}\n", json!(self.about), arrays.join(",\n"))
    }
}

fn render_vector(vector: &Vector) -> String {
    let outcome = match &vector.outcome {
        Outcome::Fields(fields) => format!("\"fields\": {}", pretty(fields, 6)),
        Outcome::Error(error) => format!("\"error\": {}", json!(error)),
    };
    format!(
        "{{\n      \"name\": {},\n      \"structure\": {},\n      \"hex\": {},\n      {outcome}\n    }}",
        json!(vector.name),
        json!(vector.structure),
        json!(hex::encode(&vector.bytes)),
    )
}

/// JSON with sorted members, whichever features of serde_json are on; what fits on a line stands on one.
fn pretty(value: &Value, indent: usize) -> String {
    let (open, close, members) = match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members = members.iter().map(|(name, value)| format!("{}: {}", json!(name), pretty(value, indent + 2)));
            ('{', '}', members.collect::<Vec<_>>())
        }
        Value::Array(elements) => ('[', ']', elements.iter().map(|value| pretty(value, indent + 2)).collect()),
        scalar => return scalar.to_string(),
    };
    let line = members.join(", ");
    if members.is_empty() {
        format!("{open}{close}")
    } else if line.len() + indent < 110 && !line.contains('\n') {
        format!("{open} {line} {close}")
    } else {
        let space = " ".repeat(indent);
        format!("{open}\n{space}  {}\n{space}{close}", members.join(&format!(",\n{space}  ")))
    }
}
