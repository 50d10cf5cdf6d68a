//! Configuration: file, environment and flags, merged; and the checks that every program makes of what they name.
//!
//! Layers, weakest first: a TOML file, environment variables (`RESTANTE_LOCAL__LISTEN`), flags
//! (`--set local.listen=…`). A program describes what may be written as a struct for serde, reads it with [`Layers`],
//! and makes of it, key by key with a [`Reader`], what it means; all problems are told in one run, each with its place
//! and what to do.
//!
//! Nothing here opens a socket, writes, or keeps a secret.
//!
//! # Privacy
//! Problems name paths, ids and addresses. They are for the operator's terminal, never for the log.

mod authorization;
mod certificate;
mod files;
mod layers;
mod listen;
mod names;
mod problems;
mod reader;
mod setting;
mod token;
mod url;

pub use authorization::read_authorization;
pub use certificate::{CertificateFault, Facts, dns_name_of, dns_names_of, facts, seconds};
pub use figment::value::magic::RelativePathBuf;
pub use files::{
    Identity, Usage, check_authorities, check_folder, check_private, check_socket, check_writable, expires_soon,
    folder_of, read, read_certificates, refuse_public,
};
pub use layers::{Layers, Sources};
pub use listen::{LocalAddress, check_addresses, parse_tcp};
pub use names::{Program, keys_of};
pub use problems::Problems;
pub use reader::Reader;
pub use setting::Setting;
pub use token::read_token;
pub use url::is_this_machine;
