//! One gateway's key list as the relay serves it.
//!
//! # Correctness
//! A new list is written to the log, then to its own file, and only then served. After a restart the file is used if it
//! is the list that the log names last as served; otherwise the list is fetched anew, which adds no line.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderValue;
use restante_files::{make_folder, replace};
use tokio::time::Instant;

use super::{
    key_list::{KeyListFault, check, digest},
    log::{KeyLog, LogError},
};
use crate::provider_id::ProviderId;

/// The log's name in the folder of its provider.
const LOG: &str = "log.jsonl";

/// A list that is served.
#[derive(Clone, Debug)]
pub struct CachedList {
    /// Byte for byte what the gateway gave.
    pub bytes: Bytes,
    /// A strong entity tag: the hash of the bytes. The gateway's own never reaches a client.
    pub etag: HeaderValue,
    /// The gateway's, to ask whether the list has changed.
    pub(crate) gateway_etag: Option<HeaderValue>,
    /// What the gateway said, and at most what the operator allows.
    pub max_age: Duration,
    /// When the gateway last said that this is its list; `None` for a list from before the relay was started.
    pub validated: Option<Instant>,
}

impl CachedList {
    fn new(bytes: Bytes, max_age: Duration, validated: Option<Instant>) -> Self {
        let tag = format!("\"{}\"", hex::encode(digest(&bytes)));
        let etag = HeaderValue::from_str(&tag).expect("hex in quotes is a header value");
        Self { bytes, etag, gateway_etag: None, max_age, validated }
    }
}

/// Why the copy may not be what the gateway has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyTrouble {
    /// The gateway gave another list too soon. The old one is served.
    TooSoon,
    /// The gateway gave something that is no usable list.
    Unusable(KeyListFault),
    /// The gateway gave something that is no key list at all.
    NoList,
    /// The gateway gave nothing.
    Unreachable,
    /// A new list could not be recorded.
    NotRecorded,
}

/// What became of a list that a gateway gave.
#[derive(Debug)]
pub enum Offer {
    /// It is the one that is served.
    Unchanged,
    /// It is served from now on.
    Changed,
    /// It is not served: another one was recorded too short a time ago.
    TooSoon,
    /// It is not served: it is no usable list.
    Unusable(KeyListFault),
    /// It is not served: it could not be recorded.
    NotRecorded(LogError),
}

/// A list that came from the gateway itself, over TLS.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// What it gave.
    pub bytes: Bytes,
    /// Its entity tag.
    pub etag: Option<HeaderValue>,
    /// For how long it says so, and at most what the operator allows.
    pub max_age: Duration,
    /// Milliseconds since 1970, for the log.
    pub now_ms: u64,
    /// The same moment, for `Age`.
    pub validated: Instant,
}

/// What the log says about a list now.
enum Recorded {
    Served,
    TooSoon,
}

/// The key list of one gateway and its log.
#[derive(Debug)]
pub struct Keys {
    log: Mutex<KeyLog>,
    list_file: PathBuf,
    state: RwLock<State>,
}

/// What readers are shown, without waiting for the disk.
#[derive(Debug)]
struct State {
    list: Option<Arc<CachedList>>,
    trouble: Option<KeyTrouble>,
    log: Bytes,
}

impl Keys {
    /// Opens log and list of a provider, in a folder of its own within `folder`.
    ///
    /// # Errors
    /// When the log cannot be used. A list that cannot be is fetched anew.
    pub fn open(folder: &Path, provider: &ProviderId) -> Result<Self, LogError> {
        let folder = folder.join(provider.as_str());
        make_folder(&folder, 0o777)?;
        let log = KeyLog::open(&folder.join(LOG))?;
        let list_file = folder.join("list.ohttp-keys");
        let bytes = fs::read(&list_file).unwrap_or_default();
        let is_last = log.served() == Some(digest(&bytes));
        let list = is_last.then(|| Arc::new(CachedList::new(bytes.into(), Duration::ZERO, None)));
        let state = RwLock::new(State { list, trouble: None, log: log.text() });
        Ok(Self { log: Mutex::new(log), list_file, state })
    }

