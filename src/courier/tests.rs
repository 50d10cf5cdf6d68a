//! What goes out, over mutual TLS on loopback, to providers that answer as tests say.

mod bad_answers;
mod bans;
mod follower;
mod outcomes;
mod preflight;
mod pushes;
mod restarts;
mod stage;
