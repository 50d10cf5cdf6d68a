//! What the crate promises as a whole, and what its tests share.

mod encapsulation;
mod surroundings;

pub(crate) use surroundings::{START_MS, Scripted};
