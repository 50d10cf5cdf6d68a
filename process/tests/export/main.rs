//! Exports to a collector that is there, is not, or is not well, and what comes of each.

#![allow(clippy::unwrap_used, reason = "a broken export fails loudly")]

#[path = "../shared/collector.rs"]
#[allow(dead_code, reason = "shared with the tests of the programs")]
mod collector;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use collector::{Collector, Manner, PATH};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use restante_process::{
    export::{self, Export, ExportCounts, ExportSettings, ServiceName, Source},
    metrics::{Exposition, Histogram, Kind, Unit},
};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::Instant};

const PATIENCE: Duration = Duration::from_secs(30);
const START_MS: u64 = 1_700_000_000_000;

/// Numbers of every kind, and what exports count.
fn exposition(counts: &ExportCounts, round: u64) -> Exposition {
    let mut text = Exposition::default();
    text.number(Kind::Gauge, "ready", "Whether.", 1);
    text.number(Kind::Counter, "rounds_total", "How many.", round);
    let rows: [(&[&str], u64); 2] = [(&["local", "answered"], 3), (&["local", "refused"], u64::MAX >> 1)];
    text.labelled(Kind::Counter, "requests_total", "How many.", &["listener", "outcome"], rows);
    let (seconds, numbers) = (Histogram::new(Unit::Micros, &[500, 1_000_000]), Histogram::new(Unit::Number, &[1, 8]));
    [300, 500, 501, 2_000_003].iter().for_each(|micros| seconds.record(*micros));
    numbers.record(8);
    text.histograms("took_seconds", "How long.", "lane", [("pool", &seconds)]);
    text.histograms("batch_commands", "How many.", "lane", [("pool", &numbers), ("groups", &numbers)]);
    counts.expose(&mut text, "exports_total");
    text
}

fn settings(url: &str, interval: Duration, timeout: Duration) -> ExportSettings {
    ExportSettings {
        url: url.parse().unwrap(),
        ca_file: None,
        authorization_file: None,
        instance: None,
        interval,
        timeout,
    }
}

/// One that exports, and how often it was read.
struct Bench {
    export: Export,
    task: JoinHandle<()>,
    counts: ExportCounts,
    rounds: Arc<AtomicU64>,
}

impl Bench {
    fn new(settings: Option<&ExportSettings>) -> Self {
        let collector = settings.map(|settings| export::Collector::read(settings).unwrap());
        let (counts, rounds) = (ExportCounts::default(), Arc::new(AtomicU64::new(0)));
        let (counted, read) = (counts.clone(), Arc::clone(&rounds));
        let program = ServiceName { name: "some-program", version: "1.2.3" };
        let read = Box::new(move || exposition(&counted, read.fetch_add(1, SeqCst) + 1));
        let source = Source { program, read, now_ms: || START_MS, counts: counts.clone() };
        let (export, exports) = Export::begin(collector, source);
        Self { export, task: tokio::spawn(exports), counts, rounds }
    }

