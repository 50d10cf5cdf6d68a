//! Hostile clients, a file for each kind, against every listener of every program in turn. While they hold what they took,
//! whoever behaves is answered on all listeners of the process; afterwards it has the descriptors that it had before. Then and
//! meanwhile it has no more memory than a bound.
//!
//! How long a listener bears with whom is measured elsewhere (`patience.rs` of each program, `process/tests/`). Here
//! outcomes count: no number of milliseconds is asserted, and waits are generous.

mod attack;
mod bad_tls;
mod crowds;
mod descriptors;
mod exhausted;
mod frames;
mod grounds;
mod half_open;
mod many_streams;
mod never_reading;
mod oversized_heads;
mod rapid_reset;
mod slow_bodies;
mod slow_heads;
mod target;
mod thousands;
mod vitals;
