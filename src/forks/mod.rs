//! A group's branches, for the operator's eyes: what is where, who uses it, what shows that the group has forked, and
//! what it would mean to end a branch (specs/protocol.md, "Forks").
//!
//! [`survey`] makes a [`Picture`] of a group's records, in which partitions without a fork are drawn together; [`text`],
//! [`dot`] and [`svg`] draw it. A picture travels as JSON from the server to whoever draws it.
//!
//! # Privacy
//! A picture names groups and partitions by the beginnings of their hashes, and providers by their ids. There are no users
//! in it.

mod answer;
pub mod dot;
mod layout;
mod names;
mod notice;
mod picture;
mod survey;
pub mod svg;
#[cfg(test)]
mod tests;
pub mod text;
mod wording;

pub use answer::{Answer, Listed, Listing, Reason};
pub use names::{NAME_DIGITS, group_name, parse_name, partition_name};
pub use notice::{Notice, NoticeOf, notice};
pub use picture::{Branch, Ended, Node, Picture, Shape, Shown, User};
pub use survey::{Forest, shown, survey};
