//! `restante backup`: backups are made through the local listener of the running server; everything else is done on files
//! that no server has open.

use std::{collections::BTreeMap, io, time::Duration};

use anyhow::{Context, bail};
use restante::{
    client::http::{CallError, ChannelError, Operation},
    config::{Config, LocalAddress},
    server::{self, Found, RestoreError, Restored},
    store::Inspection,
};
use restante_process::console::{complain, say};
use serde_json::{Value, json};
use tokio::{
    net::{TcpStream, UnixStream},
    time::timeout,
};

use crate::{
    cli::{BackupCommand, ChosenBackup, RestoredBackup},
    date::imf_fixdate,
    db::progress,
    local_service::{OPERATOR, UNREADABLE, explain, service},
};

/// How often the server is asked whether the backup is made.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// So often in a row nobody may answer while a backup is waited for: a server that is started again is back by then.
const UNANSWERED_MAX: u32 = 60;

/// Whoever listens on this machine takes a connection sooner.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Carries a command out; gives the lines to print.
pub(crate) async fn run(command: &BackupCommand, config: &Config) -> anyhow::Result<Vec<String>> {
    match command {
        BackupCommand::Create(_) => create(config).await,
        BackupCommand::List(_) => list(config),
        BackupCommand::Verify(ChosenBackup { backup, .. }) => {
            let (backup, inspection) = server::verify_backup(config, *backup, &mut progress)?;
            say(&inspection.to_string())?;
            if !inspection.is_sound() {
                bail!("backup {} is damaged; try the others, with --backup: `restante backup list`", backup.id);
            }
            Ok(vec![format!("backup {} is sound", backup.id)])
        }
        BackupCommand::Restore(RestoredBackup { chosen, although_damaged }) => {
            restore(chosen.backup, *although_damaged, config).await
        }
    }
}

async fn restore(backup: Option<u32>, although_damaged: bool, config: &Config) -> anyhow::Result<Vec<String>> {
    require_nobody_listens(config).await?;
    let mut is_damaged = false;
    let mut accept = |inspection: &Inspection| {
        is_damaged = true;
        if although_damaged {
            complain(&inspection.to_string());
        }
        although_damaged
    };
    let restored = server::restore(config, backup, &mut progress, &mut accept).await;
    let Restored { backup, users } = restored.map_err(|error| hint(error, although_damaged))?;
    let mut lines = vec![
        format!("restored: {}", line(backup.id.into(), backup.made_ms, backup.bytes)),
        format!("all tokens are revoked, and the KeyPackages of {users} users removed"),
        "bans, deletions of groups and everything else that came after the backup are to be done again".to_owned(),
    ];
    if is_damaged {
        lines.push("it is damaged as it was: keep the backup, and tell who maintains the program".to_owned());
    }
    Ok(lines)
}

/// Refuses to put a database under a server that has lost its own: it goes on with the files that it has open. Whoever
/// holds them cannot be seen at a folder that is gone, so it is seen whether anybody listens at the local listener. Nothing is
/// sent there: it may be somebody else.
async fn require_nobody_listens(config: &Config) -> anyhow::Result<()> {
    let Some(local) = &config.local else { return Ok(()) };
    let connected = match &local.listen {
        // The system chooses another one each time.
        LocalAddress::Tcp(address) if address.port() == 0 => return Ok(()),
        LocalAddress::Tcp(address) => {
            timeout(CONNECT_MAX, TcpStream::connect(address)).await.map(|tried| tried.map(drop))
        }
        LocalAddress::Unix(path) => timeout(CONNECT_MAX, UnixStream::connect(path)).await.map(|tried| tried.map(drop)),
    };
    let address = &local.listen;
    match connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(()) => bail!(
            "a server, or another program, listens at {address} (local.listen): stop the server first, also if it has \
             lost its database; for a copy beside it, name another store.path and another local.listen, with --set, and \
             for its server another provider.listen and store.backup_path"
        ),
        // The last is said of an address that this machine does not have, so that nobody can listen there.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound | io::ErrorKind::AddrNotAvailable
            ) =>
        {
            Ok(())
        }
        Err(error) => bail!(
            "nobody knows whether a server listens at {address} (local.listen): {error}; see that none runs, and name \
             another local.listen, with --set"
        ),
    }
}