    fn count(&self, outcome: &str) -> u64 {
        let text = exposition(&self.counts, 0).finish();
        let prefix = format!("exports_total{{outcome=\"{outcome}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap().parse().unwrap()
    }

    /// Waits until so many exports ended like this.
    async fn counts(&self, outcome: &str, wanted: u64) {
        let reached = async {
            while self.count(outcome) < wanted {
                // Numbers are asked, they do not tell.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{outcome}: {:?}", self.counts));
    }

    async fn ends(self, drain: Duration) {
        self.export.end(drain, Instant::now());
        tokio::time::timeout(PATIENCE, self.task).await.expect("it ends in time").unwrap();
    }
}

/// The first export of its own accord, after a moment.
fn soon(address: std::net::SocketAddr) -> ExportSettings {
    settings(&format!("http://{address}{PATH}"), Duration::from_millis(50), Duration::from_secs(20))
}

#[tokio::test]
async fn what_is_exported_is_what_metrics_shows() {
    let mut collector = Collector::start().await;
    let bench = Bench::new(Some(&soon(collector.address)));
    for round in 1..=3 {
        let exported = collector.next().await;
        // The last one was counted when it was answered, and the next one begins later.
        let counts = ExportCounts::default();
        let expected = exposition(&counts, round).finish();
        let without_own = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.starts_with("exports_total{")).map(ToOwned::to_owned).collect()
        };
        assert_eq!(without_own(&exported.text()), without_own(&expected));
        assert_eq!(exported.number("exports_total{outcome=\"done\"}"), round - 1);
        exported.assert_closed("some-program");
        assert_eq!(exported.span(), (START_MS * 1_000_000, START_MS * 1_000_000));
        assert!(!exported.fields.contains_key("authorization"));
    }
    bench.ends(PATIENCE).await;
}

#[tokio::test]
async fn whatever_a_collector_does_is_counted_and_the_next_export_has_it_all() {
    let mut collector = Collector::start().await;
    let settings = ExportSettings { timeout: Duration::from_millis(500), ..soon(collector.address) };
    let bench = Bench::new(Some(&settings));
    for (manner, outcome) in [
        (Manner::Rejects(3), "partial"),
        (Manner::Answers(400), "refused"),
        (Manner::Answers(500), "refused"),
        (Manner::Answers(503), "refused"),
        (Manner::Redirects, "refused"),
        (Manner::Silent, "timeout"),
        (Manner::HangsUp, "broken"),
        (Manner::Babbles, "broken"),
        (Manner::Drones, "broken"),
        (Manner::Answers(204), "done"),
    ] {
        let before = bench.count(outcome);
        collector.behave(manner);
        bench.counts(outcome, before + 1).await;
    }
    collector.behave(Manner::Takes);
    drop(collector.rest());
    let exported = collector.next().await;
    assert!(exported.number("exports_total{outcome=\"refused\"}") >= 4);
    assert!(exported.number("rounds_total") >= 10, "everything since the start is in it");
    assert_eq!(exported.target, format!("POST {PATH}"), "nobody goes where they are sent");
    bench.ends(PATIENCE).await;
}

#[tokio::test]
async fn a_collector_that_goes_away_and_comes_back_is_found_again() {
    let mut collector = Collector::start().await;
    let bench = Bench::new(Some(&soon(collector.address)));
    collector.next().await;
    drop(collector);
    bench.counts("unreachable", 2).await;
    let done = bench.count("done");
    let mut collector = Collector::start().await;
    bench.export.adopt(Some(export::Collector::read(&soon(collector.address)).unwrap()));
    collector.next().await;
    bench.counts("done", done + 1).await;
    bench.ends(PATIENCE).await;
}

#[tokio::test]
async fn there_is_one_export_at_a_time() {
    let collector = Collector::start().await;
    collector.behave(Manner::Silent);
    let settings = ExportSettings { timeout: Duration::from_millis(400), ..soon(collector.address) };
    let bench = Bench::new(Some(&settings));
    bench.counts("timeout", 3).await;
    let rounds = bench.rounds.load(SeqCst);
    assert!((3..=4).contains(&rounds), "an interval is an eighth of what each took, and {rounds} were begun");
    assert!(collector.connections() <= 4, "one for each");
    bench.ends(Duration::ZERO).await;
}

#[tokio::test]
async fn without_a_collector_nobody_is_connected_to_and_nothing_is_read() {
    let collector = Collector::start().await;
    let bench = Bench::new(None);
    let rounds = Arc::clone(&bench.rounds);
    bench.ends(PATIENCE).await;
    // One that is taken away before anything was due.
    let rare = ExportSettings { interval: Duration::from_secs(3600), ..soon(collector.address) };
    let bench = Bench::new(Some(&rare));
    bench.export.adopt(None);
    let rounds = [rounds, Arc::clone(&bench.rounds)];
    bench.ends(PATIENCE).await;
    assert_eq!(collector.connections(), 0);
    assert_eq!(rounds.map(|rounds| rounds.load(SeqCst)), [0, 0]);
}

#[tokio::test]
async fn the_operator_s_word_tells_one_of_several_from_the_others() {
    let mut collector = Collector::start().await;
    let settings = ExportSettings { instance: Some("hub-2".to_owned()), ..soon(collector.address) };
    let bench = Bench::new(Some(&settings));
    assert_eq!(collector.next().await.of_resource("service.instance.id").as_deref(), Some("hub-2"));
    bench.ends(PATIENCE).await;
}

#[tokio::test]
async fn the_last_export_has_what_came_after_the_one_before() {
    let mut collector = Collector::start().await;
    let rare = ExportSettings { interval: Duration::from_secs(3600), ..soon(collector.address) };
    let bench = Bench::new(Some(&rare));
    let counts = bench.counts.clone();
    bench.ends(PATIENCE).await;
    let all = collector.rest();
    assert_eq!((all.len(), collector.connections()), (1, 1));
    assert_eq!(all[0].number("rounds_total"), 1);
    assert!(exposition(&counts, 0).finish().contains("exports_total{outcome=\"done\"} 1\n"));
}

#[tokio::test]
async fn the_end_waits_for_no_collector_longer_than_half_of_the_drain() {
    for is_under_way in [false, true] {
        let mut collector = Collector::start().await;
        collector.behave(Manner::Silent);
        let interval = if is_under_way { Duration::from_millis(1) } else { Duration::from_secs(3600) };
        let settings = ExportSettings { interval, timeout: PATIENCE, ..soon(collector.address) };
        let bench = Bench::new(Some(&settings));
        if is_under_way {
            collector.next().await;
        }
        let (began, drain) = (Instant::now(), Duration::from_secs(2));
        let counts = bench.counts.clone();
        bench.ends(drain).await;
        assert!(began.elapsed() >= drain / 2 && began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
        assert!(exposition(&counts, 0).finish().contains("exports_total{outcome=\"timeout\"} 1\n"));
    }
}

/// Writes an authority, and a certificate of it for this name.
fn issue(folder: &Path, name: &str) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    fs::write(folder.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let (issuer, key) = (Issuer::new(params, key), KeyPair::generate().unwrap());
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}

#[tokio::test]
async fn over_tls_the_name_and_the_authority_must_be_the_collector_s() {
    let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    issue(folder.path(), "localhost");
    issue(other.path(), "localhost");
    let path = |name: &str| folder.path().join(name);
    let secret = path("authorization");
    fs::write(&secret, "Bearer canary-of-credentials\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let acceptor = acceptor(folder.path());
    let mut collector = Collector::start_behind(move |stream| {
        let accepting = acceptor.accept(stream);
        async { accepting.await.ok() }
    })
    .await;
    let port = collector.address.port();
    let secure = |host: &str, ca: &Path| ExportSettings {
        url: format!("https://{host}:{port}{PATH}").parse().unwrap(),
        ca_file: Some(ca.to_owned()),
        authorization_file: Some(secret.clone()),
        ..soon(collector.address)
    };
    for (host, ca) in [("localhost", other.path().join("ca.pem")), ("127.0.0.1", path("ca.pem"))] {
        let bench = Bench::new(Some(&secure(host, &ca)));
        bench.counts("tls", 1).await;
        bench.ends(Duration::ZERO).await;
    }
    let bench = Bench::new(Some(&secure("localhost", &path("ca.pem"))));
    let exported = collector.next().await;
    exported.assert_closed("some-program");
    assert_eq!(exported.fields["authorization"], "Bearer canary-of-credentials");
    bench.ends(PATIENCE).await;
}

fn acceptor(folder: &Path) -> tokio_rustls::TlsAcceptor {
    let certificates = restante_process::pem::certificates(&folder.join("cert.pem")).unwrap();
    let key = restante_process::pem::private_key(&folder.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .unwrap();
    Arc::new(config).into()
}

/// Neither the url nor the credentials are in what is shown of them.
#[test]
fn a_collector_shows_nothing_of_its_secrets() {
    let folder = TempDir::new().unwrap();
    let secret = folder.path().join("authorization");
    fs::write(&secret, "Bearer canary-of-credentials").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let settings = ExportSettings { authorization_file: Some(secret), ..soon(([127, 0, 0, 1], 1).into()) };
    let collector = export::Collector::read(&settings).unwrap();
    let shown = format!("{settings:?} {collector:?}");
    assert!(!shown.contains("canary") && !shown.contains("127.0.0.1"), "{shown}");
    fs::set_permissions(settings.authorization_file.as_ref().unwrap(), fs::Permissions::from_mode(0o644)).unwrap();
    let refused = export::Collector::read(&settings).unwrap_err().to_string();
    assert!(refused.starts_with("export.authorization_file: ") && !refused.contains("canary"), "{refused}");
}
