//! What a gateway keeps: keyrings without their seal, and files of marks (`specs/storage.md`).

#[path = "../../gateway/src/bin/restante-gateway/marks/checksum.rs"]
mod checksum;
#[path = "../../gateway/src/bin/restante-gateway/marks/floor_record.rs"]
#[allow(dead_code, reason = "of the program, which reads as well")]
mod floor_record;
#[path = "../../gateway/src/bin/restante-gateway/marks/segment.rs"]
#[allow(dead_code, reason = "of the program, which reads as well")]
mod segment;

use restante_gateway::{Kem, ReplayMark};

use super::corpus::Corpus;

/// Some day.
const NOW_MS: u64 = 1_762_000_000_000;
const DAY_MS: u64 = 24 * 3_600_000;

pub(crate) fn add(corpus: &mut Corpus) {
    for (name, file) in files() {
        corpus.add("marks", name, file);
    }
    for (name, ring) in keyrings() {
        corpus.add("keyring", name, ring);
    }
}

/// Files of marks, whole, begun, torn and damaged; and floors.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let mark = |number: u8| ReplayMark { digest: [number; 32], expires_ms: NOW_MS + u64::from(number) };
    let file = |batches: &[&[u8]]| {
        let (mut file, mut place) = (segment::HEADER.to_vec(), 0);
        for batch in batches {
            segment::encode(batch.iter().map(|number| mark(*number)), place, &mut file);
            place += u32::try_from(batch.len()).unwrap();
        }
        file
    };
    let (one, three) = (file(&[&[1, 2, 3]]), file(&[&[1, 2][..], &[3, 4], &[5]]));
    let torn = three[..three.len() - 5].to_vec();
    let mut damaged = three.clone();
    damaged[20] ^= 1;
    let mut floor_damaged = floor_record::encode(NOW_MS);
    floor_damaged[20] ^= 1;
    vec![
        ("begun", segment::HEADER[..7].to_vec()),
        ("empty", file(&[])),
        ("one_batch", one),
        ("three_batches", three),
        ("torn", torn),
        ("damaged", damaged),
        ("floor", floor_record::encode(NOW_MS)),
        ("floor_damaged", floor_damaged),
    ]
}

/// The id that was given last, how many keys there are, and the keys.
fn keyrings() -> Vec<(&'static str, Vec<u8>)> {
    let key = |id: u8, kem: Kem, [published_ms, use_ms, until_ms]: [u64; 3]| {
        let times = [published_ms, use_ms, until_ms].map(u64::to_be_bytes).concat();
        [&[id][..], &kem.id().to_be_bytes(), &times, &[id; 32]].concat()
    };
    let ring = |last: u8, keys: &[Vec<u8>]| [&[last, u8::try_from(keys.len()).unwrap()][..], &keys.concat()].concat();
    let used = [NOW_MS, NOW_MS, u64::MAX];
    let leaving = [NOW_MS, NOW_MS, NOW_MS + 7 * DAY_MS];
    let next = [NOW_MS + 6 * DAY_MS, NOW_MS + 7 * DAY_MS, u64::MAX];
    let changing = [
        key(254, Kem::X25519, leaving),
        key(255, Kem::XWing, leaving),
        key(1, Kem::X25519, next),
        key(0, Kem::XWing, next),
    ];
    vec![
        ("none", ring(255, &[])),
        ("one", ring(7, &[key(7, Kem::X25519, used)])),
        ("both", ring(8, &[key(7, Kem::X25519, used), key(8, Kem::XWing, used)])),
        ("changing", ring(0, &changing)),
        ("twice_the_same", ring(7, &[key(7, Kem::X25519, used), key(7, Kem::XWing, used)])),
    ]
}