fn list(config: &Config) -> anyhow::Result<Vec<String>> {
    let Found { folder, is_there, provider, backups, damaged } = server::backups(config)?;
    let own = &config.provider.id;
    if let Some(provider) = provider.filter(|provider| provider != own) {
        complain(&format!(
            "these are backups of provider {provider}, and provider.id is {own}: see what store.backup_path names"
        ));
    }
    let folder = folder.display();
    if backups.is_empty() && damaged.is_empty() {
        let none = if is_there {
            "`restante backup create` makes one"
        } else {
            "the folder is not there, or its disk is not; `restante backup create` makes it"
        };
        return Ok(vec![format!("there is no backup in {folder}: {none}")]);
    }
    let whole = backups.iter().map(|backup| (backup.id, line(backup.id.into(), backup.made_ms, backup.bytes)));
    let damaged = damaged.iter().map(|backup| (backup.id, format!("backup {}: damaged, {}", backup.id, backup.why)));
    let lines: BTreeMap<_, _> = whole.chain(damaged).collect();
    Ok(lines.into_values().collect())
}

/// What came of a backup.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// The server was started again, and does not know.
    Forgotten,
    Made {
        id: u64,
        made_ms: u64,
        bytes: u64,
    },
    Failed(String),
    /// Many have ended since, and the latest have failed.
    LaterFailed(String),
}

/// How many backups were begun since the server was started, and how many of these are over. `None` if it is no answer of
/// such a server.
fn counts(answer: &Value) -> Option<(u64, u64)> {
    let ended = answer["ended"].as_u64()?;
    Some((ended.saturating_add(u64::from(!answer["under_way"].is_null())), ended))
}

/// Whether the backup with that number is being made.
fn is_under_way(number: u64, answer: &Value) -> Option<bool> {
    counts(answer).map(|(begun, ended)| ended < number && number <= begun)
}

/// What came of the backup with that number, which is not being made any more.
fn outcome(number: u64, answer: &Value) -> Option<Outcome> {
    let (begun, _) = counts(answer)?;
    if begun < number {
        return Some(Outcome::Forgotten);
    }
    // A later one has all that this one has, which may be gone for it.
    let recent = answer["recent"].as_array()?.iter();
    let since: Vec<_> = recent.filter(|one| one["number"].as_u64() >= Some(number)).collect();
    let made = |one: &Value| {
        let [id, made_ms, bytes] = ["id", "made_ms", "bytes"].map(|member| one[member].as_u64());
        Some(Outcome::Made { id: id?, made_ms: made_ms?, bytes: bytes? })
    };
    if let Some(made) = since.iter().rev().find_map(|one| made(one)) {
        return Some(made);
    }
    let first = since.first()?;
    let failed = first["failed"].as_str()?.to_owned();
    Some(if first["number"] == number { Outcome::Failed(failed) } else { Outcome::LaterFailed(failed) })
}

async fn create(config: &Config) -> anyhow::Result<Vec<String>> {
    let service = service(config, OPERATOR)?;
    let ask = async |operation| service.administer(operation, &json!({})).await;
    let begin = async || {
        let answer = ask(Operation::CreateBackup).await.map_err(|error| untold(error, &BEGINNING))?;
        if answer["nowhere"] == true {
            bail!("the running server has no store.backup_path: name a folder, and restart it");
        }
        let number = answer["number"].as_u64().context(UNREADABLE)?;
        anyhow::Ok((number, answer))
    };
    let look = async || ask(Operation::BackupStatus).await;
    let (mut number, mut answer) = begin().await?;
    if answer["began"] != true {
        // What was acknowledged lately may not be in this one. Whatever is begun behind it was begun after this was called.
        let waiting = Waiting { passes: may_come_back, explain: |error| explain(error.into()) };
        until_over(number, answer, &waiting, &look).await?;
        (number, answer) = begin().await?;
    }
    let folder = answer["folder"].as_str().context(UNREADABLE)?.to_owned();
    let waiting = Waiting { passes: is_slow, explain: |error| untold(error, &WAITING) };
    let answer = until_over(number, answer, &waiting, &look).await?;
    match outcome(number, &answer).context(UNREADABLE)? {
        Outcome::Forgotten => {
            bail!("the server was started again meanwhile: `restante backup list` says whether it is there")
        }
        Outcome::Made { id, made_ms, bytes } => Ok(vec![format!("{}  in {folder}", line(id, made_ms, bytes))]),
        Outcome::Failed(why) => bail!("no backup was made: {why}"),
        Outcome::LaterFailed(why) => {
            bail!("a later backup was not made: {why}; `restante backup list` says whether this one is there")
        }
    }
}

