//! What can be wrong with a keyring.

use std::{io, path::PathBuf};

use crate::machine::NoEntropy;

/// Why keys cannot be used or changed.
///
/// # Privacy
/// Names files, never what is in them.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// A file or folder cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// Another process did not give the keyring free in time.
    #[error("{path} has been held by another process for seconds: see which, and try again")]
    Locked {
        /// The lock's file.
        path: PathBuf,
    },
    /// Another process answers requests with these keys.
    #[error(
        "{path} is held by another process that serves with this keyring, and neither would know the requests that the \
         other one has answered: stop that one, or give each a keyring of its own"
    )]
    Served {
        /// The lock's file.
        path: PathBuf,
    },
    /// Others than its owner may read the file.
    #[error("{path} has mode {mode:04o}: others may read it, and it must be its owner's alone; run `chmod 600 {path}`")]
    TooOpen {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is a keyring, and the seal key that it needs is gone.
    #[error("{path} is missing, and without it the keyring cannot be opened; put it back, or remove the keyring")]
    NoSealKey {
        /// The seal key's file.
        path: PathBuf,
    },
    /// Not 32 bytes.
    #[error("{path} must hold exactly 32 bytes; put the right file back")]
    SealKeyLength {
        /// The seal key's file.
        path: PathBuf,
    },
    /// The file is no keyring, of a format to come, damaged, or sealed with another key.
    #[error("{path} is damaged, was sealed with another key, or is of another version")]
    NotReadable {
        /// The keyring's file.
        path: PathBuf,
    },
    /// Two keys of a KEM are live: a third would only shorten what clients hold.
    #[error("two keys of one KEM are live already; wait until the older one is retired, or retire one")]
    TwoLive,
    /// The schedule has no keys of the KEM.
    #[error("this KEM is not offered; the configuration says which are")]
    NotOffered,
    /// No key has the id.
    #[error("there is no key with this id; `keys list` prints those that there are")]
    UnknownKey,
    /// All 256 ids are in use.
    #[error("every key id is in use")]
    NoFreeId,
    /// No random bytes.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// The library refuses a key of the file.
    #[error("a key of the keyring is not a private key")]
    NotAKey,
}

impl KeyringError {
    /// What to say of it to whoever configures a program: `x_wing` is the setting there by which X-Wing is offered, which a
    /// keyring does not know.
    #[must_use]
    pub fn told(&self, x_wing: &str) -> String {
        match self {
            Self::NotOffered => format!(
                "X-Wing keys are not offered: {x_wing} is false. With {x_wing} = true, the next start of the program that \
                 serves makes the first of them"
            ),
            error => error.to_string(),
        }
    }
}
