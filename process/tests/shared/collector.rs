//! An OpenTelemetry collector on loopback: an HTTP server that decodes what is exported to it, and behaves as it is told.
//! The tests of each program include this file.
//!
//! What it was given is written down as `/metrics` would show it, by rules of its own, so that the two can be compared.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt::Write as _,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::{
    collector::metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse},
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::{
        AggregationTemporality, HistogramDataPoint, Metric, NumberDataPoint, metric::Data, number_data_point,
    },
};
use prost::Message as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

/// No export that is due takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where programs are told to push to, behind the address. The query is what a collector's url may have of a secret.
pub(crate) const PATH: &str = "/v1/metrics?key=canary-of-the-collector";

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It takes everything.
    Takes,
    /// It takes all but so many.
    Rejects(i64),
    /// It answers with this status.
    Answers(u16),
    /// It sends somewhere else.
    Redirects,
    /// It reads, and never answers.
    Silent,
    /// It reads, and closes the connection.
    HangsUp,
    /// It answers with what is no answer.
    Babbles,
    /// It answers with more than anybody wants to read.
    Drones,
}

/// One export as it came.
#[derive(Clone, Debug)]
pub(crate) struct Exported {
    pub(crate) target: String,
    pub(crate) fields: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) message: ExportMetricsServiceRequest,
}

/// It ends when it is dropped.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    exports: mpsc::UnboundedReceiver<Exported>,
    manner: Arc<Mutex<Manner>>,
    connections: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        Self::start_behind(|stream| async { Some(stream) }).await
    }

    /// The same with something between the socket and HTTP, such as TLS; a connection that it refuses is closed.
    pub(crate) async fn start_behind<F, S>(accept: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Option<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (send, exports) = mpsc::unbounded_channel();
        let manner = Arc::new(Mutex::new(Manner::Takes));
        let connections = Arc::new(AtomicUsize::new(0));
        let mut serving = JoinSet::new();
        let (to_manner, count) = (Arc::clone(&manner), Arc::clone(&connections));
        serving.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, SeqCst);
                let accepted = accept(stream);
                let (send, manner) = (send.clone(), Arc::clone(&to_manner));
                open.spawn(async move {
                    let Some(stream) = accepted.await else { return };
                    let answer = service_fn(|request| answer(request, send.clone(), Arc::clone(&manner)));
                    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await);
                });
            }
        });
        Self { address, exports, manner, connections, _serving: serving }
    }

    /// The table of a configuration that has everything pushed here.
    pub(crate) fn table(&self, interval_seconds: u32) -> String {
        let timeout_seconds = interval_seconds.min(5);
        format!(
            "[export]\nurl = \"http://{}{PATH}\"\ninterval_seconds = {interval_seconds}\n\
             timeout_seconds = {timeout_seconds}\n",
            self.address
        )
    }

    /// From the next request on.
    pub(crate) fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// The next export, whenever it comes.
    pub(crate) async fn next(&mut self) -> Exported {
        tokio::time::timeout(PATIENCE, self.exports.recv()).await.expect("an export in time").expect("it serves")
    }

    /// One whose numbers were read after this was called.
    pub(crate) async fn later(&mut self) -> Exported {
        drop(self.rest());
        // The first may have been on its way; the next one is read when that is answered.
        self.next().await;
        self.next().await
    }

    /// What has come and was not looked at.
    pub(crate) fn rest(&mut self) -> Vec<Exported> {
        std::iter::from_fn(|| self.exports.try_recv().ok()).collect()
    }

    /// How many connections there ever were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }
}

type Answer = Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>>;

