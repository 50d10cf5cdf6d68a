//! `[export]` of every program: whether, where and how often metrics are pushed.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};

use super::CollectorUrl;
use crate::config::{Reader, RelativePathBuf, check_authorities, read_authorization};

/// The rarest export that is still a metric.
const INTERVAL_SECONDS_MAX: u32 = 3600;

/// It is a label of every series.
const INSTANCE_BYTES_MAX: usize = 64;

/// `[export]` as it is written.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct WrittenExport {
    url: Option<String>,
    ca_file: Option<RelativePathBuf>,
    authorization_file: Option<RelativePathBuf>,
    instance: Option<String>,
    interval_seconds: u32,
    timeout_seconds: u32,
}

impl Default for WrittenExport {
    fn default() -> Self {
        Self {
            url: None,
            ca_file: None,
            authorization_file: None,
            instance: None,
            interval_seconds: 60,
            timeout_seconds: 10,
        }
    }
}

/// What it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportSettings {
    /// Where the collector takes metrics.
    pub url: CollectorUrl,
    /// PEM: the authorities that its certificate must come from; with https only.
    pub ca_file: Option<PathBuf>,
    /// A file with the value of the Authorization field.
    pub authorization_file: Option<PathBuf>,
    /// `service.instance.id`: a word of the operator's that tells this process from others of its kind.
    pub instance: Option<String>,
    /// From one export to the next.
    pub interval: Duration,
    /// What one export may take, connection included. Never more than the interval.
    pub timeout: Duration,
}

impl WrittenExport {
    /// Reads the url and the numbers, and reports what is wrong with them or missing. `None`: there is a problem.
    pub fn parse<W: DeserializeOwned>(self, reader: &mut Reader<'_, W>) -> Option<ExportSettings> {
        if !(1..=INTERVAL_SECONDS_MAX).contains(&self.interval_seconds) {
            let sentence = format!("is {}, and must be from 1 to {INTERVAL_SECONDS_MAX}", self.interval_seconds);
            reader.refuse("export.interval_seconds", sentence);
        }
        if !(1..=self.interval_seconds).contains(&self.timeout_seconds) {
            let sentence = format!(
                "is {}, and must be from 1 to interval_seconds ({}): there is one export at a time",
                self.timeout_seconds, self.interval_seconds
            );
            reader.refuse("export.timeout_seconds", sentence);
        }
        if self.instance.as_deref().is_some_and(|instance| !is_word(instance)) {
            let sentence = format!("must be 1 to {INSTANCE_BYTES_MAX} letters, digits, `-`, `.` and `_`");
            reader.refuse("export.instance", sentence);
        }
        let sentence = "is missing; say where the collector takes metrics, such as http://127.0.0.1:4318/v1/metrics, or \
                        take the table [export] out";
        let text = reader.required("export.url", sentence, self.url)?;
        // It may have a secret in it, and is not repeated.
        let url: CollectorUrl =
            text.parse().map_err(|why: super::url::InvalidUrl| reader.refuse("export.url", why.to_string())).ok()?;
        let ca_file = reader.authorities("export", "collector", url.is_tls(), self.ca_file)?;
        Some(ExportSettings {
            url,
            ca_file,
            authorization_file: self.authorization_file.map(|path| path.relative()),
            instance: self.instance,
            interval: Duration::from_secs(self.interval_seconds.into()),
            timeout: Duration::from_secs(self.timeout_seconds.into()),
        })
    }
}

fn is_word(text: &str) -> bool {
    let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=INSTANCE_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_of_it)
}

impl ExportSettings {
    /// Checks the files. Each problem goes to `note`, with the name of its key in `[export]`.
    pub fn check(&self, note: &mut dyn FnMut(&str, String)) {
        if let Some(Err(sentence)) = self.ca_file.as_deref().map(check_authorities) {
            note("ca_file", sentence);
        }
        if let Some(Err(sentence)) = self.authorization_file.as_deref().map(read_authorization) {
            note("authorization_file", sentence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Layers, Problems, Program, Sources};

    #[derive(Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Written {
        export: Option<WrittenExport>,
    }

    const PROGRAM: Program =
        Program { name: "test", sample: "test.toml", prefix: "TEST_", siblings: &[], table: "export", others: &[] };

    /// What is made of a file with these lines in the table, and what is said about it.
    fn parse(lines: &str) -> (Option<ExportSettings>, String) {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("test.toml");
        std::fs::write(&file, format!("[export]\n{lines}")).unwrap();
        let sources = Sources { file: &file, environment: Vec::new(), flags: Vec::new() };
        let mut problems = Problems::default();
        let mut layers = Layers::<Written>::read(PROGRAM, &sources, &mut problems).unwrap();
        let written = layers.extract(&mut problems).unwrap();
        let parsed = written.export.unwrap().parse(&mut Reader::new(&layers, &mut problems));
        (parsed, problems.to_string())
    }

    #[test]
    fn a_url_is_enough() {
        let (settings, problems) = parse("url = \"http://localhost:4318/v1/metrics\"");
        assert_eq!(problems, "");
        let settings = settings.unwrap();
        assert_eq!((settings.interval, settings.timeout), (Duration::from_secs(60), Duration::from_secs(10)));
        assert_eq!((settings.ca_file, settings.authorization_file), (None, None));
    }

    #[test]
    fn what_is_wrong_is_told_and_no_url_is_repeated() {
        let here = "url = \"http://127.0.0.1/v1/metrics?key=hidden\"\n";
        let there = "url = \"https://collector.example/v1/metrics?key=hidden\"\n";
        for (lines, expected) in [
            ("", "export.url: is missing"),
            ("url = \"http://hidden.example/v1/metrics\"", "export.url: leads to another machine without TLS"),
            (there, "export.ca_file: is missing"),
            (&format!("{here}ca_file = \"ca.pem\""), "export.ca_file: has no use"),
            (&format!("{here}instance = \"\""), "export.instance: must be 1 to 64 letters"),
            (&format!("{here}instance = \"a hidden one\""), "export.instance: must be 1 to 64 letters"),
            (&format!("{here}interval_seconds = 0"), "export.interval_seconds: is 0, and must be from 1 to 3600"),
            (&format!("{here}interval_seconds = 3601"), "export.interval_seconds: is 3601"),
            (&format!("{here}timeout_seconds = 0"), "export.timeout_seconds: is 0, and must be from 1 to"),
            (&format!("{here}interval_seconds = 5"), "export.timeout_seconds: is 10, and must be from 1 to"),
        ] {
            let (_, problems) = parse(lines);
            assert!(problems.contains(expected) && !problems.contains("hidden"), "{lines}: {problems}");
        }
    }
}
