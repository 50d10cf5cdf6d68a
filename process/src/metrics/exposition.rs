//! The text exposition format of Prometheus, version 0.0.4.

use std::fmt::Write as _;

use super::{Counted, Histogram, Label};

/// What kind of number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, and begins anew with the process.
    Counter,
    /// It is what it is now.
    Gauge,
}

/// Metrics as they are written, one after another.
#[derive(Debug, Default)]
pub struct Exposition(String);

impl Exposition {
    /// A number without labels.
    pub fn number(&mut self, kind: Kind, name: &str, help: &str, value: u64) {
        self.labelled(kind, name, help, &[], [(&[][..], value)]);
    }

    /// A number for each word of a set.
    pub fn counted<L: Label>(&mut self, name: &str, help: &str, label: &str, counted: &Counted<L>) {
        self.words(Kind::Counter, name, help, label, counted.all());
    }

    /// A number for each word of a label.
    pub fn words(
        &mut self,
        kind: Kind,
        name: &str,
        help: &str,
        label: &str,
        rows: impl IntoIterator<Item = (&'static str, u64)>,
    ) {
        self.head(kind.word(), name, help);
        for (word, value) in rows {
            self.line(name, &[(label, word)], value);
        }
    }

    /// A number for each row of words, one word for each label.
    pub fn labelled<'a>(
        &mut self,
        kind: Kind,
        name: &str,
        help: &str,
        labels: &[&str],
        rows: impl IntoIterator<Item = (&'a [&'static str], u64)>,
    ) {
        self.head(kind.word(), name, help);
        for (words, value) in rows {
            let pairs: Vec<_> = labels.iter().copied().zip(words.iter().copied()).collect();
            self.line(name, &pairs, value);
        }
    }

    /// A histogram for each word of a label.
    pub fn histograms<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        rows: impl IntoIterator<Item = (&'static str, &'a Histogram)>,
    ) {
        self.head("histogram", name, help);
        for (word, histogram) in rows {
            let (buckets, sum) = histogram.read();
            let count = buckets.last().map_or(0, |(_, count)| *count);
            for (bound, below) in buckets {
                self.line(&format!("{name}_bucket"), &[(label, word), ("le", &bound)], below);
            }
            self.line(&format!("{name}_sum"), &[(label, word)], sum);
            self.line(&format!("{name}_count"), &[(label, word)], count);
        }
    }

    /// All of it.
    #[must_use]
    pub fn finish(self) -> String {
        self.0
    }

    fn head(&mut self, kind: &str, name: &str, help: &str) {
        // Writing to a string does not fail, here and below.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (place, (label, word)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{word}\"");
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Unit, *};

    #[test]
    fn it_is_written_as_prometheus_reads_it() {
        let mut exposition = Exposition::default();
        exposition.number(Kind::Gauge, "ready", "Whether.", 1);
        let rows: [(&[&str], u64); 2] = [(&["a", "x"], 1), (&["b", "y"], 2)];
        exposition.labelled(Kind::Counter, "requests_total", "How many.", &["listener", "outcome"], rows);
        let histogram = Histogram::new(Unit::Micros, &[500]);
        histogram.record(300);
        histogram.record(900);
        exposition.histograms("took_seconds", "How long.", "lane", [("pool", &histogram)]);
        let expected = "\
# HELP ready Whether.
# TYPE ready gauge
ready 1
# HELP requests_total How many.
# TYPE requests_total counter
requests_total{listener=\"a\",outcome=\"x\"} 1
requests_total{listener=\"b\",outcome=\"y\"} 2
# HELP took_seconds How long.
# TYPE took_seconds histogram
took_seconds_bucket{lane=\"pool\",le=\"0.0005\"} 1
took_seconds_bucket{lane=\"pool\",le=\"+Inf\"} 2
took_seconds_sum{lane=\"pool\"} 0.0012
took_seconds_count{lane=\"pool\"} 2
";
        assert_eq!(exposition.finish(), expected);
    }
}
