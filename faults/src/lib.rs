//! What the torture harness (`tests/torture/`) does to a program from inside: it has it end at a chosen point, as
//! `kill -9` would end it there, or panic there, and puts its clock ahead.
//!
//! The other crates of the workspace link this one with the feature `faults` alone, and name it only where they ask for
//! that feature. So nothing of it is in what is shipped: `cargo xtask check -- dependencies` says whether it could be.

mod clock;
mod point;

pub use clock::{CLOCK_AHEAD_MS, ahead_ms};
pub use point::{PANIC_QUOTE, PANIC_TEXT, POINT, Point, pass};
