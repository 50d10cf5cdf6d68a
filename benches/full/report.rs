//! What was measured, as a table for people and as JSON for programs.

use std::path::Path;

use serde_json::{Value, json};

use super::{database::Database, program::Program, requests::Operation};
use crate::{
    row::{self, Measured, Table},
    usage::Usage,
};

const MIB: f64 = 1024.0 * 1024.0;

/// Of which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Small,
    Large,
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Self::Small => "almost empty",
            Self::Large => "large",
        }
    }

    /// The same for a narrow column.
    fn word(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Large => "large",
        }
    }
}

/// One measurement of one operation on one database.
pub(crate) struct Row {
    pub(crate) operation: Operation,
    /// Whether its files were in memory.
    pub(crate) state: &'static str,
    pub(crate) which: Which,
    pub(crate) measured: Measured,
}

/// Everything.
pub(crate) struct Report {
    built: Value,
    message_bytes: u64,
    starts: Vec<(Which, &'static str, f64)>,
    pub(crate) rows: Vec<Row>,
    usages: Vec<(Which, Usage)>,
    memory_available: u64,
}

impl Report {
    pub(crate) fn new(small: &Database, large: &Database) -> Self {
        Self {
            built: json!({ "almost empty": small.built, "large": large.built }),
            message_bytes: u64::try_from(large.size.all_messages() * crate::traffic::MESSAGE_BYTES).unwrap(),
            starts: Vec::new(),
            rows: Vec::new(),
            usages: Vec::new(),
            memory_available: 0,
        }
    }

    pub(crate) fn start(&mut self, which: Which, state: &'static str, program: &Program) {
        self.starts.push((which, state, program.start.as_secs_f64()));
    }

    pub(crate) fn row(&mut self, row: Row) {
        eprintln!(
            "full: {} {}, {}: {:.0} per second, p50 {:.0} µs",
            row.state,
            row.operation.name(),
            row.which.name(),
            row.measured.rate,
            row.measured.p50_us
        );
        self.rows.push(row);
    }

    /// What the system had of memory when all files had been read.
    pub(crate) fn in_memory(&mut self, available: u64) {
        self.memory_available = available;
    }

    pub(crate) fn usage(&mut self, which: Which, usage: Usage) {
        self.usages.push((which, usage));
    }

    /// The median of what was measured of one of those.
    fn median(
        &self,
        operation: Operation,
        state: &str,
        which: Which,
        figure: impl Fn(&Measured) -> f64,
    ) -> Option<f64> {
        let of = |row: &&Row| row.operation == operation && row.state == state && row.which == which;
        let mut figures: Vec<f64> = self.rows.iter().filter(of).map(|row| figure(&row.measured)).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied()
    }

    /// The large database's figure to that of the other one.
    pub(crate) fn ratio(&self, operation: Operation, state: &str, figure: impl Fn(&Measured) -> f64) -> Option<f64> {
        Some(
            self.median(operation, state, Which::Large, &figure)?
                / self.median(operation, state, Which::Small, &figure)?,
        )
    }

    /// What was seen when the large database was built.
    #[allow(dead_code, reason = "for small runs")]
    pub(crate) fn built(&self) -> &Value {
        &self.built["large"]
    }

    /// Bytes of rows in the large database to those of its messages.
    pub(crate) fn bytes_ratio(&self) -> f64 {
        self.built["large"]["bytes_of_rows"].as_f64().unwrap() / self.message_bytes as f64
    }

    /// Prints everything beside its goals.
    pub(crate) fn print(&self) {
        let large = &self.built["large"];
        println!(
            "large: {} partitions, {} messages; built in {:.0} s, {:.0} messages per second; retention walked over it in \
             {:.0} s; compacted in {:.0} s",
            large["partitions"],
            large["messages"],
            large["seconds"].as_f64().unwrap(),
            large["messages_per_second"].as_f64().unwrap(),
            large["walk_seconds"].as_f64().unwrap(),
            large["compaction_seconds"].as_f64().unwrap(),
        );
        for (which, state, seconds) in &self.starts {
            println!("{} start, {}: ready after {seconds:.2} s", state, which.name());
        }
        for (which, usage) in &self.usages {
            println!(
                "{}, at the end: resident {:.0} MiB, proportional {:.0} MiB, {} descriptors",
                which.name(),
                usage.resident as f64 / MIB,
                usage.proportional as f64 / MIB,
                usage.descriptors
            );
        }
        let mut table = Table::default();
        println!();
        for Row { operation, state, which, measured } in &self.rows {
            let name = format!("{state} {}, {}", operation.name(), which.word());
            table.add(row::Row::new(&name, super::IN_FLIGHT, operation.is_durable(), *measured));
        }
        self.print_ratios();
        let say = |what: &str, value: f64, goal: &str| println!("{what:<72} {value:>8.2}   goal: {goal}");
        println!();
        say("bytes of rows on disk to bytes of messages", self.bytes_ratio(), "at most 1.3");
        for (_, state, seconds) in self.starts.iter().filter(|(which, ..)| *which == Which::Large) {
            say(&format!("seconds until it is ready, {state}"), *seconds, "at most 10");
        }
    }

    fn print_ratios(&self) {
        println!(
            "\n{:<24} {:>16} {:>16} {:>16}   large to almost empty; goal: at most 1.5",
            "", "p50", "time each", "CPU"
        );
        for state in ["cold", "warm"] {
            for operation in Operation::ALL {
                let ratio = |figure: fn(&Measured) -> f64| {
                    self.ratio(operation, state, figure).map_or("-".to_owned(), |ratio| format!("{ratio:.2}"))
                };
                println!(
                    "{:<24} {:>16} {:>16} {:>16}",
                    format!("{state} {}", operation.name()),
                    ratio(|measured| measured.p50_us),
                    ratio(|measured| 1.0 / measured.rate),
                    ratio(|measured| measured.server_cpu_us.unwrap_or(f64::NAN)),
                );
            }
        }
    }

    /// Writes everything to `full.json` in that folder.
    pub(crate) fn write(&self, folder: &Path) {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let Measured { rate, p50_us, p99_us, server_cpu_us } = row.measured;
                json!({
                    "name": row.operation.name(), "state": row.state, "database": row.which.name(), "rate": rate,
                    "p50_us": p50_us, "p99_us": p99_us, "server_cpu_us": server_cpu_us,
                })
            })
            .collect();
        let starts: Vec<Value> = self
            .starts
            .iter()
            .map(|(which, state, seconds)| json!({ "database": which.name(), "state": state, "seconds": seconds }))
            .collect();
        let usages: Vec<Value> = self
            .usages
            .iter()
            .map(|(which, usage)| {
                json!({
                    "database": which.name(), "resident_bytes": usage.resident,
                    "proportional_bytes": usage.proportional, "descriptors": usage.descriptors,
                    "cpu_seconds": usage.cpu_seconds,
                })
            })
            .collect();
        let all = json!({
            "built": self.built, "starts": starts, "rows": rows, "processes": usages,
            "memory_available_bytes": self.memory_available,
        });
        std::fs::write(folder.join("full.json"), serde_json::to_vec_pretty(&all).unwrap()).unwrap();
    }
}
