//! What opening a request costs, beside one raw X25519 and beside the `ohttp` crate: medians of many rounds, microseconds
//! of one thread.
//!
//! `cargo bench -p restante-gateway` prints a table. Each round measures everything once, so that what disturbs the
//! machine disturbs all lines alike. The floors that are promised are printed beside what was found.

#![allow(clippy::print_stdout, reason = "the table is what it is for")]

use std::{convert::Infallible, hint::black_box, sync::Arc, time::Instant};

use aws_lc_rs::agreement::{self, UnparsedPublicKey, X25519, agree};
use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::Full;
use restante_gateway::{
    Aead, Gateway, Kem, Keyring, LiveKeys, Machine, Padded, Policy, Rate, RotationSchedule, Surroundings as _, Target,
    Unopened, WELL_KNOWN,
};
use tower::{Service as _, service_fn};

const ROUNDS: usize = 301;
const REPEATS: u32 = 20;

/// Bytes of the message inside.
const MESSAGE: usize = 1024;

/// The class of the answers.
const ANSWER: usize = 8 * 1024;

struct Line {
    name: &'static str,
    work: Box<dyn FnMut()>,
    micros: Vec<f64>,
}

impl Line {
    fn new(name: &'static str, work: impl FnMut() + 'static) -> Self {
        Self { name, work: Box::new(work), micros: Vec::with_capacity(ROUNDS) }
    }

    #[allow(clippy::disallowed_methods, reason = "a stopwatch")]
    fn measure(&mut self) {
        let begun = Instant::now();
        for _ in 0..REPEATS {
            (self.work)();
        }
        self.micros.push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(REPEATS));
    }

    fn median(&mut self) -> f64 {
        self.micros.sort_by(f64::total_cmp);
        self.micros[self.micros.len() / 2]
    }
}

/// A key list's only configuration with one suite.
fn config(keys: &LiveKeys, aead: Aead) -> Vec<u8> {
    let list = keys.list();
    let mut config = list[2..list.len() - 10].to_vec();
    config.extend_from_slice(&[0, 4, 0, 1]);
    config.extend_from_slice(&aead.id().to_be_bytes());
    config
}

fn encapsulate(config: &[u8], message: &[u8]) -> Bytes {
    let client = ohttp::ClientRequest::from_encoded_config(config).expect("a configuration of our own");
    client.encapsulate(message).expect("a message of a kilobyte").0.into()
}

fn decapsulate(name: &'static str, kem: Kem, aead: Aead, answer: bool) -> Line {
    let keys = LiveKeys::fixed(1, kem, &[42; 32]).expect("any 32 bytes are a key");
    let request = encapsulate(&config(&keys, aead), &[7; MESSAGE]);
    Line::new(name, move || {
        let unopened = Unopened::new(request.clone(), &Machine).expect("random bytes");
        let opened = unopened.open(&keys, 0).expect("a request to this key");
        if answer {
            let padded = Padded::encode(Response::new(Bytes::from_static(&[1; 2048])), ANSWER).expect("it fits");
            black_box(opened.seal(padded));
        } else {
            black_box(opened);
        }
    })
}

fn raw_x25519() -> Line {
    let secret = agreement::PrivateKey::from_private_key(&X25519, &[42; 32]).expect("any 32 bytes are a key");
    let public = secret.compute_public_key().expect("of a key").as_ref().to_vec();
    Line::new("one X25519 of AWS-LC", move || {
        let peer = UnparsedPublicKey::new(&X25519, black_box(&public));
        black_box(agree(&secret, peer, (), |shared| Ok(shared[0]))).expect("a point of an honest peer");
    })
}

fn ohttp_crate(name: &'static str, kem: ohttp::hpke::Kem) -> Line {
    let suites = vec![ohttp::SymmetricSuite::new(ohttp::hpke::Kdf::HkdfSha256, ohttp::hpke::Aead::Aes128Gcm)];
    let config = ohttp::KeyConfig::new(1, kem, suites).expect("a suite that it knows");
    let request = encapsulate(&config.encode().expect("a configuration"), &[7; MESSAGE]);
    let server = ohttp::Server::new(config).expect("a configuration with its key");
    Line::new(name, move || {
        black_box(server.decapsulate(&request)).expect("a request to this key");
    })
}

