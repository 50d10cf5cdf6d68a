//! `Cargo.lock`: which version of a package is built.

/// The version of the package `name`, when the lock file holds exactly one.
///
/// Reads the format that cargo writes, a `[[package]]` table with `name` before `version`, and no
/// other TOML.
pub(crate) fn version_of<'lock>(lockfile: &'lock str, name: &str) -> Option<&'lock str> {
    let mut found = None;
    let mut current = None;
    for line in lockfile.lines() {
        if line == "[[package]]" {
            current = None;
        } else if let Some(value) = quoted(line, "name") {
            current = Some(value);
        } else if let Some(value) = quoted(line, "version")
            && current == Some(name)
        {
            if found.is_some() {
                return None;
            }
            found = Some(value);
        }
    }
    found
}

/// The text between quotes of a line `key = "text"`.
fn quoted<'line>(line: &'line str, key: &str) -> Option<&'line str> {
    line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKFILE: &str = "\
version = 4

[[package]]
name = \"librocksdb-sys\"
version = \"0.19.0+11.8.1\"
source = \"registry+https://example.org\"
dependencies = [
 \"bindgen\",
]

[[package]]
name = \"hashbrown\"
version = \"0.15.0\"

[[package]]
name = \"hashbrown\"
version = \"0.16.0\"
";

    #[test]
    fn a_package_is_found_by_its_whole_name() {
        assert_eq!(version_of(LOCKFILE, "librocksdb-sys"), Some("0.19.0+11.8.1"));
        assert_eq!(version_of(LOCKFILE, "rocksdb"), None);
        assert_eq!(version_of(LOCKFILE, "librocksdb"), None);
    }

    #[test]
    fn two_versions_are_no_answer() {
        assert_eq!(version_of(LOCKFILE, "hashbrown"), None);
    }

    #[test]
    fn the_format_version_belongs_to_no_package() {
        assert_eq!(version_of("version = 4\n", ""), None);
    }
}
