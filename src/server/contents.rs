//! What is in the files that a configuration names, as hashes: a reload tells which of them are others than before.
//!
//! # Privacy
//! Names of settings are told. Nothing of what is in a file can be had from here.

use std::path::Path;

use restante_files::read_small;
use restante_process::pem;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::config::Config;

/// Files that a reload reads again, each by its setting; without a hash if it cannot be read.
pub(super) struct Contents(Vec<(&'static str, Option<[u8; 32]>)>);

impl Contents {
    /// Blocks.
    pub(super) fn read(config: &Config) -> Self {
        let Config { provider, public, local, export, .. } = config;
        let mut files = vec![
            ("provider.cert_file", &provider.cert_file),
            ("provider.key_file", &provider.key_file),
            ("provider.ca_file", &provider.ca_file),
        ];
        if let Some(public) = public {
            files.extend([("public.cert_file", &public.cert_file), ("public.key_file", &public.key_file)]);
            files.extend(public.relays.iter().map(|relays| ("public.relay_ca_file", &relays.ca_file)));
        }
        files.extend(local.iter().map(|local| ("local.service_token_file", &local.service_token_file)));
        if let Some(export) = export {
            files.extend(export.ca_file.iter().map(|file| ("export.ca_file", file)));
            files.extend(export.authorization_file.iter().map(|file| ("export.authorization_file", file)));
        }
        Self(files.into_iter().map(|(setting, file)| (setting, hash(file))).collect())
    }

    /// The settings that were there before, and whose files have other contents now.
    pub(super) fn changed_since(&self, before: &Self) -> Vec<&'static str> {
        let changed = self.0.iter().filter(|(setting, contents)| {
            before.0.iter().any(|(name, contents_before)| name == setting && contents_before != contents)
        });
        changed.map(|(setting, _)| *setting).collect()
    }
}

fn hash(file: &Path) -> Option<[u8; 32]> {
    let bytes = Zeroizing::new(read_small(file, pem::BYTES_MAX).ok()?);
    Some(Sha256::digest(bytes.as_slice()).into())
}
