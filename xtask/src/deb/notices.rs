//! Whose work the programs contain, under which licences, and what these ask to be passed on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cargo::Cargo;
use crate::deb::PROGRAMS;
use crate::failure::Failure;

/// How names of files begin that a licence, or its author, asks to be passed on.
const NAMES: &[&str] = &["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];

/// Folders of packages that carry a library of somebody else's.
const LIBRARIES: &[(&str, &str)] =
    &[("aws-lc-sys", "aws-lc"), ("librocksdb-sys", "rocksdb"), ("libmimalloc-sys", "c_src/mimalloc")];

/// All notices, each text once.
pub(super) fn of(cargo: &Cargo) -> Result<String, Failure> {
    let mut call = vec!["tree", "--locked"];
    call.extend(PROGRAMS.iter().flat_map(|program| ["--package", program]));
    call.extend(["--edges", "normal", "--prefix", "none", "--format", "{p}|{l}"]);
    let listing = cargo.output(&call)?;
    let packages: BTreeSet<_> = listing.lines().filter_map(package).collect();
    let metadata = cargo.output(&["metadata", "--locked", "--format-version", "1"])?;
    let folders: BTreeMap<String, PathBuf> = folders(&metadata).collect();

    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut notices = String::from("Restante's programs contain these packages:\n\n");
    for (name, version, licence) in &packages {
        // Writing to a string does not fail, here and below.
        let _ = writeln!(notices, "{name} {version}: {licence}");
        let identity = format!("{name}-{version}");
        let folder = folders.get(&identity);
        let folder = folder.ok_or_else(|| Failure::new(format!("cargo does not say where {identity} lies")))?;
        let libraries = LIBRARIES.iter().filter(|(package, _)| package == name).map(|(_, inner)| folder.join(inner));
        for text in [folder.clone()].into_iter().chain(libraries).flat_map(|folder| texts_in(&folder)) {
            texts.entry(text).or_default().push(identity.clone());
        }
    }
    for (text, mut owners) in texts {
        owners.dedup();
        let _ = write!(notices, "\n---- {} ----\n\n{}\n", owners.join(", "), text.trim());
    }
    Ok(notices)
}

/// Name, version and licence in a line of `cargo tree`; `None` for what is ours.
fn package(line: &str) -> Option<(&str, &str, &str)> {
    let (package, licence) = line.split_once('|')?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    // A path stands behind packages of this folder; behind others, at most what kind they are.
    if package.contains("(/") {
        return None;
    }
    // A line that was there before ends with a mark.
    Some((name, version, licence.trim_end_matches(" (*)")))
}

/// The folders in what `cargo metadata` says. Each is called by its package's name and version.
fn folders(metadata: &str) -> impl Iterator<Item = (String, PathBuf)> {
    metadata.split("\"manifest_path\":\"").skip(1).filter_map(|rest| {
        let folder = Path::new(rest.split('"').next()?).parent()?;
        Some((folder.file_name()?.to_str()?.to_owned(), folder.to_owned()))
    })
}

/// What the files say that are to be passed on.
fn texts_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| path.is_file() && is_notice(path)).collect();
    files.sort_unstable();
    files.iter().filter_map(|file| Some(String::from_utf8_lossy(&fs::read(file).ok()?).trim().to_owned())).collect()
}

fn is_notice(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_uppercase()).unwrap_or_default();
    NAMES.iter().any(|known| name.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_work_is_named_and_ours_is_not() {
        assert_eq!(package("bytes v1.2.3|MIT"), Some(("bytes", "1.2.3", "MIT")));
        assert_eq!(
            package("serde_derive v1.0.1 (proc-macro)|MIT OR Apache-2.0 (*)"),
            Some(("serde_derive", "1.0.1", "MIT OR Apache-2.0"))
        );
        assert_eq!(package("restante v0.1.0 (/somewhere)|MIT"), None);
        assert_eq!(package(""), None);
    }

    #[test]
    fn folders_are_found_by_what_they_are_called() {
        let metadata =
            r#"{"packages":[{"manifest_path":"/a/bytes-1.2.3/Cargo.toml","x":1},{"manifest_path":"/b/Cargo.toml"}]}"#;
        let found: Vec<_> = folders(metadata).collect();
        assert_eq!(found[0], ("bytes-1.2.3".to_owned(), PathBuf::from("/a/bytes-1.2.3")));
    }

    #[test]
    fn files_that_are_to_be_passed_on_are_known_by_their_names() {
        for (name, is) in [("LICENSE-MIT", true), ("license.txt", true), ("NOTICE", true), ("README.md", false)] {
            assert_eq!(is_notice(Path::new(name)), is, "{name}");
        }
    }
}
