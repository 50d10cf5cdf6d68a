//! The schedule by a clock that is set, and the file on a real disk.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::PathBuf,
};

use bytes::Bytes;
use tempfile::TempDir;

use super::{KeyState, Keyring, KeyringError, RotationSchedule, codec, ring::Ring};
use crate::{
    Kem, LiveKeys, NotOpened, Unopened,
    machine::Surroundings as _,
    tests::{START_MS, Scripted},
};

const HOUR: u64 = 60 * 60 * 1000;
const DAY: u64 = 24 * HOUR;

struct Bench {
    folder: TempDir,
    surroundings: Scripted,
    schedule: RotationSchedule,
}

impl Bench {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), surroundings: Scripted::new(), schedule: RotationSchedule::default() }
    }

    fn with_x_wing() -> Self {
        let mut bench = Self::new();
        bench.schedule.x_wing = true;
        bench
    }

    fn seal_key(&self) -> PathBuf {
        self.folder.path().join("seal-key")
    }

    fn keys(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    fn file(&self) -> PathBuf {
        self.keys().join("keyring")
    }

    fn try_open(&self) -> Result<Keyring, KeyringError> {
        Keyring::open(&self.keys(), &self.seal_key(), self.schedule, &self.surroundings)
    }

    fn open(&self) -> Keyring {
        self.try_open().unwrap()
    }

    fn at(&self, keyring: &Keyring, since_start_ms: u64) -> Vec<(u8, KeyState)> {
        self.surroundings.set(START_MS + since_start_ms);
        keyring.refresh(&self.surroundings).unwrap();
        self.states(keyring)
    }

    fn states(&self, keyring: &Keyring) -> Vec<(u8, KeyState)> {
        let keys = keyring.describe(self.surroundings.now_ms()).unwrap();
        keys.into_iter().map(|key| (key.key_id, key.state)).collect()
    }
}

/// The ids of a list, in order.
fn listed(keys: &LiveKeys) -> Vec<u8> {
    if keys.list().is_empty() {
        return Vec::new();
    }
    let configs = ohttp::KeyConfig::decode_list(keys.list()).unwrap();
    configs.iter().map(|config| config.encode().unwrap()[0]).collect()
}

/// A request to the first key of a list.
fn request_to(list: &Bytes) -> Vec<u8> {
    let (length, rest) = list.split_first_chunk::<2>().unwrap();
    let config = &rest[..usize::from(u16::from_be_bytes(*length))];
    ohttp::ClientRequest::from_encoded_config(config).unwrap().encapsulate(b"x").unwrap().0
}

fn opens(bench: &Bench, keyring: &Keyring, request: &[u8]) -> bool {
    let unopened = Unopened::new(Bytes::copy_from_slice(request), &bench.surroundings).unwrap();
    match unopened.open(&keyring.live(), bench.surroundings.now_ms()) {
        Ok(opened) => opened.message() == "x",
        Err(error) => {
            assert!(matches!(error, NotOpened::Undecryptable(_)));
            false
        }
    }
}

#[test]
fn a_key_is_published_ahead_used_for_a_week_and_accepted_after() {
    use KeyState::{InUse, Published, Retiring};
    let bench = Bench::new();
    let keyring = bench.open();
    let [(first, InUse)] = bench.states(&keyring)[..] else { panic!("one key") };
    assert_eq!(keyring.next_change_ms(), START_MS + 6 * DAY);
    assert_eq!(bench.at(&keyring, 6 * DAY - 1), [(first, InUse)]);
    let to_first = request_to(keyring.live().list());

    let second = first.wrapping_add(1);
    assert_eq!(bench.at(&keyring, 6 * DAY), [(first, InUse), (second, Published)]);
    assert_eq!(listed(&keyring.live()), [first, second], "the one in use stands first");
    assert_eq!(keyring.next_change_ms(), START_MS + 7 * DAY);

    assert_eq!(bench.at(&keyring, 7 * DAY), [(first, Retiring), (second, InUse)]);
    assert_eq!(listed(&keyring.live()), [second]);
    assert!(opens(&bench, &keyring, &to_first), "accepted after it left the list");
    assert!(opens(&bench, &keyring, &request_to(keyring.live().list())));

    bench.surroundings.set(START_MS + 8 * DAY - 1);
    assert!(opens(&bench, &keyring, &to_first));
    bench.surroundings.pass(1);
    assert!(!opens(&bench, &keyring, &to_first), "its time is over even before the next tick");
    assert_eq!(bench.at(&keyring, 8 * DAY), [(second, InUse)]);
    assert!(!opens(&bench, &keyring, &to_first));
}

