//! The oblivious client against a relay and a gateway that do what a test says: real sockets and TLS, `ohttp`'s server.

mod dates;
mod fetching;
mod gateway;
mod key_lists;
mod key_logs;
mod messages;
mod outdated_keys;
mod outside;
mod pki;
mod stage;
mod tampering;
mod targeting;
mod tunnels;
