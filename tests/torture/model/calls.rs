//! Calls through the gateway that stands alone: each reaches its origin once at most, and has when it was answered.

use std::collections::HashMap;

#[derive(Default)]
pub(crate) struct Calls {
    /// How often each reached the origin.
    arrived: HashMap<String, u32>,
    answered: usize,
    copies: usize,
}

impl Calls {
    /// Somebody is about to post it.
    pub(crate) fn begin(&mut self, call: &str) {
        self.arrived.insert(call.to_owned(), 0);
    }

    /// The same of one that nobody has made before. What it is called.
    pub(crate) fn begin_probe(&mut self) -> String {
        let call = format!("probe {}", self.arrived.len());
        self.begin(&call);
        call
    }

    /// It is at the origin.
    pub(crate) fn arrive(&mut self, call: &str) -> Result<(), String> {
        match self.arrived.get_mut(call) {
            None => Err(format!("{call} is at the origin, and nobody posted it")),
            Some(times) => {
                *times += 1;
                if *times == 1 { Ok(()) } else { Err(format!("{call} reached the origin {times} times")) }
            }
        }
    }

    /// Whoever posted it has an answer of the origin's.
    pub(crate) fn answer(&mut self, call: &str) -> Result<(), String> {
        self.answered += 1;
        match self.arrived.get(call) {
            Some(1..) => Ok(()),
            _ => Err(format!("{call} was answered, and the origin has not seen it")),
        }
    }

    /// A copy of a call was posted, and came to something.
    pub(crate) fn copied(&mut self) {
        self.copies += 1;
    }

    /// At the end.
    pub(crate) fn expect_some(&self) -> Result<(), String> {
        if self.answered > 0 { Ok(()) } else { Err("no call through the lone gateway was answered".to_owned()) }
    }

    pub(super) fn summary(&self) -> String {
        let Self { arrived, answered, copies } = self;
        format!("{} calls through the lone gateway, {answered} answered, {copies} copies posted", arrived.len())
    }
}
