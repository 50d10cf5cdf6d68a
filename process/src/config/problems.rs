//! What is wrong with a configuration: all of it, in sentences.

use std::fmt;

/// Problems of a configuration, each with its place. Printed one to a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    /// A file and a key, a variable, or a flag.
    place: String,
    sentence: String,
}

impl Problems {
    /// A single problem.
    pub fn one(place: &str, sentence: String) -> Self {
        Self(vec![Problem { place: place.to_owned(), sentence }])
    }

    /// Adds one: a file and a key, a variable or a flag; and a sentence that says what to do.
    pub fn add(&mut self, place: String, sentence: String) {
        self.0.push(Problem { place, sentence });
    }

    /// No problem, or all of them.
    ///
    /// # Errors
    /// There is at least one.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(formatter, "{line_break}{}: {}", problem.place, problem.sentence)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