    /// Says what is wrong with the log of a provider, if there is one, and changes nothing.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn check(folder: &Path, provider: &ProviderId) -> Result<(), LogError> {
        KeyLog::check(&folder.join(provider.as_str()).join(LOG))
    }

    /// The list that is served.
    pub fn list(&self) -> Option<Arc<CachedList>> {
        self.shown().list.clone()
    }

    /// What went wrong at the last look, if anything did.
    pub fn trouble(&self) -> Option<KeyTrouble> {
        self.shown().trouble
    }

    /// The log as anybody may read it.
    pub fn log_text(&self) -> Bytes {
        self.shown().log.clone()
    }

    fn shown(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a list, unless the one before is younger than `change_min`. Writes to the disk: not for async threads.
    pub fn offer(&self, fetched: Fetched, change_min: Duration) -> Offer {
        let Fetched { bytes, etag, max_age, now_ms, validated } = fetched;
        if let Err(fault) = check(&bytes) {
            self.set_trouble(KeyTrouble::Unusable(fault));
            return Offer::Unusable(fault);
        }
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = digest(&bytes);
        let is_new = log.served() != Some(digest);
        match self.record(&mut log, digest, now_ms, change_min) {
            Ok(Recorded::Served) => {}
            Ok(Recorded::TooSoon) => {
                self.set_trouble(KeyTrouble::TooSoon);
                return Offer::TooSoon;
            }
            Err(error) => {
                self.set_trouble(KeyTrouble::NotRecorded);
                return Offer::NotRecorded(error);
            }
        }
        let is_served = self.list().is_some_and(|list| list.bytes == bytes);
        if !is_served && let Err(error) = replace(&self.list_file, &bytes, 0o666) {
            self.set_trouble(KeyTrouble::NotRecorded);
            return Offer::NotRecorded(error.into());
        }
        let list = CachedList::new(bytes, max_age, Some(validated));
        let list = Arc::new(CachedList { gateway_etag: etag, ..list });
        self.serve(list);
        if is_new { Offer::Changed } else { Offer::Unchanged }
    }

    /// Decides about a list by what the log says, and writes the decision there if it says something new.
    ///
    /// # Correctness
    /// A clock that was set back a little makes the last change look recent: refusing is the safe side, and ends when the
    /// clock has caught up. One that was far ahead when the last list came would have to be waited for without end, so the
    /// log is told the time again first: then the next list must be so much later than this.
    fn record(
        &self,
        log: &mut KeyLog,
        digest: [u8; 32],
        now_ms: u64,
        change_min: Duration,
    ) -> Result<Recorded, LogError> {
        let change_min_ms = u64::try_from(change_min.as_millis()).unwrap_or(u64::MAX);
        if change_min_ms > 0 && log.settle_clock(now_ms, change_min_ms)? {
            self.show().log = log.text();
        }
        if log.served() == Some(digest) {
            return Ok(Recorded::Served);
        }
        let since_ms = log.served_since_ms(now_ms, change_min_ms);
        let is_too_soon = since_ms.is_some_and(|since_ms| now_ms < since_ms.saturating_add(change_min_ms));
        let (recorded, has_line) = if change_min_ms > 0 && is_too_soon {
            (Recorded::TooSoon, log.record_refused(digest, now_ms)?)
        } else {
            log.record_served(digest, now_ms)?;
            (Recorded::Served, true)
        };
        if has_line {
            self.show().log = log.text();
        }
        Ok(recorded)
    }

    /// The gateway said that the list is still the one that we have.
    pub(crate) fn confirm(&self, list: &CachedList, max_age: Duration, validated: Instant) {
        let list = Arc::new(CachedList { max_age, validated: Some(validated), ..list.clone() });
        self.serve(list);
    }

    fn serve(&self, list: Arc<CachedList>) {
        let mut shown = self.show();
        (shown.list, shown.trouble) = (Some(list), None);
    }

    pub(crate) fn set_trouble(&self, trouble: KeyTrouble) {
        self.show().trouble = Some(trouble);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::key_list::tests::usable_list, *};

    const HOUR: Duration = Duration::from_secs(3600);
    const HOUR_MS: u64 = 3_600_000;

    struct Site {
        folder: tempfile::TempDir,
    }

    impl Site {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap() }
        }

        fn open(&self) -> Keys {
            Keys::open(self.folder.path(), &"follower.example".parse().unwrap()).unwrap()
        }
    }

    fn offer(keys: &Keys, seed: u8, hour: u64) -> Offer {
        give(keys, usable_list(seed), hour)
    }

    fn give(keys: &Keys, bytes: Vec<u8>, hour: u64) -> Offer {
        let (now_ms, validated) = (hour * HOUR_MS, Instant::now());
        keys.offer(Fetched { bytes: bytes.into(), etag: None, max_age: HOUR, now_ms, validated }, 12 * HOUR)
    }

    /// The lists of the log, by their seeds, and whether they were refused.
    fn lines(keys: &Keys) -> Vec<(u8, bool)> {
        let text = String::from_utf8(keys.log_text().to_vec()).unwrap();
        let seed_of = |line: &str| (0..=255).find(|seed| line.contains(&hex::encode(digest(&usable_list(*seed)))));
        text.lines().map(|line| (seed_of(line).unwrap(), line.contains("refused"))).collect()
    }

    fn served(keys: &Keys) -> Vec<u8> {
        keys.list().unwrap().bytes.to_vec()
    }

    #[test]
    fn the_first_list_is_served_and_later_ones_when_enough_time_has_passed() {
        let (site, start) = (Site::new(), 500_000);
        let keys = site.open();
        assert!(keys.list().is_none());
        assert!(matches!(offer(&keys, 1, start), Offer::Changed));
        assert!(matches!(offer(&keys, 1, start + 1), Offer::Unchanged));
        assert!(matches!(offer(&keys, 2, start + 11), Offer::TooSoon));
        assert_eq!((served(&keys), keys.trouble()), (usable_list(1), Some(KeyTrouble::TooSoon)));
        assert!(matches!(offer(&keys, 2, start + 12), Offer::Changed));
        assert_eq!((served(&keys), keys.trouble()), (usable_list(2), None));
        // A clock that was set back does not let lists through.
        assert!(matches!(offer(&keys, 3, start), Offer::TooSoon));
        assert_eq!(lines(&keys), [(1, false), (2, true), (2, false), (3, true)]);
    }

    /// The evidence of key targeting: that a list was shown stands there, whether or not it was ever served.
    #[test]
    fn lists_that_came_too_soon_are_recorded_once_and_few_of_them() {
        let (site, start) = (Site::new(), 500_000);
        let keys = site.open();
        assert!(matches!(offer(&keys, 1, start), Offer::Changed));
        for _ in 0..3 {
            assert!(matches!(offer(&keys, 2, start + 1), Offer::TooSoon));
            assert!(matches!(offer(&keys, 1, start + 1), Offer::Unchanged));
        }
        assert_eq!(lines(&keys), [(1, false), (2, true)]);
        for seed in 2..50 {
            assert!(matches!(offer(&keys, seed, start + 2), Offer::TooSoon));
        }
        assert_eq!(lines(&keys).len(), 9);
        drop(keys);
        let keys = site.open();
        assert_eq!(served(&keys), usable_list(1));
        assert!(matches!(offer(&keys, 60, start + 3), Offer::TooSoon));
        assert_eq!(lines(&keys).len(), 9);
    }

    /// The relay was started with a clock that was years ahead.
    #[test]
    fn a_log_whose_last_line_lies_in_the_future_lets_lists_through_again() {
        let (site, start) = (Site::new(), 500_000);
        assert!(matches!(offer(&site.open(), 1, start + 1_000_000), Offer::Changed));
        let keys = site.open();
        assert!(matches!(offer(&keys, 2, start), Offer::TooSoon));
        assert_eq!(lines(&keys), [(1, false), (1, false), (2, true)], "the time was put right");
        drop(keys);
        let keys = site.open();
        assert!(matches!(offer(&keys, 2, start + 11), Offer::TooSoon));
        assert!(matches!(offer(&keys, 2, start + 12), Offer::Changed));
        assert!(matches!(offer(&keys, 3, start + 23), Offer::TooSoon));
        assert!(matches!(offer(&keys, 3, start + 24), Offer::Changed));
    }

    #[test]
    fn a_clock_that_goes_far_back_and_forth_makes_no_list_old() {
        let (site, start) = (Site::new(), 500_000);
        let keys = site.open();
        assert!(matches!(offer(&keys, 1, start), Offer::Changed));
        assert!(matches!(offer(&keys, 1, start - 100), Offer::Unchanged));
        assert!(matches!(offer(&keys, 2, start + 1), Offer::TooSoon));
        assert!(matches!(offer(&keys, 2, start + 12), Offer::Changed));
    }

    #[test]
    fn without_a_least_time_every_list_is_taken_whatever_the_clock_says() {
        let site = Site::new();
        let keys = site.open();
        for (seed, hour) in [(1, 100), (2, 100), (3, 5), (4, 6)] {
            let (now_ms, validated) = (hour * HOUR_MS, Instant::now());
            let bytes = usable_list(seed).into();
            let fetched = Fetched { bytes, etag: None, max_age: HOUR, now_ms, validated };
            assert!(matches!(keys.offer(fetched, Duration::ZERO), Offer::Changed), "{seed}");
        }
        assert_eq!(lines(&keys).len(), 4);
    }

    #[test]
    fn what_is_no_list_changes_nothing() {
        let site = Site::new();
        let keys = site.open();
        assert!(matches!(offer(&keys, 1, 1), Offer::Changed));
        let garbage = give(&keys, b"garbage".to_vec(), 100);
        assert!(matches!(garbage, Offer::Unusable(KeyListFault::Length)));
        assert_eq!(served(&keys), usable_list(1));
        assert_eq!(keys.trouble(), Some(KeyTrouble::Unusable(KeyListFault::Length)));
        assert!(matches!(offer(&keys, 1, 101), Offer::Unchanged));
        assert_eq!(keys.trouble(), None);
    }

    #[test]
    fn list_and_time_of_its_change_survive_a_restart() {
        let site = Site::new();
        assert!(matches!(offer(&site.open(), 1, 100), Offer::Changed));
        let keys = site.open();
        assert_eq!(served(&keys), usable_list(1));
        assert!(matches!(offer(&keys, 2, 111), Offer::TooSoon));
        assert!(matches!(offer(&keys, 2, 112), Offer::Changed));
    }

    #[test]
    fn a_crash_between_log_and_list_adds_no_second_line() {
        let site = Site::new();
        assert!(matches!(offer(&site.open(), 1, 100), Offer::Changed));
        let list_file = site.folder.path().join("follower.example/list.ohttp-keys");
        let old = fs::read(&list_file).unwrap();
        assert!(matches!(offer(&site.open(), 2, 200), Offer::Changed));
        fs::write(&list_file, old).unwrap();
        let keys = site.open();
        assert!(keys.list().is_none(), "a list that the log does not name last is not served");
        assert!(matches!(offer(&keys, 2, 200), Offer::Unchanged));
        assert_eq!(served(&keys), usable_list(2));
        assert_eq!(keys.log_text().iter().filter(|byte| **byte == b'\n').count(), 2);
        assert_eq!(fs::read(&list_file).unwrap(), usable_list(2));
    }

    #[test]
    fn what_cannot_be_written_down_is_not_served() {
        let site = Site::new();
        let keys = site.open();
        assert!(matches!(offer(&keys, 1, 100), Offer::Changed));
        // A folder stands where the new list would be written.
        let obstacle = site.folder.path().join("follower.example/list.ohttp-keys.new");
        fs::create_dir(&obstacle).unwrap();
        assert!(matches!(offer(&keys, 2, 200), Offer::NotRecorded(_)));
        assert_eq!((served(&keys), keys.trouble()), (usable_list(1), Some(KeyTrouble::NotRecorded)));
        // The log has the line already; the list follows as soon as it can be written, and once.
        fs::remove_dir(&obstacle).unwrap();
        assert!(matches!(offer(&keys, 2, 200), Offer::Unchanged));
        assert_eq!((served(&keys), keys.trouble()), (usable_list(2), None));
        assert_eq!(keys.log_text().iter().filter(|byte| **byte == b'\n').count(), 2);
        drop(keys);
        assert_eq!(served(&site.open()), usable_list(2));
    }
}
