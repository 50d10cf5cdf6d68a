//! How a program ends, as a number.

use std::process::{self, ExitCode};

/// How a program ended. Wrong usage is number 2; clap ends the process with it by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: what was asked for is done.
    Done,
    /// 1: it failed while running.
    Failed,
    /// 1, without having drained: threads may still be at work.
    CutShort,
    /// 78 (`EX_CONFIG` of sysexits.h): it did not start, because of its configuration. A service manager need not try
    /// again.
    WrongConfiguration,
}

impl Exit {
    /// The exit status.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed | Self::CutShort => 1,
            Self::WrongConfiguration => 78,
        }
    }

    /// Ends the process.
    ///
    /// # Correctness
    /// Destructors of static objects in C++ libraries must not run under threads that still use them: the process would
    /// crash, or wait for a disk that hangs. So they do not run when the end was cut short. What was acknowledged is on
    /// the disk by then.
    pub fn end(self) -> ! {
        match self {
            Self::CutShort => signal_hook::low_level::exit(self.code().into()),
            Self::Done | Self::Failed | Self::WrongConfiguration => process::exit(self.code().into()),
        }
    }
}

/// For a `main` whose program holds nothing that must not be destroyed under its threads; others use [`Exit::end`].
impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
