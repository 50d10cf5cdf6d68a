//! No file of the repository names a folder of the machine that it was written on.
//!
//! Such a path works for one person, and tells the others about that person's machine.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// Where machines keep people's folders. Written in two parts, so that this file does not name one.
const HOMES: &[&str] = &[concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/"), concat!("/wo", "rk/")];

/// Checks every text file that git tracks or would track.
///
/// # Errors
///
/// The places that name such a folder.
pub(crate) fn check(root: &Path) -> Result<(), Failure> {
    let Some(listing) = listing(root) else {
        eprintln!("machine-paths: skipped, git does not list the files of this folder");
        return Ok(());
    };
    let own = own_folders(root);
    let mut found = Vec::new();
    for file in listing.split('\0').filter(|file| !file.is_empty()) {
        // Deleted files are still listed until the commit; binary files are not read.
        let Ok(text) = fs::read_to_string(root.join(file)) else {
            continue;
        };
        found.extend(machine_paths(&text, &own).into_iter().map(|(line, path)| format!("{file}:{line}: {path}")));
    }
    if found.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!(
            "paths of one machine; write them relative to the repository, or with $HOME:\n{}",
            found.join("\n")
        )))
    }
}

fn listing(root: &Path) -> Option<String> {
    let output = Command::new("git")
        // A checkout may belong to another user, as in containers; we only list names.
        .arg("-c")
        .arg(format!("safe.directory={}", root.display()))
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    String::from_utf8(output.stdout).ok()
}

/// This machine's own folders, when they are long enough to mean nothing else.
fn own_folders(root: &Path) -> Vec<String> {
    let home = env::var_os("HOME").map(std::path::PathBuf::from);
    [Some(root.to_owned()), home]
        .into_iter()
        .flatten()
        .filter(|path| path.is_absolute() && path.components().count() > 2)
        .map(|path| format!("{}/", path.display()))
        .collect()
}

/// Line number, counted from 1, and text of each path that names a folder of a machine.
fn machine_paths<'text>(text: &'text str, own: &[String]) -> Vec<(usize, &'text str)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let folders = HOMES.iter().copied().chain(own.iter().map(String::as_str));
        let first = folders
            .flat_map(|folder| line.match_indices(folder))
            .filter(|(at, folder)| begins_a_path(&line[..*at]) && names_more(&line[at + folder.len()..]))
            .map(|(at, _)| at)
            .min();
        if let Some(at) = first {
            let end = line[at..]
                .find(|c: char| c.is_whitespace() || "\"'`)>,;".contains(c))
                .map_or(line.len(), |length| at + length);
            found.push((number + 1, &line[at..end]));
        }
    }
    found
}

/// Whether a path that stands after `before` is absolute, not the end of a longer one or of a URL.
fn begins_a_path(before: &str) -> bool {
    before.ends_with("file://") || !before.ends_with(|c: char| c.is_alphanumeric() || "/.~_-}*".contains(c))
}

fn names_more(after: &str) -> bool {
    after.starts_with(|c: char| c.is_alphanumeric() || "._-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts the pieces together here, so that this file does not name such a folder.
    fn path(top: &str, rest: &str) -> String {
        format!("/{top}/{rest}")
    }

    #[test]
    fn folders_of_people_are_found() {
        for (text, expected) in [
            (path("home", "ann/x.rs"), path("home", "ann/x.rs")),
            (format!("see `{}`", path("root", ".cargo")), path("root", ".cargo")),
            (format!("file://{}", path("Users", "ann")), path("Users", "ann")),
            (format!("x={},", path("work", "main")), path("work", "main")),
        ] {
            assert_eq!(machine_paths(&text, &[]), [(1, expected.as_str())], "{text}");
        }
    }

    #[test]
    fn other_paths_are_not() {
        for text in [
            String::from("/var/lib/restante"),
            format!("https://example.org{}", path("home", "page")),
            format!("../..{}", path("work", "x")),
            format!("$HOME{}", path("work", "x")),
            format!("{} alone", path("root", "")),
        ] {
            assert!(machine_paths(&text, &[]).is_empty(), "{text}");
        }
    }

    #[test]
    fn the_folder_of_the_checkout_is_found_wherever_it_is() {
        let own = [String::from("/srv/builds/restante/")];
        assert_eq!(machine_paths("one\nin /srv/builds/restante/src", &own), [(2, "/srv/builds/restante/src")]);
    }
}
