//! Real MLS clients around a small model of a hub.

mod bad_commits;
mod cast;
mod catching_up;
mod channel;
mod convergence;
mod epochs;
mod hub;
mod late;
mod leaving;
mod members;
mod races;
mod saved;
mod storage;