async fn answer(
    request: Request<Incoming>,
    send: mpsc::UnboundedSender<Exported>,
    manner: Arc<Mutex<Manner>>,
) -> Answer {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let message = ExportMetricsServiceRequest::decode(body.clone()).expect("an export is a message of OTLP");
    let target = format!("{} {}", head.method, head.uri);
    let manner = *manner.lock().unwrap();
    drop(send.send(Exported { target, fields: head.headers, body, message }));
    let answered = |status: u16, body: Vec<u8>| Ok(Response::builder().status(status).body(Full::from(body)).unwrap());
    let rejecting = |rejected_data_points| {
        let error_message = if rejected_data_points == 0 { String::new() } else { "canary-of-an-answer".to_owned() };
        let partial_success = Some(ExportMetricsPartialSuccess { rejected_data_points, error_message });
        answered(200, ExportMetricsServiceResponse { partial_success }.encode_to_vec())
    };
    match manner {
        Manner::Takes => rejecting(0),
        Manner::Rejects(number) => rejecting(number),
        Manner::Answers(status) => answered(status, Vec::new()),
        Manner::Redirects => {
            let mut response = answered(307, Vec::new());
            if let Ok(response) = &mut response {
                response.headers_mut().insert("location", "/elsewhere".parse().unwrap());
            }
            response
        }
        Manner::Silent => std::future::pending::<Result<_, Infallible>>().await.map_err(Into::into),
        Manner::HangsUp => Err("it hangs up".into()),
        Manner::Babbles => answered(200, b"<html>canary-of-an-answer</html>".to_vec()),
        Manner::Drones => answered(200, vec![0; 1 << 20]),
    }
}

impl Exported {
    /// Metrics as `/metrics` would show them.
    pub(crate) fn text(&self) -> String {
        let [resource] = &self.message.resource_metrics[..] else { panic!("one resource") };
        let [scope] = &resource.scope_metrics[..] else { panic!("one scope") };
        scope.metrics.iter().map(text_of).collect()
    }

    /// Which program it is from, as it says.
    pub(crate) fn program(&self) -> String {
        self.of_resource("service.name").expect("a name")
    }

    /// What it says of the process under that name.
    pub(crate) fn of_resource(&self, name: &str) -> Option<String> {
        let resource = self.message.resource_metrics.first().and_then(|first| first.resource.as_ref());
        let attributes = words(&resource.expect("a resource").attributes);
        attributes.into_iter().find(|(key, _)| key == name).map(|(_, word)| word)
    }

    /// Everything beside the numbers is what it may be and nothing else: names and version of the program, no host, no
    /// instance, no scope, no exemplar.
    pub(crate) fn assert_closed(&self, program: &str) {
        let [resource] = &self.message.resource_metrics[..] else { panic!("one resource") };
        let [scope] = &resource.scope_metrics[..] else { panic!("one scope") };
        assert_eq!((resource.schema_url.as_str(), scope.schema_url.as_str(), &scope.scope), ("", "", &None));
        let of_resource = resource.resource.as_ref().unwrap();
        let attributes = words(&of_resource.attributes);
        assert_eq!(
            attributes.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(),
            ["service.name", "service.version"]
        );
        assert_eq!(attributes[0].1, program);
        assert!(attributes[1].1.chars().all(|letter| letter.is_ascii_digit() || letter == '.'), "{attributes:?}");
        assert!(of_resource.entity_refs.is_empty());
        for metric in &scope.metrics {
            assert!(metric.unit.is_empty() && metric.metadata.is_empty(), "{}", metric.name);
        }
        assert_eq!(self.target, format!("POST {PATH}"));
        assert_eq!(self.fields["content-type"], "application/x-protobuf");
        let known = ["host", "content-type", "content-length", "authorization"];
        assert!(self.fields.keys().all(|name| known.contains(&name.as_str())), "{:?}", self.fields.keys());
    }

    /// Since when counters count, and when they were read; the same for all of them.
    pub(crate) fn span(&self) -> (u64, u64) {
        let metrics = &self.message.resource_metrics[0].scope_metrics[0].metrics;
        let mut spans: Vec<_> = metrics
            .iter()
            .flat_map(|metric| match metric.data.as_ref().unwrap() {
                Data::Sum(sum) => {
                    sum.data_points.iter().map(|at| (at.start_time_unix_nano, at.time_unix_nano)).collect()
                }
                Data::Histogram(all) => {
                    all.data_points.iter().map(|at| (at.start_time_unix_nano, at.time_unix_nano)).collect()
                }
                _ => Vec::new(),
            })
            .collect();
        spans.dedup();
        assert_eq!(spans.len(), 1, "{spans:?}");
        spans[0]
    }

    /// A number, by the name and labels that it has in `/metrics`.
    pub(crate) fn number(&self, name: &str) -> u64 {
        let text = self.text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name}: {text}")).parse().unwrap()
    }
}