#[test]
fn one_process_serves_and_others_change_keys() {
    let bench = Bench::new();
    let serving = bench.open().serving().unwrap();
    let Err(KeyringError::Served { path }) = bench.open().serving() else { panic!("two of them") };
    assert_eq!(path, bench.keys().join("serving.lock"));
    bench.open().rotate(Some(Kem::X25519), &bench.surroundings).unwrap();
    serving.refresh(&bench.surroundings).unwrap();
    assert_eq!(listed(&serving.live()).len(), 2);
    drop(serving);
    bench.open().serving().unwrap();
}

#[test]
fn a_table_is_read_without_doing_what_is_due() {
    let bench = Bench::new();
    let table = |now_ms| Keyring::table_of(&bench.keys(), &bench.seal_key(), &bench.schedule, now_ms);
    assert!(matches!(table(START_MS), Err(KeyringError::Io { .. })));
    assert!(!bench.keys().exists());
    let keyring = bench.open();
    assert_eq!(table(START_MS).unwrap(), keyring.table(START_MS).unwrap());
    let before = fs::read(bench.file()).unwrap();
    let due = table(START_MS + 30 * DAY).unwrap();
    assert_eq!((due.len(), fs::read(bench.file()).unwrap()), (3, before));
    bench.at(&keyring, 30 * DAY);
    assert_eq!(table(START_MS + 30 * DAY).unwrap().len(), 4, "what was due is done by whoever serves");
    fs::remove_file(bench.seal_key()).unwrap();
    assert!(matches!(table(START_MS), Err(KeyringError::NoSealKey { .. })));
}

#[test]
fn hours_and_years_never_bring_three_live_keys_or_an_id_that_is_still_accepted() {
    let bench = Bench::with_x_wing();
    let keyring = bench.open();
    let mut last: Vec<(u8, Kem)> = Vec::new();
    for hour in (0..3 * 365 * 24).step_by(23) {
        bench.surroundings.set(START_MS + hour * HOUR);
        keyring.refresh(&bench.surroundings).unwrap();
        let keys = keyring.describe(bench.surroundings.now_ms()).unwrap();
        let now: Vec<(u8, Kem)> = keys.iter().map(|key| (key.key_id, key.kem)).collect();
        for kem in Kem::ALL {
            assert!((1..=2).contains(&keys.iter().filter(|key| key.kem == kem).count()), "hour {hour}");
            assert_eq!(keys.iter().filter(|key| key.kem == kem && key.state == KeyState::InUse).count(), 1);
        }
        for (id, kem) in &now {
            assert_eq!(now.iter().filter(|(other, _)| other == id).count(), 1, "hour {hour}: id {id} twice");
            assert!(last.iter().all(|(other, before)| other != id || before == kem), "hour {hour}: id {id} changed");
        }
        assert!(keyring.next_change_ms() > bench.surroundings.now_ms());
        last = now;
    }
}

#[test]
fn a_gateway_that_was_off_for_a_month_goes_on_with_its_key() {
    let bench = Bench::new();
    let keyring = bench.open();
    let to_first = request_to(keyring.live().list());
    drop(keyring);
    bench.surroundings.pass(30 * DAY);
    let keyring = bench.open();
    assert!(opens(&bench, &keyring, &to_first));
    assert_eq!(listed(&keyring.live()).len(), 2, "and its successor is published at once");
}

#[test]
fn the_list_is_the_same_bytes_after_a_restart_and_for_every_process() {
    let bench = Bench::with_x_wing();
    let keyring = bench.open();
    let list = keyring.live().list().clone();
    let request = request_to(&list);
    let other = bench.open();
    assert_eq!(other.live().list(), &list);
    assert_eq!(other.live().etag(), keyring.live().etag());
    drop((keyring, other));
    let file = fs::read(bench.file()).unwrap();
    let again = bench.open();
    assert_eq!(again.live().list(), &list);
    assert!(opens(&bench, &again, &request));
    assert_eq!(fs::read(bench.file()).unwrap(), file, "nothing changed, so nothing was written");
}

