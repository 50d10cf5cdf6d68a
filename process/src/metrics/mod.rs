//! Numbers for the operator: what is counted apart for each word of a closed set, how long things take and how large they
//! are, how all of it is read, and how it is written in the text format of Prometheus.
//!
//! # Privacy
//! Labels are words of closed sets: there is none for a user, a group, an address or a provider, and nothing here grows
//! with requests.

mod counted;
mod exposition;
pub(crate) mod family;
mod histogram;
mod text;

pub use counted::{Counted, Label};
pub use exposition::{Exposition, Kind};
pub use histogram::{Histogram, Unit};
