//! All metrics of a program, read one after another: what `/metrics` writes, and what is exported.

use super::{
    Counted, Histogram, Label,
    family::{Family, Labels, Rows},
    text,
};

/// What kind of number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, and begins anew with the process.
    Counter,
    /// It is what it is now.
    Gauge,
}

/// Metrics in the order in which they were read.
///
/// # Privacy
/// Labels and their words are constants of the program. There is no way to put a text in that came from a request.
#[derive(Debug, Default)]
pub struct Exposition(Vec<Family>);

impl Exposition {
    /// A number without labels.
    pub fn number(&mut self, kind: Kind, name: &str, help: &str, value: u64) {
        self.labelled(kind, name, help, &[], [(&[][..], value)]);
    }

    /// A number for each word of a set.
    pub fn counted<L: Label>(&mut self, name: &str, help: &str, label: &'static str, counted: &Counted<L>) {
        self.words(Kind::Counter, name, help, label, counted.all());
    }

    /// A number for each word of a label.
    pub fn words(
        &mut self,
        kind: Kind,
        name: &str,
        help: &str,
        label: &'static str,
        rows: impl IntoIterator<Item = (&'static str, u64)>,
    ) {
        let rows = rows.into_iter().map(|(word, value)| (vec![(label, word)], value)).collect();
        self.add(name, help, Rows::Numbers(kind, rows));
    }

    /// A number for each row of words, one word for each label.
    pub fn labelled<'a>(
        &mut self,
        kind: Kind,
        name: &str,
        help: &str,
        labels: &[&'static str],
        rows: impl IntoIterator<Item = (&'a [&'static str], u64)>,
    ) {
        let paired = |words: &[&'static str]| -> Labels { labels.iter().copied().zip(words.iter().copied()).collect() };
        let rows = rows.into_iter().map(|(words, value)| (paired(words), value)).collect();
        self.add(name, help, Rows::Numbers(kind, rows));
    }

    /// A histogram for each word of a label.
    pub fn histograms<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        rows: impl IntoIterator<Item = (&'static str, &'a Histogram)>,
    ) {
        let rows = rows.into_iter().map(|(word, histogram)| (vec![(label, word)], histogram.read())).collect();
        self.add(name, help, Rows::Histograms(rows));
    }

    /// All of it, as Prometheus reads it.
    #[must_use]
    pub fn finish(self) -> String {
        text::written(&self.0)
    }

    pub(crate) fn families(&self) -> &[Family] {
        &self.0
    }

    fn add(&mut self, name: &str, help: &str, rows: Rows) {
        self.0.push(Family { name: name.to_owned(), help: help.to_owned(), rows });
    }
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
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
