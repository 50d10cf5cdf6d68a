//! `restante demo`: three providers and a relay as real processes, real MLS clients, and the story of what happens between them.
//!
//! Owns the order of the scenes, their time limits and the clean-up. What the narration claims is checked, and each
//! check is named and counted. It ends only processes that it started, and leaves nothing behind unless it is told to
//! keep its folder.
//!
//! The clients here play what an app would be: `device`, with the `saboteur` of one of them, is the only part outside
//! `client` and `mls` that names the MLS library.

mod cast;
mod company;
mod device;
mod drawing;
mod folder;
mod haystack;
mod mode;
mod narrator;
mod newcomers;
mod provider;
mod record;
mod relay;
#[doc(hidden)]
pub mod saboteur;
mod scenes;
mod server;
mod sight;
mod stage;
mod tally;
mod tap;
mod tls;
mod transcript;
mod wiretap;

use std::{
    future::Future,
    io::{self, Write},
    path::{Path, PathBuf},
    pin::pin,
    time::{Duration, SystemTime},
};

use mode::Mode;
use narrator::Narrator;
use newcomers::Invited;
use stage::Stage;
pub use tally::Tally;

/// What a scene can stumble over: none of it is expected, so nobody tells the kinds apart.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// No scene takes longer, on a slow machine either.
const SCENE_MAX: Duration = Duration::from_secs(45);

/// What the demo is asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Keep configurations, certificates, databases and logs in this folder, which is made or empty. `None`: a temporary
    /// folder, removed at the end.
    pub keep: Option<PathBuf>,
}

/// Why the demo has no result. A scene that fails is a failed check instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The future that means so was ready.
    #[error("the demo was interrupted; its providers are ended")]
    Interrupted,
    /// The narration cannot be written.
    #[error("the demo cannot tell its story: {0}")]
    Output(io::Error),
    /// The folder to keep has something in it already.
    #[error("{} is not empty; give a new folder", .0.display())]
    NotEmpty(PathBuf),
    /// The folder cannot be used.
    #[error("{}: {}", .0.display(), .1)]
    Folder(PathBuf, io::Error),
}

/// Plays all scenes and tells them to `out`; the last line is the [`Tally`]. `program` is this very program, which is
/// started as `serve`; `now` is what certificates are valid from.
///
/// When it returns, or `interrupted` is ready before, the processes that it started have ended. They also end when the
/// future is dropped.
///
/// # Errors
/// [`Error`]
pub async fn run(
    options: Options,
    program: &Path,
    now: SystemTime,
    out: Box<dyn Write + Send>,
    interrupted: impl Future<Output = ()>,
) -> Result<Tally, Error> {
    let folder = folder::Folder::open(options.keep)?;
    let mut narrator = Narrator::new(out, scenes::COUNT);
    let mut stage = Stage::new(program, folder.path());
    let played = tokio::select! {
        played = Box::pin(play(&mut stage, &mut narrator, now)) => Some(played),
        () = pin!(interrupted) => None,
    };
    stage.clear().await;
    match played {
        None => return Err(Error::Interrupted),
        Some(Ok(())) => {}
        Some(Err(failure)) => narrator.broke_off(&*failure),
    }
    folder.close(&mut narrator);
    narrator.close().map_err(Error::Output)
}

async fn play(stage: &mut Stage, narrator: &mut Narrator, now: SystemTime) -> Result<(), Failure> {
    scenes::prologue::tell(narrator);
    within(scenes::start::play(stage, narrator, now)).await?;
    let mut invited = Some(Box::pin(play_fetching(stage, narrator)).await?);
    for mode in Mode::BOTH {
        narrator.act(mode.title(), mode.is_first());
        narrator.tell(mode.explanation());
        let invited = match invited.take() {
            Some(invited) => invited,
            None => within(Box::pin(scenes::fetching::play_again(stage, mode))).await?,
        };
        let mut cast = within(Box::pin(scenes::creation::play(stage, invited, narrator))).await?;
        within(scenes::talk::play(&mut cast, narrator)).await?;
        within(scenes::epochs::play(&mut cast, narrator)).await?;
        within(scenes::races::play(&mut cast, narrator)).await?;
        within(scenes::bad_commit::play(&mut cast, narrator)).await?;
        within(scenes::catching_up::play(&mut cast, narrator)).await?;
        within(scenes::removal::play(&mut cast, narrator)).await?;
        let erin = within(Box::pin(scenes::joining::play(stage, &mut cast, narrator))).await?;
        within(Box::pin(scenes::leaving::play(&mut cast, erin, narrator))).await?;
        within(scenes::strangers::play(stage, &mut cast, narrator)).await?;
        within(scenes::crash::play(stage, &mut cast, narrator)).await?;
        within(scenes::traces::play(stage, &cast, narrator)).await?;
    }
    Box::pin(play_fork(stage, narrator)).await
}

/// The act in which the group forks.
async fn play_fork(stage: &mut Stage, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.act("A group that somebody splits on purpose", true);
    scenes::fork::tell(narrator);
    let mut company = within(Box::pin(scenes::fork::gathering::play(stage, narrator))).await?;
    within(Box::pin(scenes::fork::splitting::play(&mut company, narrator))).await?;
    within(Box::pin(scenes::fork::parting::play(&mut company, narrator))).await?;
    within(scenes::fork::showing::play(stage, &mut company, narrator)).await?;
    within(Box::pin(scenes::fork::ending::play(stage, &mut company, narrator))).await?;
    let mut company = within(Box::pin(scenes::fork::crossing::play(stage, company, narrator))).await?;
    within(Box::pin(scenes::fork::restoring::play(stage, &mut company, narrator))).await?;
    within(Box::pin(scenes::fork::banning::play(&mut company, narrator))).await?;
    within(Box::pin(scenes::fork::keeping::play(stage, &mut company, narrator))).await?;
    within(scenes::fork::traces::play(stage, &company, narrator)).await
}

/// The act before there is a group.
async fn play_fetching(stage: &mut Stage, narrator: &mut Narrator) -> Result<Invited, Failure> {
    narrator.act("KeyPackages without revealing contacts", true);
    let stocks = within(Box::pin(scenes::uploading::play(stage, narrator))).await?;
    let (invited, fetched) = within(Box::pin(scenes::fetching::play(stage, stocks, narrator))).await?;
    scenes::halves::play(stage, &fetched, narrator)?;
    within(scenes::denial::play(stage, &fetched, &invited.newcomers, narrator)).await?;
    Ok(invited)
}

/// A scene that does not end is a failure like any other.
async fn within<T>(scene: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let played = tokio::time::timeout(SCENE_MAX, Box::pin(scene)).await;
    played.unwrap_or_else(|_| Err(format!("it took longer than {} seconds", SCENE_MAX.as_secs()).into()))
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::UNIX_EPOCH};

    use tempfile::TempDir;

    use super::*;

    async fn run_with(program: &str, keep: &Path, interrupted: impl Future<Output = ()>) -> Result<Tally, Error> {
        let options = Options { keep: Some(keep.to_owned()) };
        let now = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        run(options, Path::new(program), now, Box::new(io::sink()), interrupted).await
    }

    #[tokio::test]
    async fn a_provider_that_does_not_start_is_a_failed_check() {
        let dir = TempDir::new().unwrap();
        for program in ["false", "no such program"] {
            let tally = run_with(program, &dir.path().join(program), pending()).await.unwrap();
            assert_eq!(tally, Tally { passed: 0, failed: 1 });
        }
    }
}
