//! What the operator sees of forks, and does about them (specs/protocol.md, "Forks").
//!
//! Everything is read from snapshots, page by page on the blocking pool; branches are ended and restored on the group's
//! lane, in bounded steps.

mod find;
mod gathering;
mod list;
mod show;
mod terminate;

pub use list::{Forked, ForkedPage};
pub use terminate::Done as BranchDone;

use super::Error;

/// What an operator named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unnamed {
    /// Nothing begins like that.
    Nothing,
    /// Several do: more digits are needed.
    Several,
}

/// Something that was looked for by the beginning of its name.
pub type Named<T> = Result<T, Unnamed>;

type Found<T> = Result<Named<T>, Error>;
