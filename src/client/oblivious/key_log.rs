//! A relay's public log of key lists, as it is read by those who do not take the relay's word for it.
//!
//! One line of JSON for each list that the relay served, each with the hash of the line before (`specs/http.md`). Two
//! lists that are the same show that a client is not given a key of its own now; the log shows what was given to others
//! and before, and whoever remembers its end notices when another history is shown later.
//!
//! This module decides from bytes and the time that it is given. The times in the log are the relay's word.

use std::{collections::VecDeque, fmt, str::FromStr, time::Duration};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::key_list::ListDigest;

/// The longest log that is read, in bytes: as long as relays of ours let theirs grow. Two lists a week fill it in eight
/// hundred years, and two a day, between which as many are refused as relays record, in more than thirty.
pub const KEY_LOG_MAX: usize = 16 * 1024 * 1024;

/// Why a key list is not used although both sides have it. A closed set with numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyLogError {
    /// No log came, but an answer of this status.
    #[error("no log of the relay's key lists came: {0}")]
    NoLog(u16),
    /// A line, counted from 1, does not follow from those before it.
    #[error("line {0} of the relay's log of key lists does not follow from the one before it")]
    Broken(usize),
    /// What was the end of the log is not in it any more.
    #[error("the relay's log of key lists is not the one that was seen before: the relay shows another history")]
    Forked,
    /// The list is not the one that the log says is served.
    #[error("the gateway's key list is not the one that stands in the relay's log")]
    Absent,
    /// The list in this line, counted from 1, came too soon after the one before, and has not stood for long enough
    /// since. When it has, it is used.
    #[error(
        "the key list in line {0} of the relay's log came too soon after the one before: keys that change fast can tell \
         clients apart; it is used when it has stood for as long as a list must"
    )]
    TooFast(usize),
}

/// The end of a log as somebody saw it. Written as the number of lines, a colon and the hash of the last in hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLogMark {
    lines: u64,
    last: [u8; 32],
}

impl KeyLogMark {
    /// How many lines the log had: of two ends of one log, the later has more.
    pub fn lines(&self) -> u64 {
        self.lines
    }
}

/// The text is no [`KeyLogMark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the end of a key log is a number of lines, a colon and 64 hex digits")]
pub struct InvalidKeyLogMark;

impl fmt::Display for KeyLogMark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.lines, hex::encode(self.last))
    }
}

impl FromStr for KeyLogMark {
    type Err = InvalidKeyLogMark;

    fn from_str(text: &str) -> Result<Self, InvalidKeyLogMark> {
        let (lines, hash) = text.split_once(':').ok_or(InvalidKeyLogMark)?;
        let mut last = [0; 32];
        hex::decode_to_slice(hash, &mut last).map_err(|_| InvalidKeyLogMark)?;
        let mark = Self { lines: lines.parse().map_err(|_| InvalidKeyLogMark)?, last };
        if mark.lines > 0 && mark.to_string() == text { Ok(mark) } else { Err(InvalidKeyLogMark) }
    }
}

/// What a log says that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLogReport {
    /// Its end.
    pub mark: KeyLogMark,
    /// Whether it goes on from an end that was seen before.
    pub is_continued: bool,
    /// How many lists were served, one after the other.
    pub lists: u64,
    /// When the list in use was first seen, in milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// Lists that the relay refused because they came too soon: behind the end that was seen before, or in all.
    pub refused: u64,
    /// Lists that were served although they came too soon, as after a key that had to be replaced at once: behind the end
    /// that was seen before, or in all.
    pub too_fast: u64,
}

/// A list that was served.
struct Served {
    digest: [u8; 32],
    /// Its first line, counted from 1.
    line: usize,
    /// Of its lines: one, unless the relay's clock was put right.
    seen_ms: Vec<u64>,
    is_too_fast: bool,
}