/// How somebody waits.
struct Waiting {
    /// What may come [`UNANSWERED_MAX`] times in a row in the place of an answer.
    passes: fn(&CallError) -> bool,
    /// What to say when nobody does.
    explain: fn(CallError) -> anyhow::Error,
}

/// Looks again and again until the backup with that number is not being made any more; gives the last answer. It is over as
/// well if its server is gone, and another one has begun to count.
async fn until_over(
    number: u64,
    mut answer: Value,
    waiting: &Waiting,
    look: &impl AsyncFn() -> Result<Value, CallError>,
) -> anyhow::Result<Value> {
    let mut unanswered = 0;
    while is_under_way(number, &answer).context(UNREADABLE)? {
        tokio::time::sleep(ASK_EVERY).await;
        match look().await {
            Ok(found) => (answer, unanswered) = (found, 0),
            Err(error) if unanswered < UNANSWERED_MAX && (waiting.passes)(&error) => unanswered += 1,
            Err(error) => return Err((waiting.explain)(error)),
        }
    }
    Ok(answer)
}

/// Whether it is what is said of a server that is being started again, or is slow.
fn may_come_back(error: &CallError) -> bool {
    is_slow(error) || matches!(error, CallError::Channel(ChannelError::Connect | ChannelError::Broken))
}

/// Whether the server may be there, and the backup under way.
fn is_slow(error: &CallError) -> bool {
    matches!(error, CallError::Channel(ChannelError::Timeout))
}

/// What ends a request to begin one that the server may have taken.
const BEGINNING: [ChannelError; 2] = [ChannelError::Broken, ChannelError::Timeout];

/// What ends a question about one that the server has begun.
const WAITING: [ChannelError; 3] = [ChannelError::Connect, ChannelError::Broken, ChannelError::Timeout];

const LOST: &str = "the server has not said what came of the backup: `restante backup list` says whether it is there";

/// Says of these that the backup may be there, and of others what they are.
fn untold(error: CallError, lost: &[ChannelError]) -> anyhow::Error {
    match error {
        CallError::Channel(how) if lost.contains(&how) => anyhow::Error::from(error).context(LOST),
        error => explain(error.into()),
    }
}

fn line(id: u64, made_ms: u64, bytes: u64) -> String {
    format!("backup {id}  {}  {bytes} bytes", imf_fixdate(made_ms))
}

