//! The packages whose libraries the programs link: those of this machine, of which the versions here are new enough.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::deb::said;
use crate::failure::Failure;

/// As the field `Depends` has them.
pub(super) fn of(programs: &[PathBuf]) -> Result<Vec<String>, Failure> {
    let mut packages = BTreeMap::new();
    for program in programs {
        for library in linked(&said(Command::new("ldd").arg(program))?) {
            let package = owner(Path::new(library))?;
            let version = said(Command::new("dpkg-query").args(["--show", "--showformat", "${Version}", &package]))?;
            let name = package.split(':').next().unwrap_or(&package).to_owned();
            packages.insert(name, upstream(&version).to_owned());
        }
    }
    Ok(packages.into_iter().map(|(name, version)| format!("{name} (>= {version})")).collect())
}

/// Paths in what `ldd` says: `name => path (address)`.
fn linked(listing: &str) -> impl Iterator<Item = &str> {
    let paths = listing.lines().filter_map(|line| line.split_once("=> ")?.1.split(" (").next());
    paths.filter(|path| path.starts_with('/'))
}

/// The package that a file came with. What is under `/lib` is recorded there or under `/usr/lib`, which are one folder.
fn owner(library: &Path) -> Result<String, Failure> {
    let found = library.canonicalize().unwrap_or_else(|_| library.to_owned());
    let merged = found.strip_prefix("/usr").map(|rest| Path::new("/").join(rest));
    let candidates = [Some(library.to_owned()), Some(found.clone()), merged.ok()];
    let owners = candidates.into_iter().flatten().filter_map(|path| {
        let answer = said(Command::new("dpkg-query").arg("--search").arg(path)).ok()?;
        Some(answer.lines().next()?.split_once(": ")?.0.to_owned())
    });
    let mut owners = owners;
    owners.next().ok_or_else(|| Failure::new(format!("no package has {}, which a program links", found.display())))
}

/// A version without Debian's own revision. The epoch stays: without one, dpkg takes it for the lowest.
fn upstream(version: &str) -> &str {
    version.rsplit_once('-').map_or(version, |(upstream, _)| upstream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_the_files_that_were_found() {
        let listing = "\tlinux-vdso.so.1 (0x1)\n\tlibc.so.6 => /lib/libc.so.6 (0x2)\n\t/lib64/ld-linux.so.2 (0x3)\n\
                       \tlibx.so => not found\n";
        assert_eq!(linked(listing).collect::<Vec<_>>(), ["/lib/libc.so.6"]);
    }

    #[test]
    fn versions_are_those_of_the_library_s_authors() {
        for (version, expected) in [("2.36-9+deb12u10", "2.36"), ("1:12.2.0-14", "1:12.2.0"), ("7", "7")] {
            assert_eq!(upstream(version), expected);
        }
    }
}
