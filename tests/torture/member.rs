//! Two devices in a group, in a process of their own that can be killed: that of the harness itself, started once more.
//!
//! One of them says one thing after the other, the other one hears it. What was acknowledged and what was heard is written
//! to a file, of which a process that is killed loses nothing: every life begins with the storage and the file of the one
//! before. The devices are those of `examples/two_members/`.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use mls_rs::client_builder::MlsConfig;
use restante::client::{
    Event, MemberError, Progress,
    http::{LocalAddress, ServiceToken},
};

use crate::{
    Failure,
    device::{Membership, Provider, open},
    site::{HUB, token_of},
};

/// The test that is this program.
pub(crate) const PROGRAM: &str = "a_member_in_a_process_of_its_own";
/// Where its files are, and where the hub's local listener is.
pub(crate) const FOLDER: &str = "TORTURE_MEMBER_FOLDER";
pub(crate) const HUB_ADDRESS: &str = "TORTURE_MEMBER_HUB";

/// After so many messages there is another epoch.
const EPOCH: u64 = 4;
/// How long one request waits for news.
const WAIT: Duration = Duration::from_secs(2);
/// Between two messages, and before a hub that is away is asked again.
const PAUSE: Duration = Duration::from_millis(30);

/// Files that say what it is to do, and what it does.
const PAUSED: &str = "paused";
const QUIET: &str = "quiet";

/// So much of the diary is told where something is wrong.
const LINES: usize = 12;

/// What is known of the devices.
pub(crate) struct Diary {
    folder: PathBuf,
}

impl Diary {
    pub(crate) fn of(folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        Self { folder: folder.to_owned() }
    }

    fn file(&self) -> PathBuf {
        self.folder.join("diary")
    }

    fn note(&self, word: &str, text: &str) {
        let mut file = File::options().create(true).append(true).open(self.file()).unwrap();
        // One write: a line is there whole or not at all.
        file.write_all(format!("{word} {text}\n").as_bytes()).unwrap();
    }

    fn all(&self, word: &str) -> Vec<String> {
        let text = fs::read_to_string(self.file()).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
        lines.map(str::to_owned).collect()
    }

    /// Whether both are in the group.
    pub(crate) fn has_begun(&self) -> bool {
        !self.all("began").is_empty()
    }

    /// Whether a message was acknowledged.
    pub(crate) fn has_said(&self) -> bool {
        !self.all("said").is_empty()
    }

    /// It is to end when all was heard.
    pub(crate) fn stop(&self) {
        fs::write(self.folder.join("stop"), "").unwrap();
    }

    /// The last that was written to it.
    pub(crate) fn end(&self) -> String {
        let text = fs::read_to_string(self.file()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(LINES).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// It is to say nothing more for now, and note when both are in one epoch.
    pub(crate) fn pause(&self) {
        self.go_on();
        fs::write(self.folder.join(PAUSED), "").unwrap();
    }

    fn is_paused(&self) -> bool {
        self.folder.join(PAUSED).exists()
    }

    /// Whether it was asked to say nothing more, and both are in one epoch: retention takes what was before, and leaves
    /// what is in it.
    pub(crate) fn is_quiet(&self) -> bool {
        self.folder.join(QUIET).exists()
    }

    /// Its next life goes on.
    pub(crate) fn go_on(&self) {
        for name in [PAUSED, QUIET] {
            match fs::remove_file(self.folder.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("{name}: {error}"),
                _ => {}
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.folder.join("stop").exists()
    }

    /// How many messages were acknowledged; what is wrong, if they were not all heard or something else was.
    pub(crate) fn compare(&self) -> (usize, Result<(), String>) {
        let [begun, said, heard] =
            ["says", "said", "heard"].map(|word| self.all(word).into_iter().collect::<HashSet<_>>());
        let missing: Vec<_> = said.difference(&heard).collect();
        let strange: Vec<_> = heard.difference(&begun).collect();
        let outcome = if missing.is_empty() && strange.is_empty() {
            Ok(())
        } else {
            Err(format!("a member did not hear {missing:?}, and heard {strange:?}"))
        };
        (said.len(), outcome)
    }
}

/// One life.
///
/// # Errors
/// Whatever is no outage of the hub: a group that cannot be loaded, or not gone on with.
pub(crate) async fn live(folder: &Path, hub: LocalAddress) -> Result<(), Failure> {
    let token = ServiceToken::new(&token_of(HUB)).ok_or("a token")?;
    let provider = Provider { id: HUB.parse()?, local: hub, token };
    let diary = Diary::of(folder);
    let [speaker, listener] = ["speaker", "listener"].map(|name| (folder.join(name), name));
    if !diary.has_begun() {
        let waiting = open(&listener.0, listener.1, &provider)?;
        let package = waiting.publish().await?;
        let mut founder = open(&speaker.0, speaker.1, &provider)?.found().await?;
        founder.add(vec![package])?;
        settle(&mut founder, &diary).await?;
        drop(waiting.welcomed().await?);
        diary.note("began", "");
    }
    let mut speaker = open(&speaker.0, speaker.1, &provider)?.resume()?;
    let mut listener = open(&listener.0, listener.1, &provider)?.resume()?;
    // What was under way in the life before, by either of them.
    settle(&mut speaker, &diary).await?;
    settle(&mut listener, &diary).await?;
    let life = diary.all("lives").len();
    diary.note("lives", &life.to_string());
    for number in 0.. {
        if diary.is_stopped() {
            break;
        }
        if diary.is_paused() {
            while listener.group().epoch() != speaker.group().epoch() {
                hear(&mut listener, &diary, WAIT).await?;
            }
            fs::write(folder.join(QUIET), "")?;
            while diary.is_paused() {
                tokio::time::sleep(PAUSE).await;
            }
        }
        let text = format!("{life}-{number}");
        diary.note("says", &text);
        speaker.send(text.as_bytes())?;
        settle(&mut speaker, &diary).await?;
        diary.note("said", &text);
        while !hear(&mut listener, &diary, WAIT).await?.contains(&text) {}
        if number % EPOCH == EPOCH - 1 {
            speaker.update()?;
            settle(&mut speaker, &diary).await?;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Does all that the member wants.
async fn settle<C: MlsConfig>(member: &mut Membership<C>, diary: &Diary) -> Result<(), Failure> {
    loop {
        hear(member, diary, Duration::ZERO).await?;
        if !member.has_work() {
            return Ok(());
        }
    }
}

/// One look at the group, and what was said there: it is noted before the group is saved behind it.
async fn hear<C: MlsConfig>(member: &mut Membership<C>, diary: &Diary, wait: Duration) -> Result<Vec<String>, Failure> {
    let mut heard = Vec::new();
    match member.sync(wait).await {
        Ok(()) => {}
        // It is killed too, and comes back.
        Err(MemberError::Call(error)) if error.is_transient() => {
            diary.note("away", &error.to_string());
            tokio::time::sleep(PAUSE).await;
        }
        Err(error) => return Err(error.into()),
    }
    while let Some(progress) = member.next_progress() {
        match progress {
            Progress::Group(Event::Message { data, .. }) => {
                let text = String::from_utf8_lossy(data.as_bytes()).into_owned();
                diary.note("heard", &text);
                heard.push(text);
            }
            Progress::Dropped { cause, .. } => return Err(format!("given up: {cause:?}").into()),
            _ => {}
        }
    }
    member.save().await?;
    Ok(heard)
}
