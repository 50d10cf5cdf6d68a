//! What was measured, as a table for people and as JSON for programs.

use serde_json::json;

/// Raw figures of one run.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) rate: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// Processor time of the server for each request, where the server is a process of its own.
    pub(crate) server_cpu_us: Option<f64>,
}

pub(crate) struct Row {
    name: String,
    in_flight: usize,
    durable: bool,
    measured: Measured,
}

impl Row {
    pub(crate) fn new(name: &str, in_flight: usize, durable: bool, measured: Measured) -> Self {
        Self { name: name.to_owned(), in_flight, durable, measured }
    }
}

#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

impl Table {
    pub(crate) fn add(&mut self, row: Row) {
        if self.rows.is_empty() {
            println!(
                "{:<26} {:>9} {:>8} {:>10} {:>9} {:>9} {:>13}",
                "name", "in flight", "durable", "per second", "p50 µs", "p99 µs", "server CPU µs"
            );
        }
        let Measured { rate, p50_us, p99_us, server_cpu_us } = row.measured;
        let cpu = server_cpu_us.map_or("-".to_owned(), |cpu| format!("{cpu:.1}"));
        println!(
            "{:<26} {:>9} {:>8} {rate:>10.0} {p50_us:>9.0} {p99_us:>9.0} {cpu:>13}",
            row.name, row.in_flight, row.durable
        );
        self.rows.push(row);
    }

    /// Writes the rows to a file in that folder.
    pub(crate) fn write(&self, folder: &str, file: &str) {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "name": row.name, "in_flight": row.in_flight, "durable": row.durable, "rate": row.measured.rate,
                    "p50_us": row.measured.p50_us, "p99_us": row.measured.p99_us,
                    "server_cpu_us": row.measured.server_cpu_us,
                })
            })
            .collect();
        let folder = std::path::Path::new(folder);
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join(file), serde_json::to_vec_pretty(&rows).unwrap()).unwrap();
    }

    /// A row's figures.
    pub(crate) fn find(&self, name: &str, in_flight: usize) -> Option<&Measured> {
        self.rows.iter().find(|row| row.name == name && row.in_flight == in_flight).map(|row| &row.measured)
    }
}
