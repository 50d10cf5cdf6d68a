//! What the targets of `fuzz/` reach into, and nobody else: no program is compiled with it.

pub use crate::keyring::keyring_again;
