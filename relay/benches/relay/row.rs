//! What was measured, as a table for people and as JSON for programs.

use serde_json::json;

/// Raw figures of one run.
pub(crate) struct Measured {
    pub(crate) rate: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// Processor time of the process that was asked, for each request.
    pub(crate) server_cpu_us: f64,
}

pub(crate) struct Row {
    name: String,
    in_flight: usize,
    measured: Measured,
}

impl Row {
    pub(crate) fn new(name: &str, in_flight: usize, measured: Measured) -> Self {
        Self { name: name.to_owned(), in_flight, measured }
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
                "{:<26} {:>9} {:>10} {:>9} {:>9} {:>13}",
                "name", "in flight", "per second", "p50 µs", "p99 µs", "server CPU µs"
            );
        }
        let Measured { rate, p50_us, p99_us, server_cpu_us } = row.measured;
        println!(
            "{:<26} {:>9} {rate:>10.0} {p50_us:>9.0} {p99_us:>9.0} {server_cpu_us:>13.1}",
            row.name, row.in_flight
        );
        self.rows.push(row);
    }

    pub(crate) fn write(&self) {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|Row { name, in_flight, measured: Measured { rate, p50_us, p99_us, server_cpu_us } }| {
                json!({
                    "name": name, "in_flight": in_flight, "durable": false, "rate": rate, "p50_us": p50_us,
                    "p99_us": p99_us, "server_cpu_us": server_cpu_us,
                })
            })
            .collect();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("relay.json"), serde_json::to_vec_pretty(&rows).unwrap()).unwrap();
    }

    fn find(&self, name: &str, in_flight: usize) -> Option<&Measured> {
        self.rows.iter().find(|row| row.name == name && row.in_flight == in_flight).map(|row| &row.measured)
    }

    pub(crate) fn rate(&self, name: &str, in_flight: usize) -> Option<f64> {
        self.find(name, in_flight).map(|measured| measured.rate)
    }

    /// What the project promises itself, from this run.
    pub(crate) fn print_goals(&self) {
        let quarter = |name: &str| self.find(&format!("{name} at a quarter"), 64);
        let (Some(gateway), Some(floor), Some(relay)) = (quarter("gateway alone"), quarter("floor"), quarter("relay"))
        else {
            return;
        };
        println!();
        for (what, value, goal) in [
            ("median that the relay adds to the gateway's, µs", relay.p50_us - gateway.p50_us, "at most 500"),
            ("median that the relay adds to the floor's, µs", relay.p50_us - floor.p50_us, "-"),
            ("CPU of a request beyond the floor's, µs", relay.server_cpu_us - floor.server_cpu_us, "at most 40"),
        ] {
            println!("{what:<60} {value:>8.1}   goal: {goal}");
        }
    }
}
