//! The published vectors (`specs/vectors/`) against the public API, and the vectors against their makers.
//!
//! * The bytes in the files come from a TLS writer and a key schedule of their own ([`tls`], [`key_schedule`]), the
//!   real messages from mls-rs: never from the code under test.
//! * Every positive vector decodes to the published fields and encodes to the same bytes; every negative one is
//!   refused with the published error.
//! * `RESTANTE_WRITE_VECTORS=1 cargo test --test vectors` writes the files again, around the frozen messages;
//!   `RESTANTE_WRITE_VECTORS=messages` makes new messages first. Without the variable nothing is written.

#![allow(clippy::unwrap_used, reason = "a broken vector fails loudly")]

mod banned;
mod bans;
#[path = "../../src/mls/tests/clients.rs"]
mod clients;
mod corpus;
mod creating;
mod external_joins;
mod file;
mod heads;
mod inbox;
mod key_packages;
mod key_schedule;
mod messages;
mod partition_keys;
mod pool;
mod pushing;
mod receiving;
mod render;
mod sending;
mod tls;
mod tokens;
mod welcome;

use std::{collections::BTreeMap, env, fs, sync::OnceLock};

use self::{
    corpus::Corpus,
    file::{File, Outcome, Vector},
    partition_keys::Start,
    tls::Tls,
};

/// Each structure's shortest value without its last byte, and with one byte more.
fn ends(vectors: &mut Vec<Vector>) {
    let mut shortest = BTreeMap::<String, Vec<u8>>::new();
    for vector in vectors.iter().filter(|vector| matches!(vector.outcome, Outcome::Fields(_))) {
        let found = shortest.entry(vector.structure.clone()).or_insert_with(|| vector.bytes.clone());
        if vector.bytes.len() < found.len() {
            found.clone_from(&vector.bytes);
        }
    }
    for (structure, bytes) in shortest {
        vectors.push(Vector::bad(&structure, "one_byte_short", Tls::without_last(&bytes), "Truncated"));
        vectors.push(Vector::bad(&structure, "one_byte_more", Tls::with_one_more(&bytes), "TrailingBytes"));
    }
}

fn new_messages() -> (File, Vec<Start>) {
    let (messages, mut starts) = messages::make();
    for suite in [3, 5, 7] {
        let told = clients::transcript(suite, true, b"mimi://hub.example/g/YSBncm91cCBvZiBzdWl0ZSA");
        starts.push(Start::of(&format!("suite {suite}, epoch 1"), &told.joined));
    }
    (messages, starts)
}

/// All files but `messages.json`, as they must be around it.
fn expected(starts: &[Start]) -> Vec<File> {
    let mut heads = heads::vectors();
    ends(&mut heads);
    let corpus = Corpus::new(&heads);
    let file = |name, about, mut vectors: Vec<Vector>| {
        ends(&mut vectors);
        File { name, about, vectors, more: Vec::new() }
    };
    let mut files = vec![
        file("sending.json", "Draft 4.2: sending messages.", sending::vectors(&corpus)),
        file("receiving.json", "Draft 4.4: receiving messages.", receiving::vectors(&corpus)),
        file("welcome.json", "Draft 4.3: Welcomes between providers.", welcome::vectors(&corpus)),
        file("external_joins.json", "Draft 4.5: external joins and proposals.", external_joins::vectors(&corpus)),
        file("creating.json", "Creating groups.", creating::vectors(&corpus)),
        file("pushing.json", "Subscriptions and pushed responses.", pushing::vectors(&corpus)),
        file("key_packages.json", "Draft 4.1: KeyPackages.", key_packages::vectors(&corpus)),
        file("join_token.json", "Join tokens.", tokens::join_tokens()),
        file("bearer_token.json", "Bearer tokens.", tokens::bearer_tokens()),
        file("pool.json", "Uploading KeyPackages, managing tokens.", pool::vectors(&corpus)),
        file("bans.json", "Whom a hub bans, and complaints.", bans::vectors()),
        file("inbox.json", "Fetching and acknowledging Welcomes.", inbox::vectors(&corpus)),
        file("banned.json", "The GroupContext extension 0xF0D5.", banned::vectors()),
    ];
    let mut keys = file(
        "partition_keys.json",
        "Partition keys. 'exports': MLS-Exporter('mimi-ds partition key', context, 16) and SHA-256 of it. 'epochs': the \
         same from a joiner secret on, without pre-shared keys; the first three are epochs of messages.json.",
        partition_keys::vectors(),
    );
    keys.more = vec![("exports", partition_keys::exports()), ("epochs", partition_keys::epochs(starts))];
    files.push(keys);
    files.push(File {
        name: "heads.json",
        about: "Small MLS messages written by hand: what a hub reads of them, and what it refuses.",
        vectors: heads,
        more: Vec::new(),
    });
    files
}

