//! Numbers for the operator, in the text format of Prometheus: what is counted apart for each word of a closed set, how
//! long things take and how large they are, and how all of it is written.
//!
//! # Privacy
//! Labels are words of closed sets: there is none for a user, a group, an address or a provider, and nothing here grows
//! with requests.

mod counted;
mod exposition;
mod histogram;

pub use counted::{Counted, Label};
pub use exposition::{Exposition, Kind};
pub use histogram::{Histogram, Unit};
