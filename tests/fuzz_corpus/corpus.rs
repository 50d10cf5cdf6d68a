//! Inputs by target and name, and the folders that they stand in.

use std::{collections::BTreeMap, fs, path::PathBuf};

/// The inputs of one target, by name.
pub(crate) type Inputs = BTreeMap<String, Vec<u8>>;

#[derive(Default)]
pub(crate) struct Corpus(BTreeMap<&'static str, Inputs>);

pub(crate) fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// Whether a file is fuzzing's, and nobody makes it.
pub(crate) fn stays(name: &str) -> bool {
    name.starts_with("find-") || name.starts_with("reached-")
}

impl Corpus {
    /// Adds an input. A slash in its name becomes a hyphen.
    pub(crate) fn add(&mut self, target: &'static str, name: &str, input: Vec<u8>) {
        let name = name.replace('/', "-");
        assert!(!stays(&name), "{name} looks like a find");
        let before = self.0.entry(target).or_default().insert(name.clone(), input);
        assert!(before.is_none(), "{target}/{name} twice");
    }

    pub(crate) fn targets(&self) -> impl Iterator<Item = (&'static str, &Inputs)> {
        self.0.iter().map(|(target, inputs)| (*target, inputs))
    }

    /// Writes the inputs of a target, and removes what nobody makes any more. What fuzzing has found or reached stays.
    pub(crate) fn write(&self, target: &str) {
        let folder = folder(target);
        fs::create_dir_all(&folder).unwrap();
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if !stays(&name) && !self.0[target].contains_key(&name) {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        for (name, input) in &self.0[target] {
            fs::write(folder.join(name), input).unwrap();
        }
    }
}
