//! The gateway as its relays and clients see it.

mod answers;
mod bench;
mod dates;
mod inside;
mod key_list;
mod refusals;
mod replays;
