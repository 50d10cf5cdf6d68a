//! What the logs of the programs say and no answer does: whoever asks again passes over a panic, and over a database that
//! takes no more writes until the next start, because the next kill heals it.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

/// What a line has that tells of a bug, or of a disk that fails, and nothing here lets a disk fail: a panic and the end of
/// writes are errors as well. It stands near the beginning of a line, so one that a kill has cut has it too.
const ERROR: &str = "\"level\":\"ERROR\"";
/// The same of a process that logs nothing: a command, or the client.
const PANIC: &str = "panicked at";

/// So much of a line is told.
const LINE_MAX: usize = 400;

/// How far each log was searched.
#[derive(Default)]
pub(crate) struct Symptoms {
    searched: BTreeMap<PathBuf, u64>,
}

impl Symptoms {
    /// Lines that should not be there, of those that were written since this was asked the last time. Whoever wrote them
    /// has ended, so that the last one is whole, or cut for good.
    pub(crate) fn since(&mut self, log: &Path) -> Vec<String> {
        let from = self.searched.entry(log.to_owned()).or_default();
        let mut file = match File::open(log) {
            Ok(file) => file,
            // It was not started yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => panic!("{}: {error}", log.display()),
        };
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(*from)).unwrap();
        *from += file.read_to_end(&mut bytes).unwrap() as u64;
        among(&String::from_utf8_lossy(&bytes))
    }

    /// How much of that log was searched.
    pub(crate) fn bytes(&self, log: &Path) -> u64 {
        self.searched.get(log).copied().unwrap_or_default()
    }
}

/// Lines that should not be there.
pub(crate) fn among(text: &str) -> Vec<String> {
    let is_wrong = |line: &&str| line.contains(ERROR) || line.contains(PANIC);
    text.lines().filter(is_wrong).map(|line| line.chars().take(LINE_MAX).collect()).collect()
}

mod tests {
    use std::{fs, io::Write as _, sync::Arc};

    use restante::wire::decode;
    use restante_faults::Point;

    use super::*;
    use crate::{
        fixtures::{mls, requests},
        model::Model,
        plan::Victim,
        site::HUB,
        world::{Provider, World},
    };

    const INFO: &str = r#"{"timestamp":"2026-01-01","level":"INFO","message":"starting"}"#;
    const BUG: &str = r#"{"timestamp":"2026-01-01","level":"ERROR","message":"a bug","target":"restante::panic"}"#;

    #[test]
    fn each_line_is_told_once_also_one_that_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut symptoms = Symptoms::default();
        assert_eq!((symptoms.since(&log), symptoms.bytes(&log)), (Vec::new(), 0));
        fs::write(&log, format!("{INFO}\n{BUG}\n{INFO}\n")).unwrap();
        assert_eq!(symptoms.since(&log), [BUG]);
        assert!(symptoms.since(&log).is_empty());
        // Cut by a kill, and the next life goes on in the same line.
        let cut = &BUG[..50];
        let mut file = File::options().append(true).open(&log).unwrap();
        write!(file, "{INFO}\n{cut}").unwrap();
        assert_eq!(symptoms.since(&log), [cut]);
        writeln!(file, "{INFO}").unwrap();
        assert!(symptoms.since(&log).is_empty());
        writeln!(file, "thread 'main' panicked at src/main.rs:1:1:\na bug").unwrap();
        assert_eq!(symptoms.since(&log).len(), 1);
        assert_eq!(symptoms.bytes(&log), fs::metadata(&log).unwrap().len());
    }

    /// Another level, and nobody here would see it.
    #[test]
    fn what_ends_writes_is_logged_as_an_error() {
        let sources = [
            (include_str!("../../src/service/lane.rs"), "no more writes until the next start"),
            (include_str!("../../src/store/rocks/engine.rs"), "no more writes until the next start"),
            (include_str!("../../gateway/src/bin/restante-gateway/marks/writer.rs"), "nothing is let through"),
            (include_str!("../../relay/src/keys/refresh.rs"), "could not be recorded"),
            (include_str!("../../process/src/telemetry.rs"), "restante::panic"),
        ];
        for (source, text) in sources {
            assert!(source.lines().any(|line| line.contains("tracing::error!") && line.contains(text)), "{text}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_panic_that_whoever_asks_again_passes_over_is_seen() {
        let world = World::new(Arc::new(Model::default())).await;
        let point = format!("{}:1:panic", Point::SendBeforeLane);
        let Ok(mut hub) = world.start(Victim::Hub, Some(point)).await else { panic!("it listens") };
        let user = world.user(Provider::Hub, "somebody");
        let group = user.mint_group_id().await.unwrap().group_id;
        let send = decode(&requests::send(&mls::application(&group, 0, b"text"), [0; 16])).unwrap();
        // Nobody is told but that the group is not there.
        let mut refused = false;
        for _time in 0..10 {
            refused |= user.send(&send, None).await.is_err_and(|error| !error.is_transient());
        }
        assert!(refused);
        hub.kill().await;
        let told = Symptoms::default().since(&world.site.log(HUB));
        assert!(told.iter().any(|line| line.contains("restante::panic")), "{told:?}");
    }
}
