//! Metrics as OTLP has them (opentelemetry.proto.metrics.v1).
//!
//! Counters are cumulative monotonic sums since the start of the process, gauges are gauges, histograms have explicit
//! bounds, with values up to and including each. Names stay whole, `_total` and units included, and there is no unit
//! besides: that is how a collector reads our `/metrics`, and pushed series are the same as scraped ones.

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value},
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
        ScopeMetrics, Sum, metric::Data, number_data_point,
    },
    resource::v1::Resource,
};
use prost::Message as _;

use super::exporter::ServiceName;
use crate::metrics::{
    Exposition, Kind, Unit,
    family::{Family, Labels, Reading, Rows},
};

/// When values were read, and since when they count. Milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start_ms: u64,
    pub(super) now_ms: u64,
}

impl Span {
    fn start(self) -> u64 {
        self.start_ms.saturating_mul(1_000_000)
    }

    fn now(self) -> u64 {
        self.now_ms.saturating_mul(1_000_000)
    }
}

/// The bytes of an `ExportMetricsServiceRequest`.
pub(super) fn encode(program: ServiceName, instance: Option<&str>, span: Span, exposition: &Exposition) -> Vec<u8> {
    let metrics = exposition.families().iter().map(|family| metric(family, span)).collect();
    let mut attributes = vec![attribute("service.name", program.name), attribute("service.version", program.version)];
    attributes.extend(instance.map(|instance| attribute("service.instance.id", instance)));
    let resource = Resource { attributes, ..Resource::default() };
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics =
        vec![ResourceMetrics { resource: Some(resource), scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

fn metric(family: &Family, span: Span) -> Metric {
    let data = match &family.rows {
        Rows::Numbers(Kind::Counter, rows) => Data::Sum(Sum {
            data_points: rows.iter().map(|(labels, value)| number(labels, *value, span, span.start())).collect(),
            aggregation_temporality: AggregationTemporality::Cumulative.into(),
            is_monotonic: true,
        }),
        // What a gauge says does not count since anything.
        Rows::Numbers(Kind::Gauge, rows) => Data::Gauge(Gauge {
            data_points: rows.iter().map(|(labels, value)| number(labels, *value, span, 0)).collect(),
        }),
        Rows::Histograms(rows) => Data::Histogram(Histogram {
            data_points: rows.iter().map(|(labels, reading)| histogram(labels, reading, span)).collect(),
            aggregation_temporality: AggregationTemporality::Cumulative.into(),
        }),
    };
    Metric { name: family.name.clone(), description: family.help.clone(), data: Some(data), ..Metric::default() }
}

fn number(labels: &Labels, value: u64, span: Span, start_time_unix_nano: u64) -> NumberDataPoint {
    let value = number_data_point::Value::AsInt(i64::try_from(value).unwrap_or(i64::MAX));
    NumberDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano,
        time_unix_nano: span.now(),
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn histogram(labels: &Labels, reading: &Reading, span: Span) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: span.start(),
        time_unix_nano: span.now(),
        count: reading.count(),
        sum: Some(in_unit(reading.unit, reading.sum)),
        bucket_counts: reading.counts.clone(),
        explicit_bounds: reading.bounds.iter().map(|bound| in_unit(reading.unit, *bound)).collect(),
        ..HistogramDataPoint::default()
    }
}

/// As it is written in `/metrics`: microseconds as seconds. Exact as far as 2^53 of them, which is 285 years.
fn in_unit(unit: Unit, value: u64) -> f64 {
    match unit {
        Unit::Number => value as f64,
        Unit::Micros => value as f64 / 1_000_000.0,
    }
}

fn attributes(labels: &Labels) -> Vec<KeyValue> {
    labels.iter().map(|(label, word)| attribute(label, word)).collect()
}

fn attribute(key: &str, word: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(any_value::Value::StringValue(word.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}
