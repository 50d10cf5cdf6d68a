//! What each of Restante's programs needs of its machine, and nothing of what they serve.
//!
//! * [`Connections`]: an accept loop over a [`Socket`], bounded in number and time, drained at the end; [`Tls`] on it,
//!   and [`Identify`] for what a client's certificate says.
//! * [`admin`]: health and numbers for the operator.
//! * [`metrics`]: what is counted, and how it is written.
//! * [`export`]: those numbers pushed to a collector, if the operator wants it.
//! * [`pem`]: certificates and keys in files.
//! * [`config`]: file, environment and flags as one configuration; every problem in one run.
//! * [`telemetry`]: logs that hold our own events only.
//! * [`clock`]: whether the clock of the day jumps.
//! * [`Tasks`]: what a program cannot do without, and ends with.
//! * [`Signals`], [`told`] and [`until_drained`]: the end of a process, and reloads; [`Supervisor`], who is told of them.
//! * [`raise_open_files`], [`connections_of_each`] and [`table_files`]: descriptors, of which connections never take the
//!   last ones.
//! * [`forbid_core_dumps`]: a crash leaves nothing of what a process held.
//! * [`Manual`]: man pages and shell completions.
//! * [`Exit`], [`console`] and [`block_on`]: what stands in each `main.rs`.
//!
//! It knows no HPKE, no MLS and no database, and none of the programs: `cargo xtask check` enforces it.
//!
//! # Privacy
//! No address of a client is handed on or logged: an accepted connection is known by its certificate or not at all. How
//! many connections come from one address is counted while they are open, by a hash that nobody else can make.

pub mod admin;
mod answer;
pub mod clock;
pub mod config;
mod connections;
pub mod console;
mod core_dumps;
mod drain;
mod exchanges;
mod exit;
mod expiry;
pub mod export;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod identify;
mod limits;
mod manual;
pub mod metrics;
mod open_files;
mod opening;
mod origin;
pub mod pem;
mod place;
mod protocols;
mod refused;
mod runtime;
mod signals;
mod socket;
mod status_class;
mod stopwatch;
mod supervisor;
mod tasks;
pub mod telemetry;
mod tls;
mod told;
mod tunnel;
mod unread;

pub use connections::{Connections, RouteName};
pub use core_dumps::{CORE_DUMPS_VARIABLE, forbid_core_dumps};
pub use drain::{Ended, on_runtime, until_drained};
pub use exit::Exit;
pub use expiry::Expiry;
pub use identify::Identify;
pub use limits::ConnectionLimits;
pub use manual::{Manual, too_wide};
pub use open_files::{connections_of_each, raise_open_files, table_files, too_few_files};
pub use runtime::block_on;
pub use signals::{Ends, Reloads, Signals};
pub use socket::{Socket, SocketError};
pub use status_class::status_class;
pub use stopwatch::Stopwatch;
pub use supervisor::Supervisor;
pub use tasks::{Stopped, Tasks};
pub use tls::{Clients, Tls, TlsError};
pub use told::{Told, told};
pub use tunnel::Tunnel;
pub use unread::RequestBody;
