//! Encapsulation against RFC 9458, Appendix A, and against the `ohttp` crate as a client.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};

use super::Scripted;
use crate::{
    Aead, EncapsulatedResponse, Kem, LiveKeys, NotOpened, Opened, Padded, Undecryptable, Unopened,
    machine::{NoEntropy, Surroundings},
};

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

/// The response nonce of the RFC.
struct NonceOfTheRfc;

impl Surroundings for NonceOfTheRfc {
    fn now_ms(&self) -> u64 {
        0
    }

    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy> {
        buffer.fill(0);
        buffer[..16].copy_from_slice(&bytes("c789e7151fcba46158ca84b04464910d"));
        Ok(())
    }
}

const ENCAPSULATED_REQUEST: &str = "010020000100014b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec96c208b4726374e469135906992e1268c594d2a10c695d858c40a026e7965e7d86b83dd440b2c0185204b4d63525";

fn keys_of_the_rfc() -> LiveKeys {
    let secret = bytes("3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a");
    LiveKeys::fixed(1, Kem::X25519, secret.as_slice().try_into().unwrap()).unwrap()
}

fn open(keys: &LiveKeys, body: &[u8]) -> Result<Opened, NotOpened> {
    Unopened::new(Bytes::copy_from_slice(body), &NonceOfTheRfc).unwrap().open(keys, 0)
}

fn content(response: EncapsulatedResponse) -> Bytes {
    let collected = std::pin::pin!(response.into_http().into_body().collect());
    match std::future::Future::poll(collected, &mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(collected) => collected.unwrap().to_bytes(),
        std::task::Poll::Pending => panic!("a full body is ready"),
    }
}

#[test]
fn the_example_of_the_rfc() {
    let keys = keys_of_the_rfc();
    assert_eq!(
        hex::encode(keys.list()),
        "002d01002031e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e79815500080001000100010003"
    );
    let opened = open(&keys, &bytes(ENCAPSULATED_REQUEST)).unwrap();
    assert_eq!(hex::encode(opened.message()), "00034745540568747470730b6578616d706c652e636f6d012f");
    let sealed = opened.seal(Padded::bare(StatusCode::OK, 0));
    assert_eq!(hex::encode(content(sealed)), "c789e7151fcba46158ca84b04464910d86f9013e404feea014e7be4a441f234f857fbd");
}

/// §4.3: header, key and ciphertext all take part.
#[test]
fn no_byte_of_a_request_can_be_altered_or_cut() {
    let keys = keys_of_the_rfc();
    let request = bytes(ENCAPSULATED_REQUEST);
    for place in 0..request.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut altered = request.clone();
            altered[place] ^= mask;
            assert!(
                matches!(open(&keys, &altered), Err(NotOpened::Undecryptable(Undecryptable))),
                "byte {place} ^ {mask}"
            );
        }
    }
    for length in 0..request.len() {
        let expected = if length < 55 { NotOpened::TooShort } else { NotOpened::Undecryptable(Undecryptable) };
        assert_eq!(open(&keys, &request[..length]).unwrap_err(), expected, "{length} bytes");
    }
}

/// KEM, KDF and AEAD must be those of the key's configuration (§4.3, step 1).
#[test]
fn suites_that_are_not_offered_are_refused() {
    let keys = keys_of_the_rfc();
    let request = bytes(ENCAPSULATED_REQUEST);
    for suite in ["001000010001", "647a00010001", "002000020001", "002000010002", "0020ffff0001", "00200001ffff"] {
        let mut altered = request.clone();
        altered[1..7].copy_from_slice(&bytes(suite));
        assert!(matches!(open(&keys, &altered), Err(NotOpened::Undecryptable(_))), "{suite}");
    }
}

/// Every key and suite that a client may choose, as the `ohttp` crate uses it.
fn round_trip(kem: Kem, aead: Aead, message: &[u8], answer: Padded) -> (Bytes, Vec<u8>) {
    let surroundings = Scripted::new();
    let keys = LiveKeys::fixed(7, kem, &[42; 32]).unwrap();
    let mut configs = ohttp::KeyConfig::decode_list(keys.list()).unwrap();
    let [config] = configs.as_mut_slice() else { panic!("one configuration") };
    // The client takes the first suite: leave it one.
    let mut encoded = config.encode().unwrap();
    let suites = encoded.len() - 10;
    encoded.truncate(suites);
    encoded.extend_from_slice(&[0, 4, 0, 1]);
    encoded.extend_from_slice(&aead.id().to_be_bytes());
    let client = ohttp::ClientRequest::from_encoded_config(&encoded).unwrap();
    let (request, response) = client.encapsulate(message).unwrap();
    let opened = Unopened::new(request.into(), &surroundings).unwrap().open(&keys, 0).unwrap();
    let plain = opened.message().clone();
    (plain, response.decapsulate(&content(opened.seal(answer))).unwrap())
}

#[test]
fn a_client_by_other_hands_is_understood_and_understands() {
    for kem in Kem::ALL {
        for aead in Aead::ALL {
            for length in [0, 1, 100, 8192] {
                let message = vec![0x5a; length];
                let answer = Response::new(Bytes::from(vec![0xa5; length]));
                let answer = Padded::encode(answer, 16384).unwrap();
                let expected = answer.as_ref().to_vec();
                let (request, response) = round_trip(kem, aead, &message, answer);
                assert_eq!(request, message, "{kem:?} {aead:?}");
                assert_eq!(response, expected, "{kem:?} {aead:?}");
            }
        }
    }
}