fn text_of(metric: &Metric) -> String {
    let name = &metric.name;
    let kind = match metric.data.as_ref().unwrap() {
        Data::Sum(_) => "counter",
        Data::Gauge(_) => "gauge",
        Data::Histogram(_) => "histogram",
        other => panic!("{name} is {other:?}"),
    };
    let mut text = format!("# HELP {name} {}\n# TYPE {name} {kind}\n", metric.description);
    match metric.data.as_ref().unwrap() {
        Data::Sum(sum) => {
            assert!(sum.is_monotonic, "{name}");
            assert_eq!(sum.aggregation_temporality(), AggregationTemporality::Cumulative, "{name}");
            sum.data_points.iter().for_each(|point| write_number(&mut text, name, point));
        }
        Data::Gauge(gauge) => gauge.data_points.iter().for_each(|point| write_number(&mut text, name, point)),
        Data::Histogram(histogram) => {
            assert_eq!(histogram.aggregation_temporality(), AggregationTemporality::Cumulative, "{name}");
            histogram.data_points.iter().for_each(|point| write_histogram(&mut text, name, point));
        }
        other => panic!("{name} is {other:?}"),
    }
    text
}

fn write_number(text: &mut String, name: &str, point: &NumberDataPoint) {
    assert!(point.exemplars.is_empty() && point.flags == 0, "{name}");
    let Some(number_data_point::Value::AsInt(value)) = point.value else { panic!("{name} is no whole number") };
    writeln!(text, "{name}{} {value}", braces(&words(&point.attributes))).unwrap();
}

fn write_histogram(text: &mut String, name: &str, point: &HistogramDataPoint) {
    assert!(point.exemplars.is_empty() && point.flags == 0 && point.min.is_none() && point.max.is_none(), "{name}");
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1, "{name}");
    let labels = words(&point.attributes);
    let bounds = point.explicit_bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
    let mut below = 0;
    for (bound, count) in bounds.zip(&point.bucket_counts) {
        below += count;
        let with_bound = [&labels[..], &[("le".to_owned(), bound)]].concat();
        writeln!(text, "{name}_bucket{} {below}", braces(&with_bound)).unwrap();
    }
    assert_eq!(below, point.count, "{name}");
    writeln!(text, "{name}_sum{} {}", braces(&labels), point.sum.unwrap()).unwrap();
    writeln!(text, "{name}_count{} {}", braces(&labels), point.count).unwrap();
}

fn words(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let word = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(word)) => (attribute.key.clone(), word.clone()),
        other => panic!("{} is {other:?}", attribute.key),
    };
    attributes.iter().map(word).collect()
}

fn braces(labels: &[(String, String)]) -> String {
    let pairs: Vec<_> = labels.iter().map(|(label, word)| format!("{label}=\"{word}\"")).collect();
    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
}

/// What `/metrics` showed between two exports is what they had: the same lines in the same order, each with a number
/// between theirs. The export counts itself, and being asked counts.
pub(crate) fn assert_between(before: &Exported, shown: &str, after: &Exported) {
    let split = |text: &str| -> Vec<(String, Option<f64>)> {
        let number =
            |line: &str| line.rsplit_once(' ').and_then(|(key, value)| Some((key.to_owned(), value.parse().ok()?)));
        text.lines()
            .map(|line| number(line).map_or((line.to_owned(), None), |(key, value)| (key, Some(value))))
            .collect()
    };
    let [before, shown, after] = [&before.text(), shown, &after.text()].map(split);
    let keys = |lines: &[(String, Option<f64>)]| lines.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&before), keys(&shown));
    assert_eq!(keys(&after), keys(&shown));
    assert!(shown.iter().filter(|(_, number)| number.is_some()).count() > 10, "there is something to compare");
    let moved: BTreeMap<_, _> = before
        .iter()
        .zip(&shown)
        .zip(&after)
        .filter_map(|((before, shown), after)| Some((&shown.0, (before.1?, shown.1?, after.1?))))
        .filter(|(_, (before, shown, after))| shown < &before.min(*after) || shown > &before.max(*after))
        .collect();
    assert!(moved.is_empty(), "{moved:?}");
}
