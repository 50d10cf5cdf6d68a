//! The file that remembers where relays' logs of key lists ended: a line `RELAY PROVIDER END` for each.
//!
//! # Correctness
//! Two runs at once do not lose each other's lines: each reads the file again before it replaces it, and holds the lock
//! of the file's folder meanwhile. A line that was lost would make another history look like a first sight.
//!
//! # Privacy
//! It names providers that were asked, so nobody else may read it. It is made only when it is asked for.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io,
    path::Path,
};

use anyhow::{Context, anyhow, bail};
use restante::{
    client::oblivious::{KeyLogMark, RelayUrl},
    wire::ServiceProviderId,
};
use restante_files::{LockError, folder_of, replace};
use restante_process::config::refuse_public;

/// Where a log ended that this run has checked.
pub(super) struct SeenEnd<'a> {
    pub(super) relay: &'a RelayUrl,
    pub(super) provider: &'a ServiceProviderId,
    /// What the file had when the run began: the log goes on from there.
    pub(super) before: Option<KeyLogMark>,
    pub(super) now: KeyLogMark,
}

/// Puts an end into the file, beside what others have put there since it was read.
///
/// # Errors
/// The file cannot be read or written, or another run has been shown another history of this log meanwhile. The file is
/// as it was.
pub(super) fn remember(file: &Path, end: &SeenEnd<'_>) -> anyhow::Result<()> {
    let lock = lock(folder_of(file))?;
    let mut seen = SeenLogs::open(file)?;
    seen.put(end)?;
    replace(file, seen.text().as_bytes(), 0o600).with_context(|| format!("{} cannot be written", file.display()))?;
    drop(lock);
    Ok(())
}

/// Held by one run at a time, until it is dropped.
fn lock(folder: &Path) -> anyhow::Result<File> {
    let locked = File::open(folder).map_err(LockError::Io).and_then(restante_files::lock);
    locked.map_err(|error| match error {
        LockError::Held => anyhow!("{} has been held by another process for seconds", folder.display()),
        LockError::Io(error) => anyhow!("{} cannot be locked: {error}", folder.display()),
    })
}

/// Ends of logs, by relay and provider.
#[derive(Default)]
pub(super) struct SeenLogs(BTreeMap<(String, ServiceProviderId), KeyLogMark>);

impl SeenLogs {
    /// What the file says; nothing when there is none yet.
    ///
    /// # Errors
    /// It cannot be read, others may change it, or a line is none of these. Beginning anew would be what a relay that
    /// shows another history wants.
    pub(super) fn open(file: &Path) -> anyhow::Result<Self> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
        };
        refuse_public(file).map_err(|sentence| anyhow!(sentence))?;
        let mut ends = BTreeMap::new();
        for (place, line) in text.lines().enumerate() {
            let read = entry(line).filter(|(key, _)| !ends.contains_key(key));
            let (key, end) =
                read.with_context(|| format!("line {} of {} is no end of a key log", place + 1, file.display()))?;
            ends.insert(key, end);
        }
        Ok(Self(ends))
    }

    /// Those of one relay.
    pub(super) fn of(&self, relay: &RelayUrl) -> HashMap<ServiceProviderId, KeyLogMark> {
        let ends = self.0.iter().filter(|((name, _), _)| name == relay.authority());
        ends.map(|((_, provider), end)| (provider.clone(), *end)).collect()
    }

    /// Of two ends that two runs have seen at the same time the later one is kept: the next log must go on from there.
    fn put(&mut self, end: &SeenEnd<'_>) -> anyhow::Result<()> {
        let key = (end.relay.authority().to_owned(), end.provider.clone());
        let other = self.0.get(&key).filter(|known| Some(**known) != end.before && **known != end.now);
        match other {
            Some(other) if other.lines() == end.now.lines() => bail!(
                "the relay's log of key lists is not the one that it showed to another run at the same time: the relay \
                 shows two histories"
            ),
            Some(other) if other.lines() > end.now.lines() => {}
            _ => drop(self.0.insert(key, end.now)),
        }
        Ok(())
    }

    fn text(&self) -> String {
        self.0.iter().map(|((relay, provider), end)| format!("{relay} {provider} {end}\n")).collect()
    }
}