#[test]
fn our_list_is_read_by_other_hands() {
    for kem in Kem::ALL {
        let keys = LiveKeys::fixed(200, kem, &[1; 32]).unwrap();
        let configs = ohttp::KeyConfig::decode_list(keys.list()).unwrap();
        assert_eq!(configs.len(), 1);
        assert_eq!([&[0; 0][..], &configs[0].encode().unwrap()].concat(), keys.list()[2..]);
    }
}

/// Copies share a digest, two requests do not; the key's id is part of it.
#[test]
fn the_digest_names_one_request() {
    let keys = LiveKeys::fixed(7, Kem::X25519, &[42; 32]).unwrap();
    let encapsulate =
        || ohttp::ClientRequest::from_encoded_config(&keys.list()[2..]).unwrap().encapsulate(b"x").unwrap().0;
    let (one, two) = (encapsulate(), encapsulate());
    let digest = |body: &[u8]| open(&keys, body).unwrap().digest();
    assert_eq!(digest(&one), digest(&one));
    assert_ne!(digest(&one), digest(&two));
    let expected = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &[&[7], &one[7..39]].concat());
    assert_eq!(digest(&one), expected.as_ref());
}

/// The same request sealed twice gives two responses: the nonce is drawn (§4.4, §6.5).
#[test]
fn responses_have_fresh_nonces() {
    let (keys, surroundings) = (keys_of_the_rfc(), Scripted::new());
    let seal = || {
        let unopened = Unopened::new(bytes(ENCAPSULATED_REQUEST).into(), &surroundings).unwrap();
        content(unopened.open(&keys, 0).unwrap().seal(Padded::bare(StatusCode::OK, 100)))
    };
    let (one, two) = (seal(), seal());
    assert_eq!(one.len(), two.len());
    assert_ne!(one[..16], two[..16]);
    assert_ne!(one[16..], two[16..]);
}

/// §5.2: one 200, one field.
#[test]
fn a_sealed_response_shows_nothing() {
    for status in [StatusCode::OK, StatusCode::NOT_FOUND, StatusCode::INTERNAL_SERVER_ERROR] {
        let opened = open(&keys_of_the_rfc(), &bytes(ENCAPSULATED_REQUEST)).unwrap();
        let response = opened.seal(Padded::bare(status, 8192)).into_http();
        assert_eq!(response.status(), StatusCode::OK);
        let fields: Vec<_> = response.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(fields, [("content-type", &b"message/ohttp-res"[..])]);
    }
}

#[test]
fn nothing_is_opened_that_could_not_be_answered() {
    let surroundings = Scripted::new();
    surroundings.dry_up();
    assert_eq!(Unopened::new(Bytes::new(), &surroundings).unwrap_err(), NoEntropy);
}

#[test]
fn nothing_of_a_message_or_key_is_in_debug_texts() {
    let keys = keys_of_the_rfc();
    let unopened = Unopened::new(bytes(ENCAPSULATED_REQUEST).into(), &NonceOfTheRfc).unwrap();
    assert_eq!(format!("{unopened:?}"), "Unopened { bytes: 80, .. }");
    let opened = unopened.open(&keys, 0).unwrap();
    assert_eq!(format!("{opened:?}"), "Opened { bytes: 25, .. }");
    assert_eq!(format!("{:?}", opened.seal(Padded::bare(StatusCode::OK, 0))), "EncapsulatedResponse { bytes: 35 }");
    assert_eq!(format!("{keys:?}"), "LiveKeys { keys: 1, .. }");
}

/// A small generator with a seed, so that a failure can be repeated.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self, below: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % below
    }
}

/// Thirty thousand mutations of true requests to either KEM: none panics, and none is opened.
#[test]
fn mutated_requests_are_refused() {
    for (kem, rounds) in [(Kem::X25519, 28_000), (Kem::XWing, 2_000)] {
        let keys = LiveKeys::fixed(7, kem, &[42; 32]).unwrap();
        let client = ohttp::ClientRequest::from_encoded_config(&keys.list()[2..]).unwrap();
        let (request, _response) = client.encapsulate(b"a message of some length").unwrap();
        let mut random = Seeded(0x5eed ^ u64::from(kem.id()));
        for round in 0..rounds {
            let mut altered = request.clone();
            for _ in 0..=random.next(3) {
                match random.next(5) {
                    0 => altered.truncate(random.next(altered.len() + 1)),
                    1 => altered.extend(vec![0; random.next(40) + 1]),
                    2 if !altered.is_empty() => {
                        altered.remove(random.next(altered.len()));
                    }
                    3 => altered.insert(random.next(altered.len() + 1), 0xff),
                    _ if !altered.is_empty() => {
                        let place = random.next(altered.len());
                        altered[place] ^= 1 << random.next(8);
                    }
                    _ => {}
                }
            }
            assert!(altered == request || open(&keys, &altered).is_err(), "{kem:?}, round {round}");
        }
    }
}

proptest! {
    #![proptest_config(Config {
        cases: 64, rng_seed: RngSeed::Fixed(0x5eed), failure_persistence: None, ..Config::default()
    })]

    #[test]
    fn what_is_opened_is_what_was_sealed(
        message in proptest::collection::vec(any::<u8>(), 0..4000),
        answer in proptest::collection::vec(any::<u8>(), 0..4000),
        chacha in any::<bool>(),
    ) {
        let aead = if chacha { Aead::ChaCha20Poly1305 } else { Aead::Aes128Gcm };
        let padded = Padded::encode(Response::new(Bytes::from(answer)), 8192).unwrap();
        let expected = padded.as_ref().to_vec();
        let (request, response) = round_trip(Kem::X25519, aead, &message, padded);
        prop_assert_eq!(&request[..], &message[..]);
        prop_assert_eq!(response, expected);
    }

    #[test]
    fn any_bytes_are_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(open(&keys_of_the_rfc(), &body).is_err());
    }
}
