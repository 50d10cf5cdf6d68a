//! What the project promises itself about sends.

use crate::row::Table;

/// Prints the ratios of this run beside their goals.
pub(crate) fn print(table: &Table) {
    println!();
    let say = |what: &str, value: Option<f64>, goal: &str| {
        if let Some(value) = value {
            println!("{what:<72} {value:>8.2}   goal: {goal}");
        }
    };
    let cpu = |name| table.find(name, 64).and_then(|measured| measured.server_cpu_us);
    let rate = |name, in_flight| table.find(name, in_flight).map(|measured| measured.rate);
    let p50 = |name, in_flight| table.find(name, in_flight).map(|measured| measured.p50_us);
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
