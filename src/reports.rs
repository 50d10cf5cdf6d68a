//! `restante reports`: what was reported of other providers, through the local listener of the running server.

use anyhow::Context;
use restante::{client::http::Operation, config::Config};
use serde_json::{Value, json};

use crate::{
    cli::ReportsCommand,
    date::day,
    local_service::{OPERATOR, UNREADABLE, explain, service},
};

/// Carries a command out; gives the lines to print.
pub(crate) async fn run(command: &ReportsCommand, config: &Config) -> anyhow::Result<Vec<String>> {
    match command {
        ReportsCommand::List(_) => {
            let asked = service(config, OPERATOR)?.administer(Operation::ListReports, &json!({})).await;
            lines(&asked.map_err(|error| explain(error.into()))?).context(UNREADABLE)
        }
    }
}

fn lines(answer: &Value) -> Option<Vec<String>> {
    let heading =
        format!("{:<30}  {:<16}  {:<30}  {:>8}  {:<16}  last", "about", "reason", "from users of", "number", "first");
    let reports = answer["reports"].as_array()?;
    let mut lines = vec![if reports.is_empty() { "nothing was reported".to_owned() } else { heading }];
    for report in reports {
        let [about, reason, from] = ["about", "reason", "from"].map(|member| report[member].as_str());
        let [first, last] = ["first_ms", "last_ms"].map(|member| report[member].as_u64().map(day));
        let number = report["number"].as_u64()?;
        lines.push(format!("{:<30}  {:<16}  {:<30}  {number:>8}  {:<16}  {}", about?, reason?, from?, first?, last?));
    }
    Some(lines)
}
