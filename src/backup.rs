//! `restante backup`: backups are made through the local listener of the running server; everything else is done on files
//! that no server has open.

use std::time::Duration;

use anyhow::{Context, bail};
use restante::{
    client::http::Operation,
    config::Config,
    server::{self, RestoreError, Restored},
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

/// Carries a command out; gives the lines to print.
pub(crate) async fn run(command: &BackupCommand, config: &Config) -> anyhow::Result<Vec<String>> {
    match command {
        BackupCommand::Create(_) => create(config).await,
        BackupCommand::List(_) => {
            let backups = server::backups(config)?;
            if backups.is_empty() {
                return Ok(vec!["there is no backup".to_owned()]);
            }
            let lines = backups.iter().map(|backup| line(backup.id.into(), backup.made_ms, backup.bytes));
            Ok(lines.collect())
        }
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

async fn create(config: &Config) -> anyhow::Result<Vec<String>> {
    let service = service(config, OPERATOR)?;
    let ask = async |operation| service.administer(operation, &json!({})).await.map_err(|error| explain(error.into()));
    let mut asked = ask(Operation::CreateBackup).await?;
    if asked["nowhere"] == true {
        bail!("the running server has no store.backup_path: name a folder, and restart it");
    }
    // The one that the answer is about, which others may be begun behind.
    let ended = async |asked: Value| {
        let number = asked["number"].as_u64().context(UNREADABLE)?;
        let mut document = asked;
        while document["ended"].as_u64().context(UNREADABLE)? < number {
            if document["under_way"].is_null() {
                bail!("the server was started again meanwhile: `restante backup list` says whether it is there");
            }
            tokio::time::sleep(ASK_EVERY).await;
            document = ask(Operation::BackupStatus).await?;
        }
        anyhow::Ok(document)
    };
    if asked["began"] == false {
        // What was acknowledged lately may not be in that one. Whatever is begun behind it was begun after this was called.
        ended(asked).await?;
        asked = ask(Operation::CreateBackup).await?;
    }
    let number = asked["number"].as_u64();
    let document = ended(asked).await?;
    // If others have ended since it did, the last of them is told: it has all that this one has, which may be gone for it.
    let last = &document["last"];
    if let Some(failed) = last["failed"].as_str() {
        if document["ended"].as_u64() != number {
            bail!("a later backup was not made: {failed}; `restante backup list` says whether this one is there");
        }
        bail!("no backup was made: {failed}");
    }
    let number = |member: &str| last[member].as_u64();
    let made = number("id").zip(number("made_ms")).zip(number("bytes"));
    let ((id, made_ms), bytes): ((u64, u64), u64) = made.context(UNREADABLE)?;
    Ok(vec![line(id, made_ms, bytes)])
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
