//! `restante backup`: backups are made through the local listener of the running server; everything else is done on files
//! that no server has open.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, bail};
use restante::{
    client::http::{CallError, ChannelError, Operation},
    config::Config,
    server::{self, Found, RestoreError, Restored},
    store::Inspection,
};
use restante_process::console::{complain, say};
use serde_json::{Value, json};

use crate::{
    cli::{BackupCommand, ChosenBackup, RestoredBackup},
    date::imf_fixdate,
    db::progress,
    local_service::{OPERATOR, UNREADABLE, explain, service},
};

/// How often the server is asked whether the backup is made.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// So often in a row nobody may answer while a former backup is waited for: a server that is started again is back by then.
const UNANSWERED_MAX: u32 = 60;

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
    require_nobody_serves(config).await?;
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
/// holds them cannot be seen at a folder that is gone, so the local listener is asked.
async fn require_nobody_serves(config: &Config) -> anyhow::Result<()> {
    // Without a listener, or a token for it, nobody can be asked.
    let Ok(service) = service(config, OPERATOR) else { return Ok(()) };
    match service.administer(Operation::BackupStatus, &json!({})).await {
        Err(CallError::Channel(ChannelError::Connect)) => Ok(()),
        _ => bail!(
            "something answers at local.listen: stop the server first, also if it has lost its database; for a copy \
             beside it, name another store.path and another local.listen, with --set"
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
        let waiting = Waiting { unanswered_max: UNANSWERED_MAX, explain: |error| explain(error.into()) };
        until_over(number, answer, &waiting, &look).await?;
        (number, answer) = begin().await?;
    }
    let folder = answer["folder"].as_str().context(UNREADABLE)?.to_owned();
    let waiting = Waiting { unanswered_max: 0, explain: |error| untold(error, &WAITING) };
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
    /// So often in a row nobody may answer.
    unanswered_max: u32,
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
            Err(error) if unanswered < waiting.unanswered_max && may_come_back(&error) => unanswered += 1,
            Err(error) => return Err((waiting.explain)(error)),
        }
    }
    Ok(answer)
}

/// Whether it is what is said of a server that is being started again.
fn may_come_back(error: &CallError) -> bool {
    matches!(error, CallError::Channel(ChannelError::Connect | ChannelError::Broken))
}

/// What ends a request to begin one that the server may have taken.
const BEGINNING: [ChannelError; 2] = [ChannelError::Broken, ChannelError::Timeout];

/// What ends a question about one that the server has begun.
const WAITING: [ChannelError; 3] = [ChannelError::Connect, ChannelError::Broken, ChannelError::Timeout];

const LOST: &str =
    "the server has gone without saying what came of the backup: `restante backup list` says whether it is there";

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
