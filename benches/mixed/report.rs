//! What was measured, as rows for people and as JSON for programs.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    mix::IN_FLIGHT,
    plan::Plan,
    record::{Happened, Kind, Latencies, no_latencies},
    samples::{Minute, PROCESSES, Sample, slope},
    world::World,
};

const MIB: f64 = 1024.0 * 1024.0;

pub(crate) struct Report {
    warm_up: usize,
    minute_seconds: f64,
    most: Option<f64>,
    rate: f64,
    /// What went wrong while the most was measured.
    before: Happened,
    minutes: Vec<Minute>,
    samples: Vec<Sample>,
    /// What went wrong after the last minute.
    after: Happened,
    acknowledged: u64,
    read: u64,
    lost_groups: usize,
    logged: Vec<String>,
}

impl Report {
    pub(crate) fn new(plan: &Plan, most: Option<f64>, rate: f64, before: Happened) -> Self {
        if let Some(most) = most {
            println!("the most: {most:.0} operations in a second, {IN_FLIGHT} under way");
        }
        println!("by the clock: {rate:.0} operations in a second");
        Self {
            warm_up: plan.warm_up(),
            minute_seconds: plan.minute.as_secs_f64(),
            most,
            rate,
            before,
            minutes: Vec::new(),
            samples: Vec::new(),
            after: Happened::default(),
            acknowledged: 0,
            read: 0,
            lost_groups: 0,
            logged: Vec::new(),
        }
    }

