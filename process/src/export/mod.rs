//! Metrics that are pushed to an OpenTelemetry collector, if the operator wants it: OTLP 1.x over HTTP/1.1, as protobuf.
//!
//! What is pushed is what `/metrics` shows, read by the same function, under the same names: the form that a collector
//! gives to what it scrapes ("Prometheus and OpenMetrics Compatibility" of OpenTelemetry's specification). There are no
//! spans and no logs here, and there must be none: specs/decisions/0074.
//!
//! Values are cumulative, so an export that fails loses nothing: there is no queue, and nothing is sent again.
//!
//! # Privacy
//! Of the process a collector is told name and version, and the word that the operator has for it, if any. The collector's url and the credentials for it are secrets: no
//! log, error or metric has anything of them.

mod collector;
mod exporter;
mod message;
mod outcome;
mod settings;
mod url;

#[cfg(feature = "fuzzing")]
pub(crate) use collector::read_answer;
pub use collector::{Collector, CollectorError};
pub use exporter::{Export, ServiceName, Source};
pub use outcome::{ExportCounts, ExportOutcome};
pub use settings::{ExportSettings, WrittenExport};
pub use url::CollectorUrl;
