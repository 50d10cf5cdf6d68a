//! An operator who has backups made, one after the other: each whole, or none.

use std::time::Duration;

use restante::client::http::Operation;
use serde_json::{Value, json};

use super::Load;
use crate::world::Provider;

/// Between two looks at a backup that is being made.
const STEP: Duration = Duration::from_millis(20);

pub(super) async fn back_up(mut load: Load, at: Provider) {
    let mut dice = load.dice(at, "archivist");
    let operator = load.world.user(at, "archivist");
    while !load.is_stopping() {
        let pause = dice.millis(100, 900);
        load.rest(pause).await;
        let mut operation = Operation::CreateBackup;
        loop {
            let ask = async || operator.administer(operation, &json!({})).await;
            let Some(status) = load.answered("a backup", ask).await else { return };
            // A hub that was killed meanwhile knows of none.
            if let Some(why) = status["last"]["failed"].as_str() {
                load.model.hold(Err(format!("{at:?}: no backup was made: {why}")));
                return;
            }
            if status["under_way"].is_null() {
                load.model.note_backup(status["last"] != Value::Null);
                break;
            }
            operation = Operation::BackupStatus;
            load.rest(STEP).await;
        }
    }
}
