//! Every command against a small state in memory.

mod debug;
mod expiring;
mod fetching;
mod inbox;
mod model;
mod tokens;
mod uploading;
mod welcoming;
mod world;
