//! Checks of the files and folders that a configuration names.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use restante_files::overlap;
use restante_gateway::{Keyring, SealKey};
use restante_process::{
    config::{
        Identity, Usage, check_authorities, check_folder, check_private, check_socket, check_writable, read_token,
    },
    export::ExportSettings,
};

use super::{
    Local, LocalAddress, Problems, Public,
    written::{OfProvider, OfPublic, OfStore},
};

/// Where a key was written, in the operator's words.
type Place<'a> = &'a dyn Fn(&str) -> String;

pub(super) fn check_provider(provider: &OfProvider, now: SystemTime, place: Place<'_>, problems: &mut Problems) {
    let mut note = |key: &str, sentence: String| problems.add(place(&format!("provider.{key}")), sentence);
    if let (Some(cert_file), Some(key_file)) = (&provider.cert_file, &provider.key_file) {
        let name = provider.id.as_ref().map(|id| id.as_str());
        let identity = Identity { cert_file, key_file, name, name_key: "provider.id", usage: Usage::Both };
        identity.check(now, &mut note);
    }
    if let Some(Err(sentence)) = provider.ca_file.as_deref().map(check_authorities) {
        note("ca_file", sentence);
    }
}

pub(super) fn check_public(
    public: &OfPublic,
    provider: &OfProvider,
    now: SystemTime,
    place: Place<'_>,
    problems: &mut Problems,
) {
    let mut note = |key: &str, sentence: String| problems.add(place(&format!("public.{key}")), sentence);
    if let (Some(cert_file), Some(key_file)) = (&public.cert_file, &public.key_file) {
        let name = provider.id.as_ref().map(|id| id.as_str());
        let identity = Identity { cert_file, key_file, name, name_key: "provider.id", usage: Usage::Server };
        identity.check(now, &mut note);
    }
    if let Some(Err(sentence)) = public.relay_ca_file.as_deref().map(check_authorities) {
        note("relay_ca_file", sentence);
    }
    if let Some(Err(sentence)) = public.keys_path.as_deref().map(check_folder) {
        note("keys_path", sentence);
    }
    let Some(seal_key_file) = &public.seal_key_file else { return };
    if public.keys_path.as_ref().is_some_and(|keys| seal_key_file.starts_with(keys)) {
        let sentence = "lies in public.keys_path, so that whoever copies the keys copies their seal; put it elsewhere";
        note("seal_key_file", sentence.to_owned());
    } else if let Err(sentence) = check_private(seal_key_file, SealKey::BYTES as u64) {
        note("seal_key_file", sentence);
    } else if !seal_key_file.exists() && public.keys_path.as_deref().is_some_and(Keyring::exists) {
        let sentence = "is missing, and opens the keyring in public.keys_path; put it back, or remove the keyring";
        note("seal_key_file", format!("{} {sentence}", seal_key_file.display()));
    }
}

pub(super) fn check_budgets(public: &Public, place: Place<'_>, problems: &mut Problems) {
    if let Err(sentence) = public.check_budgets() {
        problems.add(place("public.requests_per_second_and_relay"), sentence);
    }
}

pub(super) fn check_local(local: &Local, place: Place<'_>, problems: &mut Problems) {
    if let LocalAddress::Unix(path) = &local.listen
        && let Err(sentence) = check_socket(path)
    {
        problems.add(place("local.listen"), sentence);
    }
    if let Err(sentence) = read_token(&local.service_token_file) {
        problems.add(place("local.service_token_file"), sentence);
    }
}

/// Said of what lies where a restore works.
const IS_REMOVED: &str = "is where `restante backup restore` makes the database ready, and removes what is there";

pub(super) fn check_store(store: &OfStore, place: Place<'_>, problems: &mut Problems) {
    let mut note = |key: &str, sentence: String| problems.add(place(&format!("store.{key}")), sentence);
    for (key, folder) in [("path", &store.path), ("backup_path", &store.backup_path)] {
        if let Some(Err(sentence)) = folder.as_deref().map(check_folder) {
            note(key, sentence);
        }
    }
    let Some(backups) = store.backup_path.as_deref() else { return };
    let sentence = if store.path.as_ref().is_some_and(|path| overlap(backups, path)) {
        "and store.path lie in each other; put backups elsewhere, on another disk if there is one"
    } else if store.path.as_ref().is_some_and(|path| overlap(backups, &restoring(path))) {
        IS_REMOVED
    } else if backups.join("CURRENT").is_file() {
        "holds a database and no backups; name a folder of its own for the backups of this one"
    } else {
        return;
    };
    note("backup_path", sentence.to_owned());
}

/// The keys, and what seals them, go with no other folder: not when a database is put back, and not into its backups.
pub(super) fn check_apart(store: &OfStore, public: &OfPublic, place: Place<'_>, problems: &mut Problems) {
    let restored = store.path.as_deref().map(restoring);
    for (key, path) in [("public.keys_path", &public.keys_path), ("public.seal_key_file", &public.seal_key_file)] {
        let Some(path) = path else { continue };
        let lies_in = |folder: &Option<PathBuf>| folder.as_ref().is_some_and(|folder| overlap(path, folder));
        let sentence = if lies_in(&store.path) {
            "and store.path lie in each other; put it elsewhere"
        } else if lies_in(&store.backup_path) {
            "and store.backup_path lie in each other; put it elsewhere"
        } else if lies_in(&restored) {
            IS_REMOVED
        } else {
            continue;
        };
        problems.add(place(key), sentence.to_owned());
    }
}

/// What the process that serves writes to later, when it is too late to say so at its start. Commands that ask it write
/// nothing there, and may be run by others.
pub(super) fn check_writing(store: &OfStore, public: &OfPublic, place: Place<'_>, problems: &mut Problems) {
    // A seal key that is there is only read.
    let seal_key_file = public.seal_key_file.as_ref().filter(|file| !file.exists());
    for (key, path) in [
        ("store.path", store.path.as_ref()),
        ("public.keys_path", public.keys_path.as_ref()),
        ("public.seal_key_file", seal_key_file),
    ] {
        if let Some(Err(sentence)) = path.map(|path| check_writable(path)) {
            problems.add(place(key), sentence);
        }
    }
}

pub(super) fn check_export(export: &ExportSettings, place: Place<'_>, problems: &mut Problems) {
    export.check(&mut |key, sentence| problems.add(place(&format!("export.{key}")), sentence));
}

/// Where a database is made ready that is put back from a backup: beside the place where it will be, on the same disk.
pub(crate) fn restoring(store_path: &Path) -> PathBuf {
    let mut name = store_path.file_name().unwrap_or_default().to_owned();
    name.push(".restoring");
    store_path.with_file_name(name)
}
