//! What is found when all of a database is looked at.

use std::{collections::BTreeMap, fmt};

/// What an inspection has found: numbers and closed words.
///
/// # Privacy
/// No key and no value of a row stands in it. Texts of the engine name files at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Rows that were looked at, by column family.
    pub rows: BTreeMap<&'static str, u64>,
    /// What is wrong, by column family, and how often.
    pub faults: BTreeMap<(&'static str, &'static str), u64>,
    /// What the engine said where it could not read on; the first few.
    pub unreadable: Vec<String>,
}

/// So many texts of the engine are kept: they tend to say the same.
const UNREADABLE_MAX: usize = 8;

impl Inspection {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty() && self.unreadable.is_empty()
    }

    /// Whether the engine could read every row, whatever was in it.
    pub fn is_readable(&self) -> bool {
        self.unreadable.is_empty()
    }

    /// Notes something that is wrong.
    pub(crate) fn note(&mut self, family: &'static str, fault: &'static str, times: u64) {
        if times > 0 {
            *self.faults.entry((family, fault)).or_default() += times;
        }
    }

    /// Notes where the engine could not read on.
    pub(crate) fn note_unreadable(&mut self, text: String) {
        if self.unreadable.len() < UNREADABLE_MAX && !self.unreadable.contains(&text) {
            self.unreadable.push(text);
        }
    }
}

impl fmt::Display for Inspection {
    /// A line for each family, then one for each fault.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows.iter().map(|(family, rows)| format!("{family:<12}  {rows:>14} rows"));
        let faults = self.faults.iter().map(|((family, fault), times)| format!("WRONG  {family}: {fault} ({times})"));
        let unreadable = self.unreadable.iter().map(|text| format!("WRONG  {text}"));
        let lines: Vec<_> = rows.chain(faults).chain(unreadable).collect();
        formatter.write_str(&lines.join("\n"))
    }
}
