//! What a collector answers to metrics that are pushed to it.

use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceResponse};
use prost::Message as _;

use super::corpus::Corpus;

pub(crate) fn add(corpus: &mut Corpus) {
    let partial = |rejected_data_points, error_message: &str| {
        let partial = ExportMetricsPartialSuccess { rejected_data_points, error_message: error_message.to_owned() };
        ExportMetricsServiceResponse { partial_success: Some(partial) }.encode_to_vec()
    };
    for (name, status, answer) in [
        ("nothing", 200_u16, Vec::new()),
        ("no_content", 204, Vec::new()),
        ("warning", 200, partial(0, "next week this will be refused")),
        ("some_refused", 200, partial(3, "too old")),
        ("most_refused", 202, partial(i64::MAX, "")),
        ("none_that_there_could_be", 200, partial(-1, "")),
        ("text", 200, b"ok\n".to_vec()),
        ("refusal", 503, b"later".to_vec()),
    ] {
        corpus.add("export_answer", name, [&status.to_be_bytes()[..], &answer].concat());
    }
}
