//! What was measured, as a table for people and as JSON for programs.

use serde_json::json;

/// Raw figures of one run.
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

    /// Writes the rows to a file under `target/bench`.
    pub(crate) fn write(&self, file: &str) {
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
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(file), serde_json::to_vec_pretty(&rows).unwrap()).unwrap();
    }

    /// Processor time of the server for each request of a row.
    pub(crate) fn server_cpu_us(&self, name: &str, in_flight: usize) -> Option<f64> {
        self.find(name, in_flight)?.server_cpu_us
    }

    fn find(&self, name: &str, in_flight: usize) -> Option<&Measured> {
        self.rows.iter().find(|row| row.name == name && row.in_flight == in_flight).map(|row| &row.measured)
    }

    /// The ratios that the project promises itself, from this run.
    pub(crate) fn print_goals(&self) {
        println!();
        let say = |what: &str, value: Option<f64>, goal: &str| {
            if let Some(value) = value {
                println!("{what:<72} {value:>8.2}   goal: {goal}");
            }
        };
        let cpu = |name| self.find(name, 64).and_then(|measured| measured.server_cpu_us);
        let rate = |name, in_flight| self.find(name, in_flight).map(|measured| measured.rate);
        let p50 = |name, in_flight| self.find(name, in_flight).map(|measured| measured.p50_us);
        let pair = |a: Option<f64>, b: Option<f64>| a.zip(b);
        let hot = "send, one partition";
        let spread = "send, 10000 partitions";
        say(
            "CPU of a send beyond that of an empty POST, 64 in flight, µs",
            pair(cpu(hot), cpu("empty POST")).map(|(send, empty)| send - empty),
            "at most 40",
        );
        say(
            "committer, 64 in flight, to fdatasync appends",
            pair(rate("committer", 64), rate("fdatasync append", 1)).map(|(a, b)| a / b),
            "at least 5, or 60000 per second",
        );
        say(
            "sends on one partition to sends on 10000, 64 in flight",
            pair(rate(hot, 64), rate(spread, 64)).map(|(a, b)| a / b),
            "at least 1",
        );
        say(
            "p50 of one send alone to p50 of (fdatasync + empty POST)",
            pair(p50(hot, 1), pair(p50("fdatasync append", 1), p50("empty POST", 1)).map(|(a, b)| a + b))
                .map(|(send, floor)| send / floor),
            "at most 1.3",
        );
        say(
            "durable sends to Redis XADD with appendfsync always, 64 in flight",
            pair(rate(hot, 64), rate("redis XADD always", 64)).map(|(a, b)| a / b),
            "reach for more than 1",
        );
    }
}
