//! Whether two folders lie in each other, however their names are written.

use std::path::{Component, Path, PathBuf};

/// Whether one of two folders is the other, or lies in it. Links, `.` and `..` lead where they lead now; of what is not
/// there yet, only the name is known.
///
/// # Correctness
/// A folder that is mounted in two places is two folders here.
pub fn overlap(one: &Path, other: &Path) -> bool {
    let (one, other) = (resolved(one), resolved(other));
    one.starts_with(&other) || other.starts_with(&one)
}

/// Where a path leads: as far as there is something, as the system goes; from there on, as it is written.
fn resolved(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|above| {
        let folder = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        Some((folder.canonicalize().ok()?, path.strip_prefix(above).ok()?))
    });
    let Some((mut resolved, missing)) = there else { return path.to_owned() };
    for part in missing.components() {
        match part {
            Component::ParentDir => {
                resolved.pop();
            }
            part => resolved.push(part),
        }
    }
    resolved
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn folders_are_compared_and_not_what_they_are_called() {
        let site = tempfile::tempdir().unwrap();
        let root = site.path();
        fs::create_dir_all(root.join("data/inner")).unwrap();
        fs::create_dir(root.join("elsewhere")).unwrap();
        symlink(root.join("data"), root.join("link")).unwrap();
        symlink(root.join("data/inner"), root.join("elsewhere/link")).unwrap();
        let data = root.join("data");
        for same in ["data", "data/", "./data", "data/.", "data/inner/..", "elsewhere/../data", "link"] {
            assert!(overlap(&root.join(same), &data) && overlap(&data, &root.join(same)), "{same}");
        }
        for inside in ["data/inner", "data/new", "data/new/../newer", "link/new/deeper", "elsewhere/link/new"] {
            assert!(overlap(&root.join(inside), &data) && overlap(&data, &root.join(inside)), "{inside}");
        }
        for apart in ["elsewhere", "data-too", "new", "data/new/../../new", "data.restoring", "link/../elsewhere"] {
            assert!(!overlap(&root.join(apart), &data) && !overlap(&data, &root.join(apart)), "{apart}");
        }
        assert!(overlap(root, &data), "the one above");
    }

    /// As in a configuration that is named without a folder.
    #[test]
    fn names_without_a_folder_begin_here() {
        let here = std::env::current_dir().unwrap();
        assert!(overlap(Path::new("not-there"), &here.join("not-there/new")));
        assert!(!overlap(Path::new("not-there"), Path::new("nor-this")));
    }
}
