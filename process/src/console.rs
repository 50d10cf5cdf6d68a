//! Standard output and standard error, for the lines that are no logs.

use std::{
    error::Error,
    fmt::Display,
    io::{self, Write},
};

/// A line on standard output.
///
/// # Errors
/// It is closed.
pub fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// Whether a program ends because nobody reads its standard output any more: `… | head` is no mistake.
pub fn is_unread(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A line on standard error, which may be closed.
pub fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// `listening <table> <address>` on standard output: the listener of that table of the configuration accepts, at the
/// port that the system chose if the configured one was 0.
pub fn announce(table: &str, address: &dyn Display) {
    if say(&format!("listening {table} {address}")).is_err() {
        tracing::warn!("standard output is closed: nobody reads which address a listener has");
    }
}
