//! `restante backup`: backups are made through the local listener of the running server; everything else is done on files
//! that no server has open.

use std::time::Duration;

use anyhow::{Context, bail};
use restante::{
    client::http::Operation,
    config::Config,
    server::{self, RestoreError, Restored},
};
use restante_process::console::say;
use serde_json::json;

use crate::{
    cli::{BackupCommand, ChosenBackup},
    date::imf_fixdate,
    db::progress,
    local_service::{OPERATOR, explain, service},
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
                bail!("backup {} is damaged", backup.id);
            }
            Ok(vec![format!("backup {} is sound", backup.id)])
        }
        BackupCommand::Restore(ChosenBackup { backup, .. }) => {
            let Restored { backup, users } = server::restore(config, *backup, &mut progress).await.map_err(hint)?;
            Ok(vec![
                format!("restored: {}", line(backup.id.into(), backup.made_ms, backup.bytes)),
                format!("all tokens are revoked, and the KeyPackages of {users} users removed"),
                "bans, deletions of groups and everything else that came after the backup are to be done again"
                    .to_owned(),
            ])
        }
    }
}

async fn create(config: &Config) -> anyhow::Result<Vec<String>> {
    let service = service(config, OPERATOR)?;
    let ask = async |operation| service.administer(operation, &json!({})).await.map_err(|error| explain(error.into()));
    let mut document = ask(Operation::CreateBackup).await?;
    if document["nowhere"] == true {
        bail!("the running server has no store.backup_path: name a folder, and restart it");
    }
    let ended = async |mut document: serde_json::Value| {
        while !document["under_way"].is_null() {
            tokio::time::sleep(ASK_EVERY).await;
            document = ask(Operation::BackupStatus).await?;
        }
        anyhow::Ok(document)
    };
    if document["began"] == false {
        // What was acknowledged lately may not be in that one. Whatever is begun behind it was begun after this was called.
        ended(document).await?;
        document = ask(Operation::CreateBackup).await?;
    }
    let document = ended(document).await?;
    let last = &document["last"];
    if let Some(failed) = last["failed"].as_str() {
        bail!("no backup was made: {failed}");
    }
    let number = |member: &str| last[member].as_u64();
    let made = number("id").zip(number("made_ms")).zip(number("bytes"));
    let ((id, made_ms), bytes): ((u64, u64), u64) = made.context("the server's answer is not understood")?;
    Ok(vec![line(id, made_ms, bytes)])
}

fn line(id: u64, made_ms: u64, bytes: u64) -> String {
    format!("backup {id}  {}  {bytes} bytes", imf_fixdate(made_ms))
}

/// What the operator can do about it.
fn hint(error: RestoreError) -> anyhow::Error {
    let damaged = matches!(error, RestoreError::Damaged(_));
    let error = anyhow::Error::from(error);
    if damaged { error.context("try an earlier one: `restante backup list`") } else { error }
}
