//! KeyPackages of follower.example's users, fetched through hub.example's relay: `restante serve` with its gateway,
//! `restante-relay` and the client, each a process of its own but for the client.

#[cfg(feature = "faults")]
mod bugs;
mod curl;
mod emptying;
mod killing;
mod programs;
mod readme;
mod reloading;
mod replaying;
mod restoring;
pub(crate) mod sealed;
mod sizes;
pub(crate) mod tap;
mod traces;
mod world;