/// The files as their makers make them, written when the environment asks for it.
fn made() -> &'static [File] {
    static FILES: OnceLock<Vec<File>> = OnceLock::new();
    FILES.get_or_init(|| {
        let mode = env::var("RESTANTE_WRITE_VECTORS").unwrap_or_default();
        let write = |file: &File| fs::write(file::path(file.name), file.render()).unwrap();
        let (messages, starts) = match mode.as_str() {
            "messages" => new_messages(),
            "" | "1" => (messages::published(), Start::published()),
            other => panic!("RESTANTE_WRITE_VECTORS={other}: neither 1 nor messages"),
        };
        if mode == "messages" {
            write(&messages); // the others are built around it
        }
        let mut files = expected(&starts);
        files.insert(0, messages);
        if !mode.is_empty() {
            files.iter().for_each(write);
        }
        files
    })
}

/// The names of the published files, which are written by now if they are to be.
fn published() -> impl Iterator<Item = &'static str> {
    made().iter().map(|file| file.name)
}

fn corpus() -> Corpus {
    made();
    let heads = file::read("heads.json");
    Corpus::new(&heads)
}

#[test]
fn every_file_is_what_its_maker_makes_and_has_no_stranger_beside_it() {
    for file in made() {
        let found = fs::read_to_string(file::path(file.name)).unwrap_or_default();
        let same = found == file.render();
        assert!(same, "specs/vectors/{} is not what its maker makes (see RESTANTE_WRITE_VECTORS)", file.name);
    }
    let mut names: Vec<String> = published().map(str::to_owned).collect();
    names.push("README.md".to_owned());
    names.sort();
    let mut found: Vec<String> =
        fs::read_dir(file::path("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    assert_eq!(found, names);
}

#[test]
fn positive_vectors_decode_to_their_fields_and_encode_to_their_bytes() {
    let corpus = corpus();
    let mut count = 0;
    for name in published() {
        for vector in file::read(name) {
            let Outcome::Fields(fields) = &vector.outcome else { continue };
            let at = format!("{name} {} {}", vector.structure, vector.name);
            let decoded = render::decode(&vector.structure, &vector.bytes, &corpus);
            let (rendered, encoded) = decoded.unwrap_or_else(|error| panic!("{at}: {error}"));
            assert_eq!(rendered, *fields, "{at}");
            assert_eq!(encoded, vector.bytes, "{at}");
            count += 1;
        }
    }
    assert!(count > 180, "only {count} positive vectors");
}

#[test]
fn negative_vectors_are_refused_for_the_published_reason() {
    let corpus = corpus();
    let mut count = 0;
    for name in published() {
        for vector in file::read(name) {
            let Outcome::Error(error) = &vector.outcome else { continue };
            let found = render::decode(&vector.structure, &vector.bytes, &corpus).map(|(fields, _)| fields);
            let found = found.map_err(|found| format!("{found:?}"));
            assert_eq!(found, Err(error.clone()), "{name} {} {}", vector.structure, vector.name);
            count += 1;
        }
    }
    assert!(count > 200, "only {count} negative vectors");
}

/// Whatever `src/wire` can decode has a vector of each kind: a new structure without one fails here.
#[test]
fn every_structure_of_the_wire_layer_has_vectors() {
    let mut structures = BTreeMap::<String, (u32, u32)>::new();
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/wire")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") || path.ends_with("tests.rs") {
            continue;
        }
        for line in fs::read_to_string(path).unwrap().lines() {
            let Some(rest) = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum ")) else {
                continue;
            };
            let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
            // Errors do not travel, and texts and fields are no structures.
            let others =
                ["DecodeError", "InvalidServiceProviderId", "ExpectCommit", "GroupId", "JoinToken", "ProblemCode"];
            if !others.contains(&name.as_str()) {
                structures.insert(name, (0, 0));
            }
        }
    }
    assert!(structures.len() >= 44, "the scan found only {structures:?}");
    for vector in published().flat_map(file::read) {
        // The MLS structures of `src/mls` have names of their own.
        let Some((good, bad)) = structures.get_mut(&vector.structure) else { continue };
        match vector.outcome {
            Outcome::Fields(_) => *good += 1,
            Outcome::Error(_) => *bad += 1,
        }
    }
    let lacking: Vec<_> = structures.iter().filter(|(_, (good, bad))| *good == 0 || *bad < 2).collect();
    assert!(lacking.is_empty(), "without vectors: {lacking:?}");
}

#[test]
fn names_are_unique_within_a_structure() {
    for name in published() {
        let mut names: Vec<_> = file::read(name).into_iter().map(|vector| (vector.structure, vector.name)).collect();
        names.sort();
        for pair in names.windows(2) {
            assert_ne!(pair[0], pair[1], "{name}");
        }
    }
}
