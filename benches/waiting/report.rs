//! What was measured, as tables for people and as JSON for programs.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Microseconds.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    p50: f64,
    p99: f64,
}

impl Times {
    /// Of nanoseconds.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        Self { p50: at(0.5), p99: at(0.99) }
    }
}

pub(crate) struct MemoryRow {
    pub(crate) name: &'static str,
    pub(crate) waiting: usize,
    pub(crate) connections: usize,
    /// Bytes when it began to serve.
    pub(crate) started: u64,
    /// Bytes when everything was read once, and before anybody waited.
    pub(crate) idle: u64,
    /// Bytes with all that wait.
    pub(crate) resident: u64,
}

impl MemoryRow {
    /// What each that waits takes by waiting.
    fn waiting_kib(&self) -> f64 {
        self.kib_beyond(self.idle)
    }

    /// The same with what the hub keeps at hand of each partition that is read.
    fn all_kib(&self) -> f64 {
        self.kib_beyond(self.started)
    }

    fn kib_beyond(&self, bytes: u64) -> f64 {
        (self.resident as f64 - bytes as f64) / 1024.0 / self.waiting as f64
    }
}

pub(crate) struct LatencyRow {
    pub(crate) waiting: usize,
    /// Of a send while nobody waits.
    pub(crate) alone: Times,
    /// Of a send while readers wait, until its sender is answered.
    pub(crate) send: Times,
    /// Until its reader has it.
    pub(crate) read: Times,
}

pub(crate) struct FanOutRow {
    pub(crate) name: &'static str,
    pub(crate) providers: usize,
    /// Sends in a second.
    pub(crate) rate: f64,
    /// Until the last has it.
    pub(crate) last: Times,
}

#[derive(Default)]
pub(crate) struct Report {
    memory: Vec<MemoryRow>,
    latency: Vec<LatencyRow>,
    fan_out: Vec<FanOutRow>,
}

impl Report {
    pub(crate) fn memory(&mut self, row: MemoryRow) {
        if self.memory.is_empty() {
            println!(
                "{:<22} {:>8} {:>11} {:>11} {:>9} {:>12} {:>22}",
                "memory", "waiting", "connections", "started MiB", "idle MiB", "resident MiB", "KiB each, wait / all"
            );
        }
        let MemoryRow { name, waiting, connections, started, idle, resident } = &row;
        let mib = |bytes: u64| bytes as f64 / 1024.0 / 1024.0;
        println!(
            "{name:<22} {waiting:>8} {connections:>11} {:>11.1} {:>9.1} {:>12.1} {:>22}",
            mib(*started),
            mib(*idle),
            mib(*resident),
            format!("{:.2} / {:.2}", row.waiting_kib(), row.all_kib())
        );
        self.memory.push(row);
    }

    pub(crate) fn latency(&mut self, row: LatencyRow) {
        if self.latency.is_empty() {
            println!(
                "\n{:<22} {:>8} {:>15} {:>15} {:>15} {:>15}",
                "latency, µs", "waiting", "alone p50 / p99", "send p50 / p99", "read p50 / p99", "to alone's p50"
            );
        }
        let LatencyRow { waiting, alone, send, read } = &row;
        let pair = |times: &Times| format!("{:.0} / {:.0}", times.p50, times.p99);
        let ratio = format!("{:.2} / {:.2}", read.p50 / alone.p50, read.p99 / alone.p50);
        println!(
            "{:<22} {waiting:>8} {:>15} {:>15} {:>15} {ratio:>15}",
            "one in flight",
            pair(alone),
            pair(send),
            pair(read)
        );
        self.latency.push(row);
    }

    pub(crate) fn fan_out(&mut self, row: FanOutRow) {
        if self.fan_out.is_empty() {
            println!(
                "\n{:<22} {:>9} {:>16} {:>12} {:>12}",
                "fan-out to providers", "providers", "sends per second", "last p50 µs", "last p99 µs"
            );
        }
        let FanOutRow { name, providers, rate, last } = &row;
        println!("{name:<22} {providers:>9} {rate:>16.0} {:>12.0} {:>12.0}", last.p50, last.p99);
        self.fan_out.push(row);
    }

    /// Writes the rows to a file under `target/bench`.
    pub(crate) fn write(&self, file: &str) {
        let memory = self.memory.iter().map(|row| {
            json!({
                "name": row.name, "waiting": row.waiting, "connections": row.connections,
                "started_bytes": row.started, "idle_bytes": row.idle, "resident_bytes": row.resident,
            })
        });
        let latency = self.latency.iter().map(|row| {
            json!({
                "name": "latency", "waiting": row.waiting, "alone_p50_us": row.alone.p50, "alone_p99_us": row.alone.p99,
                "send_p50_us": row.send.p50, "send_p99_us": row.send.p99, "read_p50_us": row.read.p50,
                "read_p99_us": row.read.p99,
            })
        });
        let fan_out = self.fan_out.iter().map(|row| {
            json!({
                "name": format!("fan-out, {}", row.name), "providers": row.providers, "rate": row.rate,
                "last_p50_us": row.last.p50, "last_p99_us": row.last.p99,
            })
        });
        let rows: Vec<Value> = memory.chain(latency).chain(fan_out).collect();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(file), serde_json::to_vec_pretty(&rows).unwrap()).unwrap();
    }

    /// What the project promises itself, from this run.
    pub(crate) fn print_goals(&self) {
        println!();
        let say = |what: &str, value: f64, goal: &str| println!("{what:<72} {value:>8.2}   goal: {goal}");
        let most = |values: &mut dyn Iterator<Item = f64>| values.reduce(f64::max);
        if let Some(kib) = most(&mut self.memory.iter().map(MemoryRow::waiting_kib)) {
            say("resident memory for each receive that waits, KiB", kib, "at most 10");
        }
        if let Some(kib) = most(&mut self.memory.iter().map(MemoryRow::all_kib)) {
            say("the same, with what is kept at hand of its partition, KiB", kib, "at most 10");
        }
        let median = |row: &LatencyRow| row.read.p50 / row.alone.p50;
        if let Some(ratio) = most(&mut self.latency.iter().map(median)) {
            say("p50 until the reader has it to p50 of a send alone, the worst", ratio, "at most 1.5");
        }
        if let Some(ratio) = most(&mut self.latency.iter().map(|row| row.read.p99 / row.alone.p50)) {
            say("p99 until the reader has it to p50 of a send alone, the worst", ratio, "at most 5");
        }
        if let [fewest, .., most] = &self.latency[..] {
            let waiting = most.waiting;
            say(
                &format!("the first of these with {waiting} waiting to that with one"),
                median(most) / median(fewest),
                "1",
            );
        }
    }
}
