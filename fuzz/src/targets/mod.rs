//! The targets, a file for each decoder: what it decodes, and what has to hold of whatever is accepted.
//!
//! A target is one function, and [`ALL`] lists them. The programs in `fuzz_targets/` give it the bytes that libFuzzer
//! chooses, the tests in `tests/fuzz_targets/` those of its corpus and some that are made of them. So nothing here names
//! libFuzzer; and what this crate owns besides is named by `super`, for all of `src/` is a module of these tests too.

pub mod binary_request;
pub mod binary_response;
pub mod checkpoint;
pub mod encapsulated_request;
pub mod export_answer;
pub mod group_info;
pub mod header_fields;
pub mod key_list;
pub mod key_log;
pub mod key_package;
pub mod keyring;
pub mod marks;
pub mod mls_message;
pub mod public_state;
pub mod ratchet_tree;
pub mod relay_texts;
pub mod saved_group;
pub mod sequencer;
pub mod stored_row;
pub mod welcome;
pub mod wire_parts;
pub mod wire_requests;
pub mod wire_responses;

/// A target.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its corpus, its program and its file are called so.
    pub name: &'static str,
    /// Panics when a rule is broken.
    pub check: fn(&[u8]),
}

macro_rules! targets {
    ($($name:ident)*) => {
        &[$(Target { name: stringify!($name), check: $name::check }),*]
    };
}

/// All of them.
pub const ALL: &[Target] = targets! {
    binary_request binary_response checkpoint encapsulated_request export_answer group_info header_fields key_list
    key_log key_package keyring marks mls_message public_state ratchet_tree relay_texts saved_group sequencer
    stored_row welcome wire_parts wire_requests wire_responses
};
