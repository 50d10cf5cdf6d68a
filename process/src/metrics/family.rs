//! One metric as it was read at one moment, in no format yet.

use super::{Kind, Unit};

/// The words of a row, each with its label.
pub(crate) type Labels = Vec<(&'static str, &'static str)>;

/// A metric and all of its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) rows: Rows,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// One number each.
    Numbers(Kind, Vec<(Labels, u64)>),
    /// One histogram each.
    Histograms(Vec<(Labels, Reading)>),
}

/// A histogram as it was at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) unit: Unit,
    /// Ascending.
    pub(crate) bounds: &'static [u64],
    /// How many values belong to each bound, and behind them how many are larger.
    pub(crate) counts: Vec<u64>,
    pub(crate) sum: u64,
}

impl Reading {
    /// How many values there were, in all buckets together.
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}
