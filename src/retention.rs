//! `restante retention`: how retention stands, through the local listener of the running server.

use restante::{client::http::Operation, config::Config};
use serde_json::{Value, json};

use crate::{
    cli::RetentionCommand,
    date::imf_fixdate,
    local_service::{OPERATOR, explain, service},
};

/// What is counted, and how it is called here.
const NUMBERS: [(&str, &str); 8] = [
    ("groups_looked_at", "groups looked at"),
    ("partitions_looked_at", "partitions looked at"),
    ("partitions_emptied", "partitions emptied"),
    ("messages_removed", "messages removed"),
    ("bytes_removed", "bytes removed"),
    ("receipts_removed", "receipts removed"),
    ("presentations_removed", "presentations removed"),
    ("unreadable", "unreadable"),
];

/// The server begins as soon as it has answered.
const BEGINS: &str = "a walk begins now: `restante retention status` shows how it goes";

/// It waits for what stands above that line.
const BEGINS_LATER: &str = "a walk begins when that is over: `restante retention status` shows how it goes";

/// Carries a command out; gives the lines to print.
pub(crate) async fn run(command: &RetentionCommand, config: &Config) -> anyhow::Result<Vec<String>> {
    let operation = match command {
        RetentionCommand::Run(_) => Operation::RunRetention,
        RetentionCommand::Status(_) => Operation::RetentionStatus,
    };
    let asked = service(config, OPERATOR)?.administer(operation, &json!({})).await;
    let document = asked.map_err(|error| explain(error.into()))?;
    let is_asked_for = matches!(command, RetentionCommand::Run(_));
    Ok(lines(&document, idle(is_asked_for, &document)))
}

/// What is said when no walk is under way.
fn idle(is_asked_for: bool, document: &Value) -> &'static str {
    match (is_asked_for, document["rests_until_ms"].is_null()) {
        (true, true) => BEGINS,
        (true, false) => BEGINS_LATER,
        (false, _) => "no walk is under way",
    }
}

/// `idle` is said when no walk is under way.
fn lines(document: &Value, idle: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if !document["rests_until_ms"].is_null() {
        let until = time(&document["rests_until_ms"]);
        lines.push(format!("nothing is removed until {until}: the server was away, or its clock leapt"));
    }
    match &document["under_way"] {
        Value::Null => lines.push(idle.to_owned()),
        walk => {
            lines.push(format!("a walk is under way since {}", time(&walk["started_ms"])));
            lines.extend(numbers(&walk["so_far"]));
        }
    }
    match &document["last"] {
        Value::Null => lines.push("last walk: none has ended yet".to_owned()),
        walk => {
            let [began, ended] = ["started_ms", "ended_ms"].map(|member| time(&walk[member]));
            lines.push(format!("last walk: began {began}, ended {ended}"));
            lines.extend(numbers(&walk["in_all"]));
        }
    }
    lines
}

fn time(milliseconds: &Value) -> String {
    milliseconds.as_u64().map_or("-".to_owned(), imf_fixdate)
}

fn numbers(removed: &Value) -> impl Iterator<Item = String> {
    NUMBERS.iter().map(|(key, name)| {
        let number = removed[*key].as_u64().map_or("-".to_owned(), |number| number.to_string());
        format!("  {name:<21}  {number:>14}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_that_has_to_wait_is_not_said_to_begin() {
        let said = |is_asked_for, rests_until_ms: Value| {
            let document = json!({ "rests_until_ms": rests_until_ms, "under_way": null, "last": null });
            lines(&document, idle(is_asked_for, &document)).join("\n")
        };
        assert!(said(true, Value::Null).starts_with(BEGINS));
        let waits = said(true, json!(1_700_000_000_000_u64));
        assert!(waits.contains("14 Nov 2023") && waits.contains(BEGINS_LATER) && !waits.contains(BEGINS), "{waits}");
        assert!(!said(false, json!(1_700_000_000_000_u64)).contains("begins"));
    }
}