/// Checks a log from its first line to its last: that each follows from the one before, that `seen` is in it, and that
/// the list in use is the one that is served, or was until a moment ago. That list must not have come sooner than
/// `change_min` after the one before, unless it has been served for as long as that at `now_ms` (since the Unix epoch):
/// then it is what everybody was given for long enough, and an emergency shuts nobody out for longer. Lists that came
/// too soon and are not in use any more are counted.
pub(super) fn check(
    text: &[u8],
    in_use: ListDigest,
    seen: Option<KeyLogMark>,
    change_min: Duration,
    now_ms: u64,
) -> Result<KeyLogReport, KeyLogError> {
    let change_min_ms = u64::try_from(change_min.as_millis()).unwrap_or(u64::MAX);
    let mut mark = KeyLogMark { lines: 0, last: [0; 32] };
    let (mut lists, mut refused, mut too_fast, mut is_continued) = (0, 0, 0, false);
    let mut latest: VecDeque<Served> = VecDeque::with_capacity(3);
    for (place, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let number = place + 1;
        let Line { digest, seen_ms, is_refused } = Line::read(line, &mark).ok_or(KeyLogError::Broken(number))?;
        // There is nothing that the first list could have followed too soon.
        if is_refused && latest.is_empty() {
            return Err(KeyLogError::Broken(number));
        }
        mark = KeyLogMark { lines: mark.lines + 1, last: Sha256::digest(line.trim_ascii_end()).into() };
        let is_old = seen.is_some_and(|seen| mark.lines <= seen.lines);
        is_continued |= seen == Some(mark);
        match latest.back_mut() {
            _ if is_refused => refused += u64::from(!is_old),
            Some(last) if last.digest == digest => last.seen_ms.push(seen_ms),
            last => {
                let is_too_fast = last.is_some_and(|last| !last.has_stood(seen_ms, change_min_ms));
                too_fast += u64::from(is_too_fast && !is_old);
                latest.push_back(Served { digest, line: number, seen_ms: vec![seen_ms], is_too_fast });
                lists += 1;
                if latest.len() > 2 {
                    latest.pop_front();
                }
            }
        }
    }
    if seen.is_some() && !is_continued {
        return Err(KeyLogError::Forked);
    }
    // The log is asked for after the list: another may have come in between.
    let used = latest.iter().rev().find(|served| served.digest == in_use.0).ok_or(KeyLogError::Absent)?;
    if used.is_too_fast && !used.has_stood(now_ms, change_min_ms) {
        return Err(KeyLogError::TooFast(used.line));
    }
    let since_ms = used.seen_ms.first().copied().unwrap_or(0);
    Ok(KeyLogReport { mark, is_continued, lists, since_ms, refused, too_fast })
}

impl Served {
    /// Whether another list may follow this one at that time. What counts is the latest of this list's times that is not
    /// far ahead, as for the relay: the others are a clock's that was wrong.
    fn has_stood(&self, until_ms: u64, change_min_ms: u64) -> bool {
        let times = self.seen_ms.iter().filter(|since| **since <= until_ms.saturating_add(change_min_ms));
        times.max().is_some_and(|since| until_ms >= since.saturating_add(change_min_ms))
    }
}

struct Line {
    digest: [u8; 32],
    seen_ms: u64,
    is_refused: bool,
}

