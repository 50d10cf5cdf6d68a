//! What became of each user, for people and for scripts.
//!
//! # Correctness
//! A KeyPackage was handed out once and for all when it comes here: whatever the form, it is in the output, and a folder
//! that it is to be written to was tried before it was asked for. All files are on the disk before the first line is
//! printed, which may find nobody who reads it. What cannot be written to a file is printed.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use base64::{Engine, engine::general_purpose::STANDARD};
use restante::{
    client::{key_package_ref, oblivious::FetchedKeyPackages},
    mls::WireKeyPackage,
    wire::KeyPackageStatus,
};
use restante_process::console::complain;
use tempfile::NamedTempFile;

use crate::cli::User;

/// Where KeyPackages go, and how they are told.
pub(super) struct Output {
    folder: Option<PathBuf>,
    is_json: bool,
}

/// Where the KeyPackages of all users are.
#[derive(Default)]
pub(super) struct Placed {
    /// For each user, and each of their KeyPackages, its file if it is in one.
    pub(super) files: Vec<Vec<Option<PathBuf>>>,
    /// Whether something is in no file that should be.
    pub(super) is_misplaced: bool,
}

impl Output {
    /// Makes the folder, and tries to write to it.
    pub(super) fn new(folder: Option<PathBuf>, is_json: bool) -> anyhow::Result<Self> {
        if let Some(folder) = &folder {
            let tried = fs::create_dir_all(folder).and_then(|()| NamedTempFile::new_in(folder)?.close());
            tried.map_err(|error| refused(folder, error))?;
        }
        Ok(Self { folder, is_json })
    }

    /// Puts the KeyPackages of all users where they belong.
    pub(super) fn place(&self, results: &[FetchedKeyPackages]) -> Placed {
        let Some(folder) = &self.folder else {
            return Placed { files: vec![Vec::new(); results.len()], is_misplaced: false };
        };
        let place = |key_package| match write(folder, key_package) {
            Ok(path) => Some(path),
            Err(error) => {
                complain(&format!("restante: a KeyPackage could not be written and is printed instead: {error}"));
                None
            }
        };
        let files: Vec<Vec<_>> = results.iter().map(|result| result.key_packages.iter().map(place).collect()).collect();
        let mut is_misplaced = files.iter().flatten().any(Option::is_none);
        // Their names: without that a crash could leave files that nobody finds.
        if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
            complain(&format!("restante: whether all KeyPackages are on the disk is not known: {error}"));
            is_misplaced = true;
        }
        Placed { files, is_misplaced }
    }

    /// Tells what became of the user, whose KeyPackages are in these files.
    pub(super) fn tell(
        &self,
        user: &User,
        result: &FetchedKeyPackages,
        files: &[Option<PathBuf>],
        width: usize,
    ) -> Vec<String> {
        if self.is_json { vec![self.json(user, result, files)] } else { lines(user, result, files, width) }
    }

    fn json(&self, user: &User, result: &FetchedKeyPackages, files: &[Option<PathBuf>]) -> String {
        let key_packages: Vec<_> = result.key_packages.iter().map(encode).collect();
        let mut object = serde_json::json!({
            "user": user.written,
            "status": word(result.status),
            "key_packages": key_packages,
            "invalid": result.invalid,
        });
        if self.folder.is_some() {
            object["files"] = files.iter().flatten().map(|path| path.to_string_lossy()).collect();
        }
        object.to_string()
    }
}

/// Why nothing is written to a folder.
fn refused(folder: &Path, error: io::Error) -> anyhow::Error {
    let folder = folder.display();
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            anyhow!("{folder} cannot be a folder: it, or what should hold it, is a file; name another folder")
        }
        _ => anyhow::Error::from(error).context(format!("{folder}: nothing can be written there")),
    }
}

/// A line for each KeyPackage, and at least one.
fn lines(user: &User, result: &FetchedKeyPackages, files: &[Option<PathBuf>], width: usize) -> Vec<String> {
    let line = |word: &str, rest: &str| format!("{:width$}  {word:12}  {rest}", name(user)).trim_end().to_owned();
    let mut lines = Vec::new();
    for (place, key_package) in result.key_packages.iter().enumerate() {
        lines.push(match files.get(place) {
            Some(Some(path)) => line("ok", &path.display().to_string()),
            _ => line("ok", &encode(key_package)),
        });
    }
    if lines.is_empty() {
        lines.push(line(word(result.status), ""));
    }
    if result.invalid > 0 {
        lines.push(line("invalid", &result.invalid.to_string()));
    }
    lines
}

/// Writes a KeyPackage to a file that is named after its reference. One that is there already is the same.
fn write(folder: &Path, key_package: &WireKeyPackage) -> io::Result<PathBuf> {
    let reference = key_package_ref(key_package).ok_or(io::ErrorKind::InvalidData)?;
    let path = folder.join(format!("{}.key-package", hex::encode(&reference.0)));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(key_package.bytes())?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(path)
}

fn encode(key_package: &WireKeyPackage) -> String {
    STANDARD.encode(key_package.bytes())
}

fn word(status: KeyPackageStatus) -> &'static str {
    match status {
        KeyPackageStatus::Ok => "ok",
        KeyPackageStatus::Denied => "denied",
        KeyPackageStatus::Exhausted => "exhausted",
        KeyPackageStatus::Incompatible => "incompatible",
    }
}

/// The user as it was written, without what would steer a terminal.
pub(super) fn name(user: &User) -> String {
    user.written.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(folder: Option<&Path>, is_json: bool) -> Output {
        Output::new(folder.map(Path::to_owned), is_json).unwrap()
    }

    #[test]
    fn lines_are_for_people_and_objects_for_scripts() {
        let user: User = "bob\u{1b}[2J".parse().unwrap();
        let denied = FetchedKeyPackages { status: KeyPackageStatus::Denied, key_packages: Vec::new(), invalid: 0 };
        assert_eq!(output(None, false).tell(&user, &denied, &[], 16), ["bob\\u{1b}[2J      denied"]);
        let [line] = &output(None, true).tell(&user, &denied, &[], 16)[..] else { panic!() };
        let read: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            read,
            serde_json::json!({ "user": "bob\u{1b}[2J", "status": "denied", "key_packages": [], "invalid": 0 })
        );
        let spoilt = FetchedKeyPackages { status: KeyPackageStatus::Ok, invalid: 2, ..denied };
        let lines = output(None, false).tell(&user, &spoilt, &[], 14);
        assert_eq!(lines, ["bob\\u{1b}[2J    ok", "bob\\u{1b}[2J    invalid       2"]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_refused_before_anything_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        for wrong in [file.clone(), file.join("below")] {
            let refused = Output::new(Some(wrong), false).err().unwrap().to_string();
            assert!(refused.ends_with("is a file; name another folder"), "{refused}");
        }
        let made = folder.path().join("a/b");
        output(Some(&made), false);
        assert_eq!(fs::read_dir(&made).unwrap().count(), 0, "made, and nothing left there");
    }
}
