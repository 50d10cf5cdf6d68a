//! The keys of a keyring as a table for people.

use std::{path::Path, time::Duration};

use super::{Keyring, KeyringError, RotationSchedule, file::KeyringFile, ring::Ring};
use crate::binary::imf_fixdate;

impl Keyring {
    /// A heading, a line for each key, and the SHA-256 of the published list: whoever compares that with a relay's public
    /// log knows that the relay hands this list out.
    ///
    /// # Errors
    /// As [`Keyring::describe`].
    pub fn table(&self, now_ms: u64) -> Result<Vec<String>, KeyringError> {
        table(&self.file.read()?.unwrap_or_else(Ring::empty), &self.schedule, now_ms)
    }

    /// The same of a keyring that is not opened for that: whatever the schedule says is due, nothing is made, written or
    /// locked.
    ///
    /// # Errors
    /// As [`Keyring::open`]; and when there is no keyring.
    pub fn table_of(
        folder: &Path,
        seal_key_file: &Path,
        schedule: &RotationSchedule,
        now_ms: u64,
    ) -> Result<Vec<String>, KeyringError> {
        let ring = KeyringFile::find(folder, seal_key_file)?.read()?;
        table(&ring.unwrap_or_else(Ring::empty), schedule, now_ms)
    }
}

/// What to ask whoever is about to retire a key by hand.
pub const BEFORE_RETIRING: &str = "Requests to the key are refused within a minute, and there is no way back: until its \
                                   relay has the new list, which may take twelve hours, a client gets nothing. Retire \
                                   the key?";

/// What whoever has changed keys by hand should know: when clients get on with the new list, which may be cached for so
/// long, and what is to be done until then.
#[must_use]
pub fn after_a_change(list_max_age: Duration) -> String {
    let minutes = list_max_age.as_secs().div_ceil(60);
    format!(
        "The gateway has the new list within a minute, and a relay asks for it within {minutes} min after that; but a \
         list that changes less than 12 hours after its last change is taken by a relay only when they have passed \
         (limits.key_change_min_hours there). Until its relay has the list a client fetches nothing, and is told that \
         the two lists differ. Wait, and change no key again meanwhile unless one must go."
    )
}

fn table(ring: &Ring, schedule: &RotationSchedule, now_ms: u64) -> Result<Vec<String>, KeyringError> {
    let heading = ["id", "kem", "state", "in use from", "listed until", "refused from"].map(ToOwned::to_owned);
    let mut lines = vec![line(&heading)];
    for key in ring.describe(schedule, now_ms) {
        let settled = |time_ms: Option<u64>| time_ms.map_or_else(|| "-".to_owned(), imf_fixdate);
        lines.push(line(&[
            key.key_id.to_string(),
            key.kem.name().to_owned(),
            key.state.name().to_owned(),
            imf_fixdate(key.use_ms),
            settled(key.until_ms),
            settled(key.accepted_until_ms),
        ]));
    }
    let digest = ring.live(schedule, now_ms)?.list_sha256();
    let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    lines.push(format!("list sha256 {hex}"));
    Ok(lines)
}

fn line([id, kem, state, from, until, refused]: &[String; 6]) -> String {
    format!("{id:>3}  {kem:<7} {state:<10} {from:<30} {until:<30} {refused}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_never_too_few() {
        for (seconds, told) in [(600, " 10 min "), (601, " 11 min "), (1, " 1 min ")] {
            let said = after_a_change(Duration::from_secs(seconds));
            assert!(said.contains(told) && said.contains("12 hours"), "{said}");
        }
    }
}