#[test]
fn a_running_process_takes_what_another_changed() {
    let bench = Bench::new();
    let (running, command) = (bench.open(), bench.open());
    command.rotate(Some(Kem::X25519), &bench.surroundings).unwrap();
    assert_eq!(listed(&running.live()).len(), 1);
    running.refresh(&bench.surroundings).unwrap();
    assert_eq!(running.live().list(), command.live().list());
    assert_eq!(listed(&running.live()).len(), 2);
}

#[test]
fn rotating_publishes_a_key_and_a_third_is_refused() {
    let bench = Bench::new();
    let keyring = bench.open();
    keyring.rotate(Some(Kem::X25519), &bench.surroundings).unwrap();
    assert!(matches!(keyring.rotate(Some(Kem::X25519), &bench.surroundings), Err(KeyringError::TwoLive)));
    assert!(matches!(keyring.rotate(Some(Kem::XWing), &bench.surroundings), Err(KeyringError::NotOffered)));
    let states = bench.at(&keyring, DAY);
    assert_eq!(states.iter().map(|(_, state)| *state).collect::<Vec<_>>(), [KeyState::Retiring, KeyState::InUse]);
    assert!(matches!(keyring.rotate(Some(Kem::X25519), &bench.surroundings), Err(KeyringError::TwoLive)));
    bench.at(&keyring, 2 * DAY);
    keyring.rotate(Some(Kem::X25519), &bench.surroundings).unwrap();
}

#[test]
fn a_retired_key_is_gone_at_once_and_never_leaves_the_gateway_without_one() {
    let bench = Bench::new();
    let keyring = bench.open();
    let [first] = listed(&keyring.live())[..] else { panic!("one key") };
    let to_first = request_to(keyring.live().list());
    keyring.retire(first, &bench.surroundings).unwrap();
    assert!(!opens(&bench, &keyring, &to_first));
    let [second] = listed(&keyring.live())[..] else { panic!("one key") };
    assert_ne!(first, second);
    assert!(opens(&bench, &keyring, &request_to(keyring.live().list())));

    // The next key takes over at once when the one in use is retired.
    keyring.rotate(Some(Kem::X25519), &bench.surroundings).unwrap();
    keyring.retire(second, &bench.surroundings).unwrap();
    let [(third, KeyState::InUse)] = bench.states(&keyring)[..] else { panic!("one key") };

    // The one in use goes on when the next is retired.
    keyring.rotate(Some(Kem::X25519), &bench.surroundings).unwrap();
    let [_, fourth] = listed(&keyring.live())[..] else { panic!("two keys") };
    keyring.retire(fourth, &bench.surroundings).unwrap();
    assert_eq!(bench.states(&keyring), [(third, KeyState::InUse)]);
    assert!(matches!(keyring.retire(fourth, &bench.surroundings), Err(KeyringError::UnknownKey)));
}

#[test]
fn x_wing_can_be_taken_back() {
    let mut bench = Bench::with_x_wing();
    let keyring = bench.open();
    assert_eq!(listed(&keyring.live()).len(), 2);
    bench.schedule.x_wing = false;
    let keyring = bench.open();
    assert_eq!(listed(&keyring.live()).len(), 1);
    assert_eq!(bench.states(&keyring).len(), 2, "accepted still");
    assert_eq!(bench.at(&keyring, DAY).len(), 1);
}

