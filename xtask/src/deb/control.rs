//! What dpkg reads: the control file, the scripts, and which files are configuration.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::deb::tree::{read, write};
use crate::deb::version::Version;
use crate::deb::{architecture, failed};
use crate::failure::Failure;

const SCRIPTS: &[&str] = &["postinst", "prerm", "postrm"];

/// Whoever packs it, as Debian's tools are told; otherwise whoever runs the machine that it is installed on.
pub(super) fn maintainer() -> String {
    let variable = |name| env::var(name).ok().filter(|text| !text.is_empty() && !text.contains(['\n', '<', '>']));
    match (variable("DEBFULLNAME"), variable("DEBEMAIL")) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        _ => "Restante contributors <root@localhost>".to_owned(),
    }
}

/// Writes the folder `DEBIAN` of the tree.
pub(super) fn write_all(root: &Path, tree: &Path, version: &Version, depends: &[String]) -> Result<(), Failure> {
    let folder = tree.join("DEBIAN");
    let mut bytes = 0;
    let files = files(tree)?;
    for file in &files {
        bytes += fs::metadata(file).map_err(|error| failed("read", file, &error))?.len();
    }
    let control = control(version, &architecture()?, bytes.div_ceil(1024), depends);
    write(control.as_bytes(), &folder.join("control"), 0o644)?;
    let conffiles: String = files.iter().filter_map(|file| configuration(tree, file)).collect();
    write(conffiles.as_bytes(), &folder.join("conffiles"), 0o644)?;
    for script in SCRIPTS {
        write(&read(&root.join("packaging/debian").join(script))?, &folder.join(script), 0o755)?;
    }
    Ok(())
}

fn control(version: &Version, architecture: &str, kibibytes: u64, depends: &[String]) -> String {
    let mut depends = depends.join(", ");
    // For the scripts. Containers have the small ones.
    depends.push_str(", systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles");
    let mut control = String::new();
    for (field, value) in [
        ("Package", "restante"),
        ("Version", &version.number),
        ("Architecture", architecture),
        ("Maintainer", &maintainer()),
        ("Installed-Size", &kibibytes.to_string()),
        ("Depends", &depends),
        ("Recommends", "ca-certificates"),
        ("Section", "net"),
        ("Priority", "optional"),
        ("Description", DESCRIPTION),
    ] {
        // Writing to a string does not fail.
        let _ = writeln!(control, "{field}: {value}");
    }
    control
}

const DESCRIPTION: &str = "\
delivery service for MLS groups that never learns who talks to whom
 A provider's part in groups of Messaging Layer Security (RFC 9420) that span
 providers: it puts their encrypted messages in order, keeps them and hands
 them out, by keys that say nothing of the group's members.
 .
 With restante-relay and restante-gateway, the two halves of Oblivious HTTP
 (RFC 9458), users fetch each other's keys without telling who asks.";

/// A line of `conffiles`, if that is where it belongs: what an operator changes, an upgrade must not.
fn configuration(tree: &Path, file: &Path) -> Option<String> {
    let path = file.strip_prefix(tree).ok()?;
    path.starts_with("etc").then(|| format!("/{}\n", path.display()))
}

/// All files below a folder, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| failed("list", &folder, &error))?;
        for entry in entries {
            let path = entry.map_err(|error| failed("list", &folder, &error))?.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_file_has_what_dpkg_asks_for() {
        let version = Version { number: "1".to_owned(), seconds: 0, date: String::new() };
        let text = control(&version, "amd64", 7, &["libc6 (>= 2.36)".to_owned()]);
        assert!(text.starts_with("Package: restante\nVersion: 1\nArchitecture: amd64\nMaintainer: "), "{text}");
        assert!(text.contains("\nInstalled-Size: 7\nDepends: libc6 (>= 2.36), systemd | "), "{text}");
        let (_, description) = text.split_once("\nDescription: ").unwrap();
        assert!(description.lines().skip(1).all(|line| line.starts_with(' ')), "{text}");
        assert!(text.ends_with('\n'));
    }

    #[test]
    fn configuration_is_what_lies_in_etc() {
        let tree = Path::new("/tree");
        assert_eq!(configuration(tree, Path::new("/tree/etc/a.toml")), Some("/etc/a.toml\n".to_owned()));
        assert_eq!(configuration(tree, Path::new("/tree/usr/etc/a.toml")), None);
    }
}
