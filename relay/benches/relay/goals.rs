//! What the project promises itself about the relay.

use crate::row::Table;

/// Prints the differences of this run beside their goals.
pub(crate) fn print(table: &Table) {
    let quarter = |name: &str| table.find(&format!("{name} at a quarter"), 64);
    let (Some(gateway), Some(floor), Some(relay)) = (quarter("gateway alone"), quarter("floor"), quarter("relay"))
    else {
        return;
    };
    let cpu = relay.server_cpu_us.zip(floor.server_cpu_us).map(|(relay, floor)| relay - floor);
    println!();
    for (what, value, goal) in [
        ("median that the relay adds to the gateway's, µs", Some(relay.p50_us - gateway.p50_us), "at most 500"),
        ("median that the relay adds to the floor's, µs", Some(relay.p50_us - floor.p50_us), "-"),
        ("CPU of a request beyond the floor's, µs", cpu, "at most 40"),
    ] {
        if let Some(value) = value {
            println!("{what:<60} {value:>8.1}   goal: {goal}");
        }
    }
}
