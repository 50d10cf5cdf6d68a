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

    /// Those of the tables that problems are in: for a log, which is to hold no path and nothing that somebody wrote.
    pub fn tables(&self, tables: &[&'static str]) -> Vec<&'static str> {
        tables.iter().copied().filter(|table| self.0.iter().any(|problem| problem.is_in(table))).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Problem {
    /// A place ends with the key, which may stand in parentheses.
    fn is_in(&self, table: &str) -> bool {
        let key = self.place.rsplit(' ').next().unwrap_or_default().trim_start_matches('(');
        key.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', ')']))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_told_and_nothing_else_of_a_place() {
        let tables = ["provider", "local", "limits", "peers"];
        for (place, table) in [
            ("/etc/secret/hub.toml: provider.cert_file", &["provider"][..]),
            ("/etc/secret/hub.toml: peers[1].url", &["peers"]),
            ("SECRET_VARIABLE (limits.page_bytes)", &["limits"]),
            ("--set local.listen", &["local"]),
            ("local", &["local"]),
            ("/etc/secret/hub.toml", &[]),
            ("/etc/secret/hub.toml: localsecret.listen", &[]),
        ] {
            assert_eq!(Problems::one(place, "is wrong".to_owned()).tables(&tables), table, "{place}");
        }
        let mut several = Problems::one("peers", "are wrong".to_owned());
        several.add("a: provider.id".to_owned(), "is wrong".to_owned());
        several.add("a: provider.ca_file".to_owned(), "is wrong".to_owned());
        assert_eq!(several.tables(&tables), ["provider", "peers"]);
    }
}
