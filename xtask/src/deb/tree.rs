//! Which file of the repository, or of a build, lies where on a machine.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cargo::Cargo;
use crate::deb::version::Version;
use crate::deb::{PROGRAMS, failed, notices, said};
use crate::failure::Failure;

/// Files of the repository, and the folders that they go to.
const FILES: &[(&str, &str)] = &[
    ("packaging/etc/hub.toml", "etc/restante"),
    ("packaging/etc/relay.toml", "etc/restante"),
    ("packaging/etc/gateway.toml", "etc/restante"),
    ("packaging/systemd/restante.service", "usr/lib/systemd/system"),
    ("packaging/systemd/restante-relay.service", "usr/lib/systemd/system"),
    ("packaging/systemd/restante-gateway.service", "usr/lib/systemd/system"),
    ("config/hub.toml", "usr/share/doc/restante/examples"),
    ("config/relay.toml", "usr/share/doc/restante/examples"),
    ("config/gateway.toml", "usr/share/doc/restante/examples"),
    ("specs/operations.md", "usr/share/doc/restante"),
    ("specs/http.md", "usr/share/doc/restante"),
    ("specs/storage.md", "usr/share/doc/restante"),
    ("specs/threat-model.md", "usr/share/doc/restante"),
];

/// Files that have another name there.
const RENAMED: &[(&str, &str)] = &[
    ("packaging/sysusers.conf", "usr/lib/sysusers.d/restante.conf"),
    ("packaging/tmpfiles.conf", "usr/lib/tmpfiles.d/restante.conf"),
];

/// Folders of what a program writes about itself, where each goes, and what its files are called.
const MANUAL: &[(&str, &str)] = &[
    ("man1", "usr/share/man/man1"),
    ("bash", "usr/share/bash-completion/completions"),
    ("zsh", "usr/share/zsh/vendor-completions"),
    ("fish", "usr/share/fish/vendor_completions.d"),
];

/// Lays everything out but what `control` writes.
pub(super) fn lay_out(cargo: &Cargo, programs: &Path, tree: &Path, version: &Version) -> Result<(), Failure> {
    for program in PROGRAMS {
        let to = tree.join("usr/bin").join(program);
        copy(&programs.join(program), &to, 0o755)?;
        // Names of functions stay, for backtraces. What is left out is for debuggers, and most of the size.
        said(Command::new("strip").arg("--strip-debug").arg(&to))?;
        lay_out_manual(&programs.join(program), program, tree)?;
    }
    for (file, folder) in FILES {
        let name = Path::new(file).file_name().expect("each is a file");
        copy(&cargo.root().join(file), &tree.join(folder).join(name), 0o644)?;
    }
    for (file, to) in RENAMED {
        copy(&cargo.root().join(file), &tree.join(to), 0o644)?;
    }
    let docs = tree.join("usr/share/doc/restante");
    write_compressed(&read(&cargo.root().join("CHANGELOG.md"))?, &docs.join("changelog.gz"))?;
    let debian = format!(
        "restante ({}) unstable; urgency=medium\n\n  * As changelog.gz says.\n\n -- {}  {}\n",
        version.number,
        super::control::maintainer(),
        version.date
    );
    write_compressed(debian.as_bytes(), &docs.join("changelog.Debian.gz"))?;
    write_compressed(notices::of(cargo)?.as_bytes(), &docs.join("third-party-notices.gz"))?;
    let mit = String::from_utf8_lossy(&read(&cargo.root().join("LICENSE-MIT"))?).into_owned();
    let head = String::from_utf8_lossy(&read(&cargo.root().join("packaging/debian/copyright"))?).into_owned();
    write(copyright(&head, &mit).as_bytes(), &docs.join("copyright"), 0o644)
}

/// Lays out what is linked into each program, as `cargo xtask sbom` has written it.
pub(super) fn lay_out_documents(documents: &Path, tree: &Path) -> Result<(), Failure> {
    for program in PROGRAMS {
        let name = format!("{program}.cdx.json");
        copy(&documents.join(&name), &tree.join("usr/share/doc/restante").join(&name), 0o644)?;
    }
    Ok(())
}

