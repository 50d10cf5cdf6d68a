//! Standard output and standard error, for the lines that are no logs.

use std::{
    error::Error,
    fmt::Display,
    io::{self, BufRead, IsTerminal, Write},
};

/// Why something is not done that cannot be taken back.
#[derive(Debug, thiserror::Error)]
pub enum Unconfirmed {
    /// Whoever was asked does not want it.
    #[error("nothing was done")]
    Declined,
    /// Nobody can be asked.
    #[error("standard input or standard error is no terminal that could be asked: say --yes")]
    NoTerminal,
    /// The terminal is gone.
    #[error("the terminal could not be asked")]
    Io(#[from] io::Error),
}

/// Asks whoever sits at the terminal, on standard error, and waits for the answer. The question is to say what cannot
/// be taken back.
///
/// # Errors
/// Nobody agrees: nothing is to be done.
pub fn confirm(question: &str) -> Result<(), Unconfirmed> {
    let stdin = io::stdin();
    if !stdin.is_terminal() || !io::stderr().is_terminal() {
        return Err(Unconfirmed::NoTerminal);
    }
    write!(io::stderr(), "{question} [y/N] ")?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    if is_yes(&answer) { Ok(()) } else { Err(Unconfirmed::Declined) }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim(), "y" | "Y" | "yes")
}

/// A line on standard output.
///
/// # Errors
/// It is closed, or full: the error says that it is about standard output.
pub fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}").map_err(|error| io::Error::new(error.kind(), format!("standard output: {error}")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_no_yes() {
        for answer in ["", "\n", "n\n", "no\n", "ye\n", "y y\n", "yesterday\n"] {
            assert!(!is_yes(answer), "{answer:?}");
        }
        for answer in ["y\n", "Y\r\n", " yes "] {
            assert!(is_yes(answer), "{answer:?}");
        }
    }
}
