//! States that are followed beside real groups, and what happens when somebody lies.

#![allow(clippy::unwrap_used, reason = "a test's own set-up fails loudly")]

mod bans;
mod cast;
mod checkpoints;
mod following;
mod group_infos;
mod lies;
mod trees;