fn entry(line: &str) -> Option<((String, ServiceProviderId), KeyLogMark)> {
    let mut words = line.split(' ');
    let (relay, provider, end) = (words.next()?, words.next()?, words.next()?);
    let relay: RelayUrl = format!("https://{relay}").parse().ok()?;
    let entry = ((relay.authority().to_owned(), provider.parse().ok()?), end.parse().ok()?);
    words.next().is_none().then_some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(lines: u64) -> KeyLogMark {
        format!("{lines}:{}", "ab".repeat(32)).parse().unwrap()
    }

    #[test]
    fn ends_are_kept_by_relay_and_provider_for_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("logs");
        let relay = |host: &str| format!("https://{host}").parse::<RelayUrl>().unwrap();
        let provider: ServiceProviderId = "follower.example".parse().unwrap();
        assert!(SeenLogs::open(&file).unwrap().of(&relay("relay.test")).is_empty());
        for (host, before, lines) in [("relay.test", None, 1), ("relay.test:8443", None, 2), ("relay.test", Some(1), 3)]
        {
            let end = SeenEnd { relay: &relay(host), provider: &provider, before: before.map(end), now: end(lines) };
            remember(&file, &end).unwrap();
        }
        let read = SeenLogs::open(&file).unwrap();
        assert_eq!(read.of(&relay("relay.test")), HashMap::from([(provider.clone(), end(3))]));
        assert_eq!(read.of(&relay("relay.test:8443")), HashMap::from([(provider, end(2))]));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&file, fs::Permissions::from_mode(0o602)).unwrap();
            assert!(SeenLogs::open(&file).is_err(), "anybody may have changed it");
        }
    }

    #[test]
    fn runs_at_the_same_time_lose_nothing_of_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("logs");
        let relay: RelayUrl = "https://relay.test".parse().unwrap();
        std::thread::scope(|scope| {
            for number in 0..16 {
                let (file, relay) = (&file, &relay);
                scope.spawn(move || {
                    let provider = format!("p{number}.example").parse().unwrap();
                    let mut before = None;
                    for lines in 1..=4 {
                        remember(file, &SeenEnd { relay, provider: &provider, before, now: end(lines) }).unwrap();
                        before = Some(end(lines));
                    }
                });
            }
        });
        let seen = SeenLogs::open(&file).unwrap().of(&relay);
        assert_eq!((seen.len(), seen.values().all(|seen| *seen == end(4))), (16, true));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left there");
    }

    #[test]
    fn two_views_of_one_log_at_the_same_time_are_compared() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("logs");
        let (relay, provider) = ("https://relay.test".parse().unwrap(), "follower.example".parse().unwrap());
        let other: KeyLogMark = format!("3:{}", "cd".repeat(32)).parse().unwrap();
        let saw = |before, now| remember(&file, &SeenEnd { relay: &relay, provider: &provider, before, now });
        let kept = || SeenLogs::open(&file).unwrap().of(&relay)[&provider];
        // All of these began when the file had the first end.
        saw(None, end(1)).unwrap();
        let begun = Some(end(1));
        saw(begun, end(3)).unwrap();
        saw(begun, end(3)).unwrap();
        saw(begun, end(2)).unwrap();
        assert_eq!(kept(), end(3), "the later one");
        let message = saw(begun, other).unwrap_err().to_string();
        assert!(message.contains("two histories"), "{message}");
        assert_eq!(kept(), end(3));
        saw(begun, end(4)).unwrap();
        assert_eq!(kept(), end(4));
    }

    #[test]
    fn a_line_that_cannot_be_read_is_no_new_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("logs");
        let good = format!("relay.test follower.example {}", end(1));
        for text in ["\n", "relay.test follower.example 1:00\n", &format!("{good} \n"), &format!("{good}\n{good}\n")] {
            replace(&file, text.as_bytes(), 0o600).unwrap();
            let message = SeenLogs::open(&file).err().unwrap().to_string();
            assert!(message.contains("is no end of a key log"), "{text}: {message}");
        }
    }
}