/// Through the whole service, the target's call included: replays, date, allow-list, padding, sealing.
fn whole_gateway(folder: &std::path::Path) -> Line {
    let schedule = RotationSchedule::default();
    let keyring = Keyring::open(&folder.join("keys"), &folder.join("seal-key"), schedule, &Machine);
    let keyring = Arc::new(keyring.expect("an empty folder"));
    let most = std::num::NonZeroU32::MAX;
    let unlimited = Rate { per_second: most, burst: most };
    let policy = Policy { others_together: unlimited, ..Policy::default() };
    let target = service_fn(|_: Request<Bytes>| {
        std::future::ready(Ok::<_, Infallible>(Response::new(Bytes::from_static(&[1; 2048]))))
    });
    let allowed =
        Target { authority: "follower.example".into(), routes: vec![(Method::POST, "/v1/key-package".into())] };
    let list = keyring.live().list()[2..].to_vec();
    let mut gateway = Gateway::new(target, allowed, |_: &Request<Bytes>| ANSWER, keyring, policy, Arc::new(Machine));
    // Each request gets through once, so each is made before the measurement.
    let count = ROUNDS * REPEATS as usize;
    let date =
        httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_millis(Machine.now_ms() + 60_000));
    let mut requests: Vec<Bytes> = (0..count)
        .map(|_| {
            let mut message = bhttp::Message::request(
                b"POST".into(),
                b"https".into(),
                b"follower.example".into(),
                b"/v1/key-package".into(),
            );
            message.put_header("date", date.as_bytes());
            message.write_content([7; MESSAGE - 100]);
            let mut encoded = Vec::new();
            message.write_bhttp(bhttp::Mode::KnownLength, &mut encoded).expect("into memory");
            encapsulate(&list, &encoded)
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    Line::new("a request through the gateway as a service, class 8 KiB", move || {
        let body = requests.pop().expect("one for each repeat");
        let mut request = Request::post(WELL_KNOWN).body(Full::new(body)).expect("a request");
        request
            .headers_mut()
            .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(restante_gateway::OHTTP_REQUEST));
        let response = runtime.block_on(gateway.call(request)).expect("infallible");
        assert_eq!(response.status(), 200);
        black_box(response);
    })
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the keyring");
    let mut lines = [
        raw_x25519(),
        decapsulate("decapsulate, X25519 and AES-128-GCM", Kem::X25519, Aead::Aes128Gcm, false),
        decapsulate("decapsulate, X25519 and ChaCha20-Poly1305", Kem::X25519, Aead::ChaCha20Poly1305, false),
        decapsulate("decapsulate and answer 8 KiB, AES-128-GCM", Kem::X25519, Aead::Aes128Gcm, true),
        decapsulate("decapsulate and answer 8 KiB, ChaCha20-Poly1305", Kem::X25519, Aead::ChaCha20Poly1305, true),
        decapsulate("decapsulate, X-Wing and AES-128-GCM", Kem::XWing, Aead::Aes128Gcm, false),
        ohttp_crate("decapsulate by the ohttp crate, X25519 and AES-128-GCM", ohttp::hpke::Kem::X25519Sha256),
        ohttp_crate("decapsulate by the ohttp crate, X-Wing and AES-128-GCM", ohttp::hpke::Kem::XWing),
        whole_gateway(folder.path()),
    ];
    for _ in 0..ROUNDS {
        for line in &mut lines {
            line.measure();
        }
    }
    let medians: Vec<f64> = lines.iter_mut().map(Line::median).collect();
    println!("{:>8}  {:>8}  one thread, message of {MESSAGE} bytes, medians of {ROUNDS} rounds", "µs", "X25519s");
    for (line, median) in lines.iter().zip(&medians) {
        println!("{median:8.1}  {:8.2}  {}", median / medians[0], line.name);
    }
    println!();
    println!("{:8.2}  decapsulate in raw X25519s; promised: at most 1.5", medians[1] / medians[0]);
    println!("{:8.1}  µs more than calling the target alone; promised: at most 40", medians[8]);
}
