//! The fuzz [`targets`]: what each of them decodes, and what must be true of whatever is accepted.
//!
//! This crate owns no rule: it calls what peers' bytes reach. Where an input has parts, [`structures`],
//! [`families`] and [`parts`] say how they stand in it, [`gateway_keys`] what opens them; `tests/fuzz_corpus/` writes the
//! corpora by the same files.
//! `fuzz_targets/` has a program for each target: a line that libFuzzer calls.

pub mod families;
pub mod gateway_keys;
pub mod parts;
pub mod structures;
pub mod targets;
