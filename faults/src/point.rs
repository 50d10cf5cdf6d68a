//! The points, and what happens there.

use std::{
    fmt,
    str::FromStr,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use rustix::process::{Signal, getpid, kill_process};

/// The environment variable: a point, a colon, and at which of its passings the process ends, from 1. With `:panic`
/// behind it the process does not end: the thread panics there, as it would over a bug.
pub const POINT: &str = "FAULTS_POINT";

/// What a panic says that was asked for.
pub const PANIC_TEXT: &str = "somebody asked for this panic";

/// The environment variable: what such a panic says besides. One over a bug may quote anything that the process has.
pub const PANIC_QUOTE: &str = "FAULTS_PANIC_TEXT";

macro_rules! points {
    ($($(#[$doc:meta])* $point:ident $word:literal;)*) => {
        /// Where a process may be asked to end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Point { $($(#[$doc])* $point,)* }

        impl Point {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$point),*];

            /// How it is written.
            pub fn word(self) -> &'static str {
                match self { $(Self::$point => $word,)* }
            }
        }
    };
}

points! {
    /// A request to send was looked at, and its lane has not heard of it.
    SendBeforeLane "send-before-lane";
    /// A batch is decided and not written.
    BeforeWrite "before-write";
    /// A batch is written and nobody was answered.
    AfterWrite "after-write";
    /// A batch that hands out KeyPackages through the gateway is decided and not written.
    HandOutBeforeWrite "hand-out-before-write";
    /// It is written and nobody was answered.
    HandOutAfterWrite "hand-out-after-write";
    /// A batch that hands out KeyPackages to users of the same provider, or takes them away, is decided and not written.
    LocalHandOutBeforeWrite "local-hand-out-before-write";
    /// It is written and nobody was answered.
    LocalHandOutAfterWrite "local-hand-out-after-write";
    /// A Welcome came for our users, and is not written.
    WelcomeBeforeWrite "welcome-before-write";
    /// It is written, and the hub that brought it was not answered.
    WelcomeAfterWrite "welcome-after-write";
    /// A hub has pushed messages that are not written.
    PushedBeforeWrite "pushed-before-write";
    /// They are written, and the hub was not answered.
    PushedAfterWrite "pushed-after-write";
    /// A provider is about to be asked for whom it takes a Welcome.
    OutboxBeforeQuestion "outbox-before-question";
    /// It has answered, and that is not noted.
    OutboxAfterAnswer "outbox-after-answer";
    /// Its ticket is noted, and the Welcome not handed over.
    OutboxBeforeWelcome "outbox-before-welcome";
    /// The Welcome is handed over, and that is not noted.
    OutboxAfterWelcome "outbox-after-welcome";
    /// A subscriber has taken a push, and the cursor was not moved.
    PushBeforeCursor "push-before-cursor";
    /// The cursor was moved.
    PushAfterCursor "push-after-cursor";
    /// A step of retention has read what it may remove.
    RetentionAfterReading "retention-after-reading";
    /// It has removed it, and it is not noted how far the walk has come.
    RetentionAfterStep "retention-after-step";
    /// A backup is to be made; its folder is there, and nothing of it.
    BackupBeforeFiles "backup-before-files";
    /// It is made, and older ones are still there.
    BackupBeforePurge "backup-before-purge";
    /// Older ones have gone, and whoever asked does not know that it is made.
    BackupAfterPurge "backup-after-purge";
    /// A client has kept what has to be there first, if anything, and the MLS library has not stored the group.
    SaveBeforeWrite "save-before-write";
    /// The MLS library has stored the group, and what is kept beside it is older.
    SaveAfterWrite "save-after-write";
    /// All of it is saved, and no request has left.
    SaveAfterKeep "save-after-keep";
    /// A gateway has appended marks of requests to their file, which is not synced.
    MarksBeforeSync "marks-before-sync";
    /// It is synced, and the requests do not go on.
    MarksAfterSync "marks-after-sync";
    /// A file that is to replace another is written, and not synced.
    ReplaceBeforeSync "replace-before-sync";
    /// It is synced, and the other one is there.
    ReplaceBeforeRename "replace-before-rename";
    /// It is in the place of the other one, and the folder is not synced.
    ReplaceAfterRename "replace-after-rename";
    /// A keyring is on the disk, and not published.
    KeyringBeforePublishing "keyring-before-publishing";
    /// A relay has read a request, and not taken it to its gateway.
    RelayBeforeGateway "relay-before-gateway";
    /// A gateway has opened a request, and not handed it on.
    GatewayBeforeTarget "gateway-before-target";
    /// A relay has written of a key list to its log, which is not synced.
    KeyLogBeforeSync "key-log-before-sync";
    /// It is synced, and the list not served.
    KeyLogAfterSync "key-log-after-sync";
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// What happens, where, and at which passing.
#[derive(Debug, PartialEq, Eq)]
struct Armed {
    point: Point,
    passing: u32,
    harm: Harm,
}

#[derive(Debug, PartialEq, Eq)]
enum Harm {
    Kill,
    Panic,
}

impl FromStr for Armed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = |word: &str| Point::ALL.iter().copied().find(|point| point.word() == word);
        let (rest, harm) = text.strip_suffix(":panic").map_or((text, Harm::Kill), |rest| (rest, Harm::Panic));
        let parts = rest.split_once(':').and_then(|(word, number)| Some((known(word)?, number.parse().ok()?)));
        match parts {
            Some((point, passing)) if passing > 0 => Ok(Self { point, passing, harm }),
            _ => Err(format!("{POINT}={text}: give a point, a colon, and a number from 1")),
        }
    }
}

