//! Listeners over real sockets: who may hold a connection for how long, whom a certificate names, what a tunnel keeps.

#![allow(clippy::unwrap_used, reason = "a broken listener fails loudly")]

mod certificates;
mod client;
mod clock;
mod idle;
mod listener;
mod origins;
mod pki;
mod refused_bodies;
mod stalls;
mod tunnels;
mod unread;