#[test]
fn files_are_for_their_owner_alone() {
    let bench = Bench::new();
    drop(bench.open());
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(bench.file()), 0o600);
    assert_eq!(mode(bench.seal_key()), 0o600);
    assert_eq!(mode(bench.keys()), 0o700);
    for path in [bench.file(), bench.seal_key()] {
        for wrong in [0o644, 0o640, 0o604, 0o610] {
            fs::set_permissions(&path, fs::Permissions::from_mode(wrong)).unwrap();
            assert!(matches!(bench.try_open(), Err(KeyringError::TooOpen { .. })), "{wrong:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert!(bench.try_open().is_ok());
}

/// The operator's `keys` commands run as root, the service does not. Where the tests don't run as root either, files
/// belong to whoever runs them.
#[test]
fn what_root_changes_still_belongs_to_the_service() {
    let bench = Bench::new();
    fs::create_dir(bench.keys()).unwrap();
    let own = fs::metadata(bench.keys()).unwrap().uid();
    // In some containers not even root can.
    let is_given = own == 0 && chown(bench.keys(), Some(54_321), None).is_ok();
    let service = if is_given { 54_321 } else { own };
    for folder in [bench.keys(), bench.folder.path().to_owned()] {
        chown(folder, Some(service), None).unwrap();
    }
    let owners = || {
        [bench.file(), bench.seal_key(), bench.keys().join("keyring.lock")]
            .map(|path| fs::metadata(path).unwrap().uid())
    };
    let keyring = bench.open();
    assert_eq!(owners(), [service; 3], "made, they belong to whom the folder does");
    if is_given {
        chown(bench.file(), Some(12_345), None).unwrap();
        keyring.rotate(Some(Kem::X25519), &bench.surroundings).unwrap();
        assert_eq!(owners(), [12_345, service, service], "replaced, it belongs to whom it did");
    }
}

#[test]
fn the_wait_for_another_process_ends() {
    let bench = Bench::new();
    let keyring = bench.open();
    let list = keyring.live().list().clone();
    let other = fs::File::options().write(true).open(bench.keys().join("keyring.lock")).unwrap();
    other.lock().unwrap();
    let refused = keyring.rotate(Some(Kem::X25519), &bench.surroundings);
    assert!(matches!(refused, Err(KeyringError::Locked { .. })), "{refused:?}");
    assert_eq!(keyring.live().list(), &list);
    drop(other);
    keyring.rotate(Some(Kem::X25519), &bench.surroundings).unwrap();
}

#[test]
fn secrets_are_sealed() {
    let bench = Bench::new();
    drop(bench.open());
    let file = fs::read(bench.file()).unwrap();
    assert!(file.starts_with(b"restante keys 1\n"));
    // The scripted secret is the hash of a small count: none of them is in the file.
    for count in 0_u64..20 {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &count.to_be_bytes());
        assert!(!file.windows(8).any(|window| window == &digest.as_ref()[8..16]));
    }
}

#[test]
fn a_file_that_was_altered_cut_or_sealed_with_another_key_is_refused() {
    let bench = Bench::new();
    drop(bench.open());
    let file = fs::read(bench.file()).unwrap();
    for place in 0..file.len() {
        let mut altered = file.clone();
        altered[place] ^= 1;
        fs::write(bench.file(), altered).unwrap();
        assert!(matches!(bench.try_open(), Err(KeyringError::NotReadable { .. })), "byte {place}");
    }
    for length in 0..file.len() {
        fs::write(bench.file(), &file[..length]).unwrap();
        assert!(matches!(bench.try_open(), Err(KeyringError::NotReadable { .. })), "{length} bytes");
    }
    fs::write(bench.file(), &file).unwrap();
    fs::write(bench.seal_key(), [1; 32]).unwrap();
    assert!(matches!(bench.try_open(), Err(KeyringError::NotReadable { .. })));
    fs::write(bench.seal_key(), [1; 31]).unwrap();
    assert!(matches!(bench.try_open(), Err(KeyringError::SealKeyLength { .. })));
    fs::remove_file(bench.seal_key()).unwrap();
    assert!(matches!(bench.try_open(), Err(KeyringError::NoSealKey { .. })));
    assert_eq!(fs::read(bench.file()).unwrap(), file, "and nothing was written over it");
}

#[test]
fn what_a_crash_left_beside_the_file_does_not_matter() {
    let bench = Bench::new();
    drop(bench.open());
    let beside = bench.keys().join("keyring.new");
    fs::write(&beside, b"half a keyr").unwrap();
    let keyring = bench.open();
    keyring.rotate(Some(Kem::X25519), &bench.surroundings).unwrap();
    assert!(!beside.exists());
    assert_eq!(bench.open().live().list(), keyring.live().list());
}

/// What is not on the disk is not published.
#[test]
fn a_key_that_cannot_be_written_is_not_published() {
    let bench = Bench::new();
    let keyring = bench.open();
    let list = keyring.live().list().clone();
    // A folder of that name cannot be removed as a file.
    fs::create_dir_all(bench.keys().join("keyring.new/x")).unwrap();
    assert!(matches!(keyring.rotate(Some(Kem::X25519), &bench.surroundings), Err(KeyringError::Io { .. })));
    assert_eq!(keyring.live().list(), &list);
    fs::remove_dir_all(bench.keys().join("keyring.new")).unwrap();
    keyring.rotate(Some(Kem::X25519), &bench.surroundings).unwrap();
    assert_ne!(keyring.live().list(), &list);
}

#[test]
fn without_random_bytes_there_is_no_key() {
    let bench = Bench::new();
    bench.surroundings.dry_up();
    assert!(matches!(bench.try_open(), Err(KeyringError::NoEntropy(_))));
}

#[test]
fn an_encoded_ring_is_decoded_and_nothing_else_is() {
    let bench = Bench::with_x_wing();
    let mut ring = Ring::empty();
    ring.advance(&bench.schedule, START_MS, &bench.surroundings).unwrap();
    ring.rotate(Kem::X25519, &bench.schedule, START_MS, &bench.surroundings).unwrap();
    let encoded = codec::encode(&ring);
    assert_eq!(codec::decode(&encoded), Some(ring));
    for length in 0..encoded.len() {
        assert_eq!(codec::decode(&encoded[..length]), None, "{length} bytes");
    }
    assert_eq!(codec::decode(&[encoded.as_slice(), &[0]].concat()), None);
    let with = |place: usize, value: u8| {
        let mut altered = encoded.to_vec();
        altered[place] = value;
        codec::decode(&altered)
    };
    assert_eq!(with(1, 2), None, "another count");
    assert_eq!(with(4, 0x21), None, "an unknown KEM");
    assert_eq!(with(2 + 59, encoded[2]), None, "an id twice");
}

/// A file of format 1, with the times of [`START_MS`], under a seal key of sevens: what was written once is read for ever.
#[test]
fn format_1_is_read() {
    let bench = Bench::new();
    let file = hex::decode(FORMAT_1).unwrap();
    fs::create_dir(bench.keys()).unwrap();
    for (path, bytes) in [(bench.file(), file.as_slice()), (bench.seal_key(), &[7; 32])] {
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let keyring = bench.open();
    assert_eq!(bench.states(&keyring), [(206, KeyState::InUse)]);
    assert_eq!(hex::encode(keyring.live().list()), LIST_OF_FORMAT_1);
    assert_eq!(fs::read(bench.file()).unwrap(), file);
}

const FORMAT_1: &str = "72657374616e7465206b65797320310ad5688a52d55a02ec4aea5ec13a735c05d56090e55f7849d2b7ba0df0dcd7556bb6ff1dca01ef\
    614a09ce61835d13707d57088171aa842acefc4ed1515415d3f9d91e060698523f8206a219b4ce57b4696a68c73f6f951f9a2f";
const LIST_OF_FORMAT_1: &str =
    "002dce00205a813e2ce7bc9c4a6b6597bf9c17ccdf22723866d6ef45b0dbf3f703e453e76500080001000100010003";

#[test]
fn nothing_secret_is_in_debug_texts() {
    let bench = Bench::new();
    let keyring = bench.open();
    assert_eq!(format!("{keyring:?}"), "Keyring { .. }");
    let mut ring = Ring::empty();
    ring.advance(&bench.schedule, START_MS, &bench.surroundings).unwrap();
    assert!(!format!("{ring:?}").contains("secret"));
}

/// What is due stays due while the disk is full, and is not tried every second until somebody comes.
#[test]
fn a_keyring_that_cannot_be_refreshed_is_tried_less_and_less_often() {
    let bench = Bench::new();
    let keyring = bench.open();
    let healthy = fs::read(bench.file()).unwrap();
    let now_ms = keyring.next_change_ms() + DAY;
    assert_eq!(keyring.rest(now_ms).as_secs(), 1);
    fs::write(bench.file(), b"damaged").unwrap();
    for rest in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert!(keyring.refresh(&bench.surroundings).is_err());
        assert_eq!(keyring.rest(now_ms).as_secs(), rest);
    }
    fs::write(bench.file(), healthy).unwrap();
    keyring.refresh(&bench.surroundings).unwrap();
    assert_eq!(keyring.rest(now_ms).as_secs(), 1);
}

/// What fuzzing begins with is what the codec writes: it is laid out by hand (`tests/fuzz_corpus/` of the workspace).
#[test]
fn fuzzing_begins_with_what_is_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/keyring");
    for (name, keys) in [("none", 0), ("one", 1), ("both", 2), ("changing", 4)] {
        let plain = fs::read(folder.join(name)).unwrap();
        let ring = codec::decode(&plain).unwrap();
        assert_eq!((ring.records.len(), &*codec::encode(&ring)), (keys, &plain), "{name}");
    }
    assert!(codec::decode(&fs::read(folder.join("twice_the_same")).unwrap()).is_none());
}
