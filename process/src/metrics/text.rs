//! The text exposition format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write as _};

use super::family::{Family, Labels, Reading, Rows};

/// All of it, one metric after another.
pub(super) fn written(families: &[Family]) -> String {
    let mut text = String::new();
    families.iter().for_each(|family| write(&mut text, family));
    text
}

fn write(text: &mut String, Family { name, help, rows }: &Family) {
    let kind = match rows {
        Rows::Numbers(kind, _) => kind.word(),
        Rows::Histograms(_) => "histogram",
    };
    // Writing to a string does not fail, here and below.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    match rows {
        Rows::Numbers(_, rows) => rows.iter().for_each(|(labels, value)| line(text, name, labels, None, value)),
        Rows::Histograms(rows) => rows.iter().for_each(|(labels, reading)| histogram(text, name, labels, reading)),
    }
}

/// Each bucket with all that are below it, the last of which is without end.
fn histogram(text: &mut String, name: &str, labels: &Labels, reading: &Reading) {
    let bucket = format!("{name}_bucket");
    let bounds = reading.bounds.iter().map(|bound| reading.unit.written(*bound)).chain(["+Inf".to_owned()]);
    let mut below = 0;
    for (bound, count) in bounds.zip(&reading.counts) {
        below += count;
        line(text, &bucket, labels, Some(&bound), below);
    }
    line(text, &format!("{name}_sum"), labels, None, reading.unit.written(reading.sum));
    line(text, &format!("{name}_count"), labels, None, reading.count());
}

fn line(text: &mut String, name: &str, labels: &Labels, bound: Option<&str>, value: impl Display) {
    text.push_str(name);
    let pairs = labels.iter().copied().chain(bound.map(|bound| ("le", bound)));
    let mut before = '{';
    for (label, word) in pairs {
        let _ = write!(text, "{before}{label}=\"{word}\"");
        before = ',';
    }
    let end = if before == '{' { "" } else { "}" };
    let _ = writeln!(text, "{end} {value}");
}