/// What the operator can do about it.
fn hint(error: RestoreError, although_damaged: bool) -> anyhow::Error {
    let hint = match &error {
        RestoreError::Damaged(inspection) if !inspection.is_readable() && although_damaged => {
            "rows that cannot be read cannot be served with, so nothing was put back; try another one: `restante backup list`"
        }
        RestoreError::Damaged(inspection) if !inspection.is_readable() => "try an earlier one: `restante backup list`",
        RestoreError::Damaged(_) => {
            "try an earlier one: `restante backup list`; the last way, where none is sound, is `restante backup restore \
             --although-damaged`"
        }
        _ => return error.into(),
    };
    anyhow::Error::from(error).context(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(ended: u64, is_under_way: bool, recent: &[Value]) -> Value {
        json!({ "under_way": is_under_way.then(|| json!({ "started_ms": 3 })), "ended": ended, "recent": recent })
    }

    #[test]
    fn whoever_waits_is_told_of_the_backup_that_they_waited_for() {
        let made = |number: u64| json!({ "number": number, "id": number + 10, "made_ms": 5, "bytes": 7, "files": 1 });
        let failed = |number: u64| json!({ "number": number, "failed": "full" });
        let told = |number: u64| Outcome::Made { id: number + 10, made_ms: 5, bytes: 7 };
        let full = || "full".to_owned();
        for (number, ended, others, recent, expected) in [
            (1, 1, false, vec![made(1)], told(1)),
            (1, 1, true, vec![made(1)], told(1)),
            (2, 2, false, vec![made(1), failed(2)], Outcome::Failed(full())),
            // Others have ended since.
            (1, 2, false, vec![made(1), made(2)], told(2)),
            (1, 2, false, vec![made(1), failed(2)], told(1)),
            (1, 2, true, vec![failed(1), made(2)], told(2)),
            (1, 3, false, vec![failed(2), failed(3)], Outcome::LaterFailed(full())),
            // The server was started again, and others may have asked it sooner.
            (2, 0, false, vec![], Outcome::Forgotten),
            (2, 0, true, vec![], Outcome::Forgotten),
            (2, 1, false, vec![made(1)], Outcome::Forgotten),
        ] {
            let answer = answer(ended, others, &recent);
            assert_eq!(is_under_way(number, &answer), Some(false), "{number}: {answer}");
            assert_eq!(outcome(number, &answer), Some(expected), "{number}: {answer}");
        }
        for (number, ended, recent) in [(1, 0, vec![]), (3, 2, vec![made(1), failed(2)])] {
            assert_eq!(is_under_way(number, &answer(ended, true, &recent)), Some(true), "{number}");
        }
    }

    /// Looks until it is over, at a server that gives these in turn, and then always the last of them.
    async fn looked_at(
        passes: fn(&CallError) -> bool,
        mut given: Vec<Result<Value, ChannelError>>,
    ) -> Result<u64, String> {
        given.reverse();
        let given = std::cell::RefCell::new(given);
        let look = async || {
            let mut given = given.borrow_mut();
            let next = if given.len() > 1 { given.pop() } else { given.last().cloned() };
            next.unwrap().map_err(CallError::Channel)
        };
        let waiting = Waiting { passes, explain: |error| error.into() };
        let over = until_over(1, answer(0, true, &[]), &waiting, &look).await;
        over.map(|answer| answer["ended"].as_u64().unwrap()).map_err(|error| error.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_slow_or_comes_back_is_waited_for_and_not_for_ever() {
        let (under_way, over) = (|| Ok(answer(0, true, &[])), || Ok(answer(1, false, &[])));
        let (slow, gone) = (|| Err(ChannelError::Timeout), || Err(ChannelError::Connect));
        let many =
            |missed: &dyn Fn() -> Result<Value, ChannelError>, times: u32| (0..times).map(|_| missed()).collect();
        let max = UNANSWERED_MAX;
        let misses: Vec<_> = many(&slow, max);
        assert_eq!(looked_at(is_slow, [misses, vec![over()]].concat()).await, Ok(1));
        assert!(looked_at(is_slow, [many(&slow, max + 1), vec![over()]].concat()).await.is_err());
        // They are counted in a row.
        let interrupted = [many(&slow, max), vec![under_way()], many(&slow, max), vec![over()]].concat();
        assert_eq!(looked_at(is_slow, interrupted).await, Ok(1));
        assert!(
            looked_at(is_slow, vec![gone(), over()]).await.is_err(),
            "one's own is not made by a server that is gone"
        );
        assert_eq!(looked_at(may_come_back, vec![gone(), under_way(), gone(), over()]).await, Ok(1));
        assert!(looked_at(may_come_back, many(&gone, 1)).await.is_err());
    }

    #[test]
    fn a_server_that_goes_in_between_may_have_made_it() {
        let told = |how, lost: &[ChannelError]| format!("{:#}", untold(CallError::Channel(how), lost));
        for (how, lost) in [
            (ChannelError::Broken, &BEGINNING[..]),
            (ChannelError::Timeout, &BEGINNING[..]),
            (ChannelError::Connect, &WAITING[..]),
            (ChannelError::Broken, &WAITING[..]),
        ] {
            let said = told(how, lost);
            assert!(said.contains("`restante backup list`") && !said.contains("`restante serve`"), "{how:?}: {said}");
        }
        // Nobody has begun anything.
        let said = told(ChannelError::Connect, &BEGINNING);
        assert!(said.contains("`restante serve`") && !said.contains("`restante backup list`"), "{said}");
    }

    #[test]
    fn another_server_is_not_understood() {
        let unfinished = json!({ "ended": 1, "recent": [{ "number": 1 }] });
        for answer in [json!({}), json!([]), json!({ "ended": "1" }), json!({ "ended": 1 }), unfinished] {
            assert_eq!(outcome(1, &answer), None, "{answer}");
        }
        assert_eq!(is_under_way(1, &json!({ "ended": "1" })), None);
    }
}