/// What the program writes about itself.
fn lay_out_manual(program: &Path, name: &str, tree: &Path) -> Result<(), Failure> {
    let folder = tree.join("manual");
    said(Command::new(program).arg("write-manual").arg(&folder))?;
    for (from, to) in MANUAL {
        for file in files(&folder.join(from))? {
            let written = file.file_name().expect("it was listed").to_string_lossy().into_owned();
            match *from {
                "man1" => write_compressed(&read(&file)?, &tree.join(to).join(format!("{written}.gz")))?,
                // Bash looks for a file with the program's own name.
                "bash" => copy(&file, &tree.join(to).join(name), 0o644)?,
                _ => copy(&file, &tree.join(to).join(&written), 0o644)?,
            }
        }
    }
    fs::remove_dir_all(&folder).map_err(|error| failed("remove", &folder, &error))
}

/// Debian has the Apache License on every machine, and the MIT license on none.
fn copyright(head: &str, mit: &str) -> String {
    let indented = |text: &str| -> String {
        text.trim_end()
            .lines()
            .map(|line| if line.is_empty() { " .\n".to_owned() } else { format!(" {line}\n") })
            .collect()
    };
    let apache =
        "On Debian systems the text of the Apache License, Version 2.0, is in\n/usr/share/common-licenses/Apache-2.0.";
    format!("{head}License: MIT\n{}\nLicense: Apache-2.0\n{}", indented(mit), indented(apache))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let listed = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut files: Vec<PathBuf> = listed.map_err(|error| failed("list", folder, &error))?;
    files.sort_unstable();
    Ok(files)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| failed("read", path, &error))
}

fn copy(from: &Path, to: &Path, mode: u32) -> Result<(), Failure> {
    write(&read(from)?, to, mode)
}

/// Whatever mask this process has: a package's modes are everybody's.
pub(super) fn write(bytes: &[u8], to: &Path, mode: u32) -> Result<(), Failure> {
    let writing = || -> io::Result<()> {
        make_folders(to.parent().expect("it is in a folder"))?;
        fs::write(to, bytes)?;
        fs::set_permissions(to, fs::Permissions::from_mode(mode))
    };
    writing().map_err(|error| failed("write", to, &error))
}

fn make_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    folder.parent().map_or(Ok(()), make_folders)?;
    fs::create_dir(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

/// Without a name and a time in it: equal input, equal output.
fn write_compressed(bytes: &[u8], to: &Path) -> Result<(), Failure> {
    let plain = to.with_extension("");
    write(bytes, &plain, 0o644)?;
    let output =
        Command::new("gzip").args(["--no-name", "--best", "--stdout"]).arg(&plain).stdin(Stdio::null()).output();
    let output = output.map_err(|error| Failure::new(format!("cannot start gzip: {error}")))?;
    if !output.status.success() {
        return Err(Failure::new(format!("gzip ended with {}", output.status)));
    }
    fs::remove_file(&plain).map_err(|error| failed("remove", &plain, &error))?;
    write(&output.stdout, to, 0o644)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_installed_is_there() {
        let cargo = Cargo::here().unwrap();
        for (file, _) in FILES.iter().chain(RENAMED) {
            assert!(cargo.root().join(file).is_file(), "{file}");
        }
        for program in PROGRAMS {
            assert!(FILES.iter().any(|(file, _)| *file == format!("packaging/systemd/{program}.service")), "{program}");
        }
    }

    #[test]
    fn licences_are_paragraphs_of_debian() {
        let text = copyright("Files: *\n\n", "One\n\nTwo\n");
        assert!(
            text.starts_with("Files: *\n\nLicense: MIT\n One\n .\n Two\n\nLicense: Apache-2.0\n On Debian"),
            "{text}"
        );
    }
}
