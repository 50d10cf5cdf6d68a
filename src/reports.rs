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

/// Reports, each with those it came from below it: lines that a terminal of 80 columns does not break.
fn lines(answer: &Value) -> Option<Vec<String>> {
    let row = |about: &str, reason: &str, number: &str, last: &str| {
        format!("{about:<30}  {reason:<16}  {number:>10}  {last}")
    };
    let reports = answer["reports"].as_array()?;
    let heading = || row("about", "reason", "number", "last");
    let mut lines = vec![if reports.is_empty() { "nothing was reported".to_owned() } else { heading() }];
    for report in reports {
        let [about, reason, from] = ["about", "reason", "from"].map(|member| report[member].as_str());
        let [first, last] = ["first_ms", "last_ms"].map(|member| report[member].as_u64().map(day));
        lines.push(row(about?, reason?, &report["number"].as_u64()?.to_string(), &last?));
        lines.push(format!("  from users of {}, since {}", from?, first?));
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_fits_a_terminal() {
        let report = json!({
            "about": "messages-of-our-town.example", "reason": "policy_violation",
            "from": "another-town-has-messages.example", "number": u32::MAX,
            "first_ms": 1_600_000_000_000_u64, "last_ms": 1_700_000_000_000_u64,
        });
        let lines = lines(&json!({ "reports": [report] })).unwrap();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:?}");
        assert!(lines[1].ends_with("4294967295  Tue, 14 Nov 2023"), "{lines:?}");
        assert_eq!(lines[2], "  from users of another-town-has-messages.example, since Sun, 13 Sep 2020");
    }
}
