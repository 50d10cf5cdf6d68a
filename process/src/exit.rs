//! How a program ends, as a number.

use std::process::ExitCode;

/// `EX_CONFIG` of sysexits.h.
const WRONG_CONFIGURATION: u8 = 78;

/// How a program ended. Wrong usage is number 2; clap ends the process with it by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: what was asked for is done.
    Done,
    /// 1: it failed while running, or ended without having drained.
    Failed,
    /// 78: it did not start, because of its configuration. A service manager need not try again.
    WrongConfiguration,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Failed => Self::FAILURE,
            Exit::WrongConfiguration => Self::from(WRONG_CONFIGURATION),
        }
    }
}