/// Says that the process is at that point. If it was asked to end here, this does not return.
///
/// # Panics
/// It was asked to, where the caller is. Or what it was asked makes no sense: a test that asks for a point that is not
/// there would never hit it.
#[track_caller]
pub fn pass(point: Point) {
    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
    static PASSED: AtomicU32 = AtomicU32::new(0);
    let armed = ARMED.get_or_init(|| {
        let asked = std::env::var(POINT).ok();
        asked.map(|text| text.parse().unwrap_or_else(|problem| panic!("{problem}")))
    });
    let Some(armed) = armed.as_ref().filter(|armed| armed.point == point) else { return };
    if PASSED.fetch_add(1, Ordering::Relaxed) + 1 == armed.passing {
        if armed.harm == Harm::Panic {
            panic!("{}", panic_text(std::env::var(PANIC_QUOTE).ok()));
        }
        // Nothing is flushed, nothing is dropped, and no other thread is waited for.
        let _ = kill_process(getpid(), Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}

fn panic_text(quote: Option<String>) -> String {
    quote.map_or_else(|| PANIC_TEXT.to_owned(), |quote| format!("{PANIC_TEXT}: {quote}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_point_is_found_by_its_word() {
        for point in Point::ALL {
            assert_eq!(format!("{point}:3").parse(), Ok(Armed { point: *point, passing: 3, harm: Harm::Kill }));
            assert_eq!(format!("{point}:1:panic").parse(), Ok(Armed { point: *point, passing: 1, harm: Harm::Panic }));
        }
        assert_eq!(Point::ALL.iter().map(|point| point.word()).collect::<BTreeSet<_>>().len(), Point::ALL.len());
    }

    #[test]
    fn a_panic_quotes_what_it_is_given() {
        assert_eq!(panic_text(None), PANIC_TEXT);
        assert_eq!(panic_text(Some("a key".to_owned())), format!("{PANIC_TEXT}: a key"));
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for text in [
            "",
            "before-write",
            "before-write:",
            "before-write:0",
            "before-write:x",
            "before-write:1:",
            "before-write:panic",
            "nowhere:1",
        ] {
            assert!(text.parse::<Armed>().is_err(), "{text}");
        }
    }
}
