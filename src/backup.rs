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

/// The number of a backup that is waited for.
#[derive(Clone, Copy, Debug)]
enum Awaited {
    /// One that was being made before: what was acknowledged lately may not be in it. Whatever is begun behind it was begun
    /// after this was called.
    Former(u64),
    /// One that has it all.
    Ours(u64),
}

/// What is to be done after an answer of the server.
#[derive(Debug, PartialEq)]
enum Step {
    LookAgain,
    AskAgain,
    /// The server was started again, and does not know what came of it.
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

/// What the answer means for a backup that is waited for; `None` if it is no answer of such a server.
fn step(awaited: Awaited, answer: &Value) -> Option<Step> {
    let (Awaited::Former(number) | Awaited::Ours(number)) = awaited;
    let ended = answer["ended"].as_u64()?;
    let begun = ended.saturating_add(u64::from(!answer["under_way"].is_null()));
    if ended < number && number <= begun {
        return Some(Step::LookAgain);
    }
    if matches!(awaited, Awaited::Former(_)) {
        // Also if its server is gone, and it with that.
        return Some(Step::AskAgain);
    }
    if begun < number {
        return Some(Step::Forgotten);
    }
    // A later one has all that this one has, which may be gone for it.
    let recent = answer["recent"].as_array()?.iter();
    let since: Vec<_> = recent.filter(|one| one["number"].as_u64() >= Some(number)).collect();
    let made = |one: &Value| {
        let [id, made_ms, bytes] = ["id", "made_ms", "bytes"].map(|member| one[member].as_u64());
        Some(Step::Made { id: id?, made_ms: made_ms?, bytes: bytes? })
    };
    if let Some(made) = since.iter().rev().find_map(|one| made(one)) {
        return Some(made);
    }
    let first = since.first()?;
    let failed = first["failed"].as_str()?.to_owned();
    Some(if first["number"] == number { Step::Failed(failed) } else { Step::LaterFailed(failed) })
}

async fn create(config: &Config) -> anyhow::Result<Vec<String>> {
    let service = service(config, OPERATOR)?;
    let ask = async |operation| service.administer(operation, &json!({})).await;
    let begin = async || ask(Operation::CreateBackup).await.map_err(|error| untold(error, &BEGINNING));
    let (mut answer, mut is_second) = (begin().await?, false);
    loop {
        if answer["nowhere"] == true {
            bail!("the running server has no store.backup_path: name a folder, and restart it");
        }
        let number = answer["number"].as_u64().context(UNREADABLE)?;
        let awaited =
            if is_second || answer["began"] == true { Awaited::Ours(number) } else { Awaited::Former(number) };
        let folder = answer["folder"].as_str().context(UNREADABLE)?.to_owned();
        let mut unanswered = 0;
        loop {
            match step(awaited, &answer).context(UNREADABLE)? {
                Step::LookAgain => {}
                Step::AskAgain => break,
                Step::Forgotten => {
                    bail!("the server was started again meanwhile: `restante backup list` says whether it is there")
                }
                Step::Made { id, made_ms, bytes } => {
                    return Ok(vec![format!("{}  in {folder}", line(id, made_ms, bytes))]);
                }
                Step::Failed(why) => bail!("no backup was made: {why}"),
                Step::LaterFailed(why) => {
                    bail!("a later backup was not made: {why}; `restante backup list` says whether this one is there")
                }
            }
            tokio::time::sleep(ASK_EVERY).await;
            answer = match ask(Operation::BackupStatus).await {
                Err(error) if matches!(awaited, Awaited::Former(_)) && may_come_back(&error) => {
                    unanswered += 1;
                    if unanswered > UNANSWERED_MAX {
                        return Err(explain(error.into()));
                    }
                    answer
                }
                answered => {
                    unanswered = 0;
                    answered.map_err(|error| untold(error, &WAITING))?
                }
            };
        }
        answer = begin().await?;
        is_second = true;
    }
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
    use super::{
        Awaited::{Former, Ours},
        *,
    };

    #[test]
    fn whoever_waits_is_told_of_the_backup_that_they_waited_for() {
        let made = |number: u64| json!({ "number": number, "id": number + 10, "made_ms": 5, "bytes": 7, "files": 1 });
        let failed = |number: u64| json!({ "number": number, "failed": "full" });
        let told = |number: u64| Step::Made { id: number + 10, made_ms: 5, bytes: 7 };
        let full = || "full".to_owned();
        for (awaited, ended, is_under_way, recent, expected) in [
            (Ours(1), 0, true, vec![], Step::LookAgain),
            (Ours(3), 2, true, vec![made(1), failed(2)], Step::LookAgain),
            (Ours(1), 1, false, vec![made(1)], told(1)),
            (Ours(1), 1, true, vec![made(1)], told(1)),
            (Ours(2), 2, false, vec![made(1), failed(2)], Step::Failed(full())),
            // Others have ended since.
            (Ours(1), 2, false, vec![made(1), made(2)], told(2)),
            (Ours(1), 2, false, vec![made(1), failed(2)], told(1)),
            (Ours(1), 2, true, vec![failed(1), made(2)], told(2)),
            (Ours(1), 3, false, vec![failed(2), failed(3)], Step::LaterFailed(full())),
            // The server was started again, and others may have asked it sooner.
            (Ours(2), 0, false, vec![], Step::Forgotten),
            (Ours(2), 0, true, vec![], Step::Forgotten),
            (Ours(2), 1, false, vec![made(1)], Step::Forgotten),
            (Former(1), 0, true, vec![], Step::LookAgain),
            (Former(1), 1, false, vec![failed(1)], Step::AskAgain),
            (Former(1), 2, true, vec![made(1), made(2)], Step::AskAgain),
            (Former(2), 0, false, vec![], Step::AskAgain),
            (Former(2), 0, true, vec![], Step::AskAgain),
        ] {
            let under_way = is_under_way.then(|| json!({ "started_ms": 3 }));
            let answer = json!({ "under_way": under_way, "ended": ended, "recent": recent });
            assert_eq!(step(awaited, &answer), Some(expected), "{awaited:?}: {answer}");
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
            assert_eq!(step(Ours(1), &answer), None, "{answer}");
        }
    }
}