impl Line {
    /// What the line behind `before` says; `None` when it is another one, by a single byte.
    fn read(line: &[u8], before: &KeyLogMark) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_slice(line).ok()?;
        let mut digest = [0; 32];
        hex::decode_to_slice(fields.get("sha256")?.as_str()?, &mut digest).ok()?;
        let line_read =
            Self { digest, seen_ms: fields.get("seen_ms")?.as_u64()?, is_refused: fields.contains_key("refused") };
        (line_read.write(before).as_bytes() == line).then_some(line_read)
    }

    fn write(&self, before: &KeyLogMark) -> String {
        format!(
            "{{\"n\":{},\"seen_ms\":{},\"sha256\":\"{}\"{},\"previous\":\"{}\"}}\n",
            before.lines,
            self.seen_ms,
            hex::encode(self.digest),
            if self.is_refused { ",\"refused\":\"too_soon\"" } else { "" },
            hex::encode(before.last),
        )
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::{
        prelude::*,
        test_runner::{Config, RngSeed},
    };

    use super::*;

    const HOUR_MS: u64 = 3_600_000;
    const HALF_DAY: Duration = Duration::from_secs(12 * 60 * 60);

    /// A log of lists, by number and hour; one that was refused has a `true`.
    fn log(lines: &[(u8, u64, bool)]) -> Vec<u8> {
        let lines: Vec<_> =
            lines.iter().map(|(list, hour, is_refused)| ([*list; 32], hour * HOUR_MS, *is_refused)).collect();
        write(&lines)
    }

    /// A log of the hashes of lists.
    pub(in crate::client::oblivious) fn write(lines: &[([u8; 32], u64, bool)]) -> Vec<u8> {
        let mut text = Vec::new();
        let mut mark = KeyLogMark { lines: 0, last: [0; 32] };
        for &(digest, seen_ms, is_refused) in lines {
            let line = Line { digest, seen_ms, is_refused }.write(&mark);
            mark = KeyLogMark { lines: mark.lines + 1, last: Sha256::digest(line.trim_end()).into() };
            text.extend_from_slice(line.as_bytes());
        }
        text
    }

    /// A look at a moment at which no list has stood for long.
    fn look(text: &[u8], list: u8, seen: Option<KeyLogMark>) -> Result<KeyLogReport, KeyLogError> {
        look_at(text, list, seen, 0)
    }

    fn look_at(text: &[u8], list: u8, seen: Option<KeyLogMark>, hour: u64) -> Result<KeyLogReport, KeyLogError> {
        check(text, ListDigest([list; 32]), seen, HALF_DAY, hour * HOUR_MS)
    }

    /// The same for somebody who does not mind how fast lists follow each other.
    fn look_calmly(text: &[u8], list: u8) -> Result<KeyLogReport, KeyLogError> {
        check(text, ListDigest([list; 32]), None, Duration::ZERO, 0)
    }

    fn end(text: &[u8], list: u8) -> KeyLogMark {
        look(text, list, None).unwrap().mark
    }

    #[test]
    fn a_line_is_what_relays_write() {
        let text = String::from_utf8(log(&[(1, 1, false), (2, 2, true)])).unwrap();
        let (first, second) = text.trim_end().split_once('\n').unwrap();
        let (ones, twos) = ("01".repeat(32), "02".repeat(32));
        let zeros = "0".repeat(64);
        assert_eq!(first, format!(r#"{{"n":0,"seen_ms":3600000,"sha256":"{ones}","previous":"{zeros}"}}"#));
        let previous = hex::encode(Sha256::digest(first));
        let written =
            format!(r#"{{"n":1,"seen_ms":7200000,"sha256":"{twos}","refused":"too_soon","previous":"{previous}"}}"#);
        assert_eq!(second, written);
    }

    #[test]
    fn a_log_that_holds_is_described() {
        let text = log(&[(1, 100, false), (2, 112, false), (3, 113, true), (4, 114, true), (5, 200, false)]);
        let report = look(&text, 5, None).unwrap();
        assert_eq!((report.lists, report.since_ms, report.refused), (3, 200 * HOUR_MS, 2));
        assert!(!report.is_continued);
        // One that changed between the two questions.
        assert_eq!(look(&text, 2, None).unwrap().since_ms, 112 * HOUR_MS);
        // From where it was seen on, also when nothing has come since.
        for length in 1..=5 {
            let lines: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').take(length).collect();
            let served = [1, 2, 2, 2, 5][length - 1];
            let seen = end(&lines.concat(), served);
            let report = look(&text, 5, Some(seen)).unwrap();
            assert!(report.is_continued);
            assert_eq!(report.refused, [2, 2, 1, 0, 0][length - 1]);
            assert_eq!(seen.to_string().parse(), Ok(seen));
        }
    }

    #[test]
    fn a_list_that_is_not_served_is_absent() {
        let text = log(&[(1, 100, false), (2, 112, false), (3, 113, true), (4, 200, false)]);
        for list in [1, 3, 9] {
            assert_eq!(look(&text, list, None), Err(KeyLogError::Absent), "{list}");
        }
        assert_eq!(look(b"", 1, None), Err(KeyLogError::Absent));
    }

    #[test]
    fn another_history_is_found_out() {
        let (before, other) = (log(&[(1, 100, false), (2, 200, false)]), log(&[(1, 100, false), (3, 200, false)]));
        let seen = end(&before, 2);
        for text in [
            // Rewritten, cut, emptied, rewritten and grown.
            other,
            log(&[(1, 100, false)]),
            Vec::new(),
            log(&[(1, 100, false), (3, 150, false), (2, 200, false)]),
            log(&[(1, 101, false), (2, 200, false), (2, 300, false)]),
        ] {
            let shown = look(&text, 2, Some(seen));
            assert_eq!(shown, Err(KeyLogError::Forked));
        }
    }

    #[test]
    fn a_list_that_came_too_soon_is_used_when_it_has_stood() {
        let quick = log(&[(1, 100, false), (2, 111, false)]);
        let seen = end(&log(&[(1, 100, false)]), 1);
        for seen in [None, Some(seen)] {
            for hour in [0, 111, 122] {
                assert_eq!(look_at(&quick, 2, seen, hour), Err(KeyLogError::TooFast(2)), "{hour}");
            }
            let just_before = check(&quick, ListDigest([2; 32]), seen, HALF_DAY, 123 * HOUR_MS - 1);
            assert_eq!(just_before, Err(KeyLogError::TooFast(2)));
            assert_eq!(look_at(&quick, 2, seen, 123).unwrap().too_fast, 1);
        }
        assert!(look_calmly(&quick, 2).is_ok());
        // One back and forth is two changes.
        let back = log(&[(1, 100, false), (2, 200, false), (1, 201, false)]);
        assert_eq!(look_at(&back, 1, None, 202), Err(KeyLogError::TooFast(3)));
        // So is one that goes on and on, whoever looks: none of its lists ever stands.
        let restless: Vec<_> = (0..20).map(|list| (list, 100 + 11 * u64::from(list), false)).collect();
        for length in 2..=20 {
            let (list, hour, _) = restless[length - 1];
            assert!(look_at(&log(&restless[..length]), list, Some(seen_first(&restless)), hour + 11).is_err());
        }
    }

    fn seen_first(lines: &[(u8, u64, bool)]) -> KeyLogMark {
        end(&log(&lines[..1]), lines[0].0)
    }

    #[test]
    fn lists_that_came_too_soon_and_went_are_counted_once() {
        let lines = [(1, 100, false), (2, 111, false), (3, 112, false), (4, 200, false)];
        let (first, whole) = (end(&log(&lines[..1]), 1), log(&lines));
        let told = |seen| look_at(&whole, 4, seen, 200).map(|report| report.too_fast);
        assert_eq!((told(None), told(Some(first))), (Ok(2), Ok(2)));
        let seen = [2, 3].map(|length| look_calmly(&log(&lines[..length]), lines[length - 1].0).unwrap().mark);
        assert_eq!(seen.map(|seen| told(Some(seen))), [Ok(1), Ok(0)]);
    }

    #[test]
    fn a_log_that_grows_as_fast_as_relays_let_it_is_read_for_thirty_years() {
        let (mut length, mut half_days) = (0, 0_u64);
        let mut mark = KeyLogMark { lines: 0, last: [0; 32] };
        while length <= KEY_LOG_MAX {
            let refused = if length < KEY_LOG_MAX / 2 { 8 } else { 1 };
            for place in 0..=refused {
                let seen_ms = 1_700_000_000_000 + half_days * 12 * HOUR_MS;
                length += Line { digest: [0; 32], seen_ms, is_refused: place > 0 }.write(&mark).len();
                mark.lines += 1;
            }
            half_days += 1;
        }
        assert!(half_days > 30 * 2 * 365, "{half_days}");
        let line = Line { digest: [0; 32], seen_ms: 1_700_000_000_000, is_refused: false }.write(&mark).len();
        assert!(KEY_LOG_MAX / line > 800 * 105, "{line}");
    }

    #[test]
    fn a_clock_that_was_put_right_makes_no_list_too_fast() {
        // Seen far ahead, then once more at the time of then.
        let text = log(&[(1, 900, false), (1, 100, false), (2, 112, false)]);
        let report = look(&text, 2, None).unwrap();
        assert_eq!((report.lists, report.too_fast), (2, 0));
        let text = log(&[(1, 900, false), (1, 100, false), (2, 111, false)]);
        assert_eq!(look(&text, 2, None), Err(KeyLogError::TooFast(3)));
        // Never put right: nobody knows how old the first one was.
        let text = log(&[(1, 900, false), (2, 112, false)]);
        assert_eq!(look(&text, 2, None), Err(KeyLogError::TooFast(2)));
        let text = log(&[(1, u64::MAX / HOUR_MS, false), (2, u64::MAX / HOUR_MS, false)]);
        assert_eq!(look(&text, 2, None), Err(KeyLogError::TooFast(2)));
        // Nor how long the second one has stood, if it is the clock of this machine that is behind.
        let text = log(&[(1, 800, false), (2, 801, false)]);
        assert_eq!(look_at(&text, 2, None, 100), Err(KeyLogError::TooFast(2)));
        // Once the relay's is put right, that counts.
        let text = log(&[(1, 800, false), (2, 801, false), (2, 100, false)]);
        assert_eq!(look_at(&text, 2, None, 111), Err(KeyLogError::TooFast(2)));
        assert!(look_at(&text, 2, None, 112).is_ok());
    }

    #[test]
    fn one_changed_byte_breaks_the_chain() {
        let whole = log(&[(1, 100, false), (2, 200, false), (3, 201, true), (4, 300, false)]);
        let seen = end(&whole, 4);
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            let shown = look(&changed, 4, Some(seen)).unwrap_err();
            assert!(matches!(shown, KeyLogError::Broken(_) | KeyLogError::Forked | KeyLogError::Absent), "{place}");
        }
        for length in 0..whole.len() {
            assert!(look(&whole[..length], 4, Some(seen)).is_err(), "{length}");
        }
        assert_eq!(
            look(&log(&[(3, 1, true)]), 3, None),
            Err(KeyLogError::Broken(1)),
            "what did it come too soon after?"
        );
    }

    #[test]
    fn marks_are_read_letter_for_letter() {
        let good = end(&log(&[(1, 100, false)]), 1).to_string();
        assert!(good.parse::<KeyLogMark>().is_ok());
        for wrong in [
            "",
            "1",
            "1:",
            "1:00",
            &format!("0{good}"),
            &format!("+{good}"),
            &format!("{good} "),
            &good.replace("1:", "0:"),
        ] {
            assert_eq!(wrong.parse::<KeyLogMark>(), Err(InvalidKeyLogMark), "{wrong}");
        }
    }

    proptest! {
        #![proptest_config(Config { rng_seed: RngSeed::Fixed(0x5eed), failure_persistence: None, ..Config::default() })]

        #[test]
        fn no_bytes_panic(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(look(&text, 1, None).is_err());
        }
    }
}
