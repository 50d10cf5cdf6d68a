//! Proofs of the sequencer's rules.
//!
//! * [`scripts`] plays the commented scripts in `testdata/`, one for each topic: read those first.
//! * [`prop`] plays random operations of several providers in several groups against a small model.
//! * [`derived`] looks at how far retention looks for states that it would take the beginning from.
//! * [`unreadable`] looks at what becomes of a state that cannot be read.
//!
//! * fuzzing plays operations out of bytes in the same way.
//!
//! All play on the same stage: [`handmade`] MLS messages, a hub in [`memory`], and [`invariants`] that hold after
//! every step.

mod derived;
mod handmade;
mod invariants;
mod memory;
mod notation;
pub(crate) mod prop;
#[cfg(test)]
mod scripts;
#[cfg(test)]
mod unreadable;

use super::*;
