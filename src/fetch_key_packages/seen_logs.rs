//! The file that remembers where relays' logs of key lists ended: a line `RELAY PROVIDER END` for each.
//!
//! # Privacy
//! It names providers that were asked, so nobody else may read it. It is made only when it is asked for.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    io::Write,
    path::Path,
};

use anyhow::{Context, anyhow};
use restante::{
    client::oblivious::{KeyLogMark, RelayUrl},
    wire::ServiceProviderId,
};
use restante_process::config::refuse_public;
use tempfile::NamedTempFile;

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

    pub(super) fn put(&mut self, relay: &RelayUrl, provider: &ServiceProviderId, end: KeyLogMark) {
        self.0.insert((relay.authority().to_owned(), provider.clone()), end);
    }

    /// Replaces the file; after a crash there is the old one or the new one, whole.
    pub(super) fn save(&self, file: &Path) -> anyhow::Result<()> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let save = || -> io::Result<()> {
            let mut fresh = NamedTempFile::new_in(folder)?;
            for ((relay, provider), end) in &self.0 {
                writeln!(fresh, "{relay} {provider} {end}")?;
            }
            fresh.as_file().sync_all()?;
            fresh.persist(file)?;
            Ok(())
        };
        save().with_context(|| format!("{} cannot be written", file.display()))
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
        let mut seen = SeenLogs::open(&file).unwrap();
        assert!(seen.of(&relay("relay.test")).is_empty());
        seen.put(&relay("relay.test"), &provider, end(1));
        seen.put(&relay("relay.test:8443"), &provider, end(2));
        seen.put(&relay("relay.test"), &provider, end(3));
        seen.save(&file).unwrap();
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
    fn a_line_that_cannot_be_read_is_no_new_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("logs");
        let good = format!("relay.test follower.example {}", end(1));
        for text in ["\n", "relay.test follower.example 1:00\n", &format!("{good} \n"), &format!("{good}\n{good}\n")] {
            let mut fresh = NamedTempFile::new_in(folder.path()).unwrap();
            fresh.write_all(text.as_bytes()).unwrap();
            fresh.persist(&file).unwrap();
            let message = SeenLogs::open(&file).err().unwrap().to_string();
            assert!(message.contains("is no end of a key log"), "{text}: {message}");
        }
    }
}