    pub(crate) fn sample(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    /// Prints a row, and keeps it.
    pub(crate) fn minute(&mut self, minute: Minute) {
        let number = self.minutes.len() + 1;
        println!("\nminute {number}");
        for (kind, latencies) in &minute.happened.latencies {
            println!(
                "  {:<20} {:>8.1} per second   p50 {:>8} µs   p99 {:>8} µs   at most {:>9} µs",
                kind.name(),
                latencies.len() as f64 / minute.length.as_secs_f64(),
                latencies.value_at_quantile(0.5),
                latencies.value_at_quantile(0.99),
                latencies.max()
            );
        }
        for (name, (usage, cpu)) in PROCESSES.iter().zip(minute.usages.iter().zip(minute.cpu_seconds)) {
            println!(
                "  {name:<10} resident {:>7.1} MiB   proportional {:>7.1} MiB   {:>5} descriptors   {:>5.1} % of a processor",
                usage.resident as f64 / MIB,
                usage.proportional as f64 / MIB,
                usage.descriptors,
                100.0 * cpu / minute.length.as_secs_f64()
            );
        }
        let [hub, follower] = minute.disk_bytes.map(|bytes| bytes as f64 / MIB);
        println!("  databases  hub {hub:.1} MiB   follower {follower:.1} MiB");
        print_errors(&minute.happened);
        self.minutes.push(minute);
    }

    /// Compares what was acknowledged with what was read.
    pub(crate) fn end(&mut self, world: &World) {
        self.after = world.record.take();
        for group in &world.groups {
            let (acknowledged, read) = group.counts();
            self.acknowledged += acknowledged;
            self.read += read;
            self.lost_groups += usize::from(group.is_lost());
        }
        self.logged = world.site.logged();
    }

    fn happenings(&self) -> impl Iterator<Item = &Happened> {
        let minutes = self.minutes.iter().map(|minute| &minute.happened);
        [&self.before].into_iter().chain(minutes).chain([&self.after])
    }

    /// How much happened that the model does not explain.
    pub(crate) fn unexplained(&self) -> u64 {
        let errors: u64 = self.happenings().flat_map(|happened| happened.errors.values()).sum();
        errors + self.acknowledged.abs_diff(self.read)
    }

    /// How much of a kind went well in the minutes.
    #[allow(dead_code, reason = "for small runs")]
    pub(crate) fn count(&self, kind: Kind) -> u64 {
        let of = |minute: &Minute| minute.happened.latencies.get(&kind).map_or(0, Latencies::len);
        self.minutes.iter().map(of).sum()
    }

    /// In MiB for each minute, of resident and of proportional memory, after the warm-up.
    fn slopes(&self, process: usize) -> [f64; 2] {
        let after = self.warm_up as f64;
        let of = |figure: &dyn Fn(&Sample) -> u64| {
            let points = self
                .samples
                .iter()
                .map(|sample| (sample.at.as_secs_f64() / self.minute_seconds, figure(sample) as f64 / MIB));
            slope(&points.filter(|(at, _)| *at >= after).collect::<Vec<_>>())
        };
        [of(&|sample| sample.usages[process].resident), of(&|sample| sample.usages[process].proportional)]
    }

    /// p99 in the last minutes to that in those after the warm-up, as many of both.
    fn steadiness(&self, kind: Kind) -> Option<f64> {
        let many = self.warm_up.max(1);
        let p99 = |minutes: &[Minute]| {
            let mut all = no_latencies();
            for latencies in minutes.iter().filter_map(|minute| minute.happened.latencies.get(&kind)) {
                all.add(latencies).unwrap();
            }
            (!all.is_empty()).then(|| all.value_at_quantile(0.99) as f64)
        };
        let first = self.minutes.get(self.warm_up..self.warm_up + many)?;
        let last = self.minutes.get(self.minutes.len().checked_sub(many)?..)?;
        Some(p99(last)? / p99(first)?)
    }

    /// Everything at the end, beside its goals.
    pub(crate) fn print(&self) {
        println!("\nafter {} minutes, the first {} for warming up", self.minutes.len(), self.warm_up);
        let say = |what: &str, value: f64, goal: &str| println!("{what:<72} {value:>10.3}   goal: {goal}");
        for (process, name) in PROCESSES.iter().enumerate() {
            let goal = if *name == "generator" { "none" } else { "less than 1" };
            let [resident, proportional] = self.slopes(process);
            say(&format!("{name}: resident memory grows by, MiB in a minute"), resident, goal);
            say(&format!("{name}: proportional memory grows by, MiB in a minute"), proportional, goal);
        }
        for kind in Kind::ALL {
            if let Some(ratio) = self.steadiness(kind) {
                say(&format!("{}: p99 of the last minutes to that of the first ones", kind.name()), ratio, "about 1");
            }
        }
        println!("{} messages acknowledged, {} read, {} groups lost", self.acknowledged, self.read, self.lost_groups);
        println!("{} lines of warnings in the logs", self.logged.len());
        self.logged.iter().take(20).for_each(|line| println!("  {line}"));
        self.happenings().for_each(print_errors);
        say("what the model does not explain", self.unexplained() as f64, "0");
    }

    pub(crate) fn write(&self, folder: &Path) {
        let minutes: Vec<Value> = self.minutes.iter().map(minute).collect();
        let slopes = PROCESSES.iter().enumerate().map(|(process, name)| {
            let [resident, proportional] = self.slopes(process);
            json!({ "process": name, "resident_mib_per_minute": resident, "proportional_mib_per_minute": proportional })
        });
        let steadiness =
            Kind::ALL.iter().map(|kind| json!({ "name": kind.name(), "p99_ratio": self.steadiness(*kind) }));
        let all = json!({
            "most": self.most, "rate": self.rate, "warm_up": self.warm_up, "minutes": minutes,
            "slopes": slopes.collect::<Vec<_>>(), "steadiness": steadiness.collect::<Vec<_>>(),
            "acknowledged": self.acknowledged, "read": self.read, "lost_groups": self.lost_groups,
            "unexplained": self.unexplained(), "logged": self.logged,
            "errors_before": errors(&self.before), "errors_after": errors(&self.after),
        });
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("mixed.json"), serde_json::to_vec_pretty(&all).unwrap()).unwrap();
    }
}

fn minute(minute: &Minute) -> Value {
    let operations = minute.happened.latencies.iter().map(|(kind, latencies)| {
        json!({
            "name": kind.name(), "count": latencies.len(), "p50_us": latencies.value_at_quantile(0.5),
            "p99_us": latencies.value_at_quantile(0.99), "max_us": latencies.max(),
        })
    });
    let processes = PROCESSES.iter().zip(minute.usages.iter().zip(minute.cpu_seconds)).map(|(name, (usage, cpu))| {
        json!({
            "process": name, "resident_bytes": usage.resident, "proportional_bytes": usage.proportional,
            "descriptors": usage.descriptors, "cpu_seconds": cpu,
        })
    });
    json!({
        "operations": operations.collect::<Vec<_>>(), "processes": processes.collect::<Vec<_>>(),
        "disk_bytes": minute.disk_bytes, "errors": errors(&minute.happened),
    })
}

fn errors(happened: &Happened) -> Vec<Value> {
    let row =
        |((kind, what), count): (&(Kind, String), &u64)| json!({ "name": kind.name(), "error": what, "count": count });
    happened.errors.iter().map(row).collect()
}

fn print_errors(happened: &Happened) {
    for ((kind, what), count) in &happened.errors {
        println!("  NOT EXPLAINED: {}: {what}: {count}", kind.name());
    }
}
