//! What a crash would leave on the disk: nothing, since a core holds keys. The relay is the matter of its own tests.

use std::fs;

use restante_process::CORE_DUMPS_VARIABLE;

use crate::{
    lone_gateway::LoneGateway,
    process::Process,
    site::{HUB, Setting, Site},
};

/// Somebody has allowed as much as they may, as some systems do.
const ALLOWED: &str = "ulimit -S -c \"$(ulimit -H -c)\";";

/// How large a core of that process may be, and how large it may be made to be.
fn limits(id: u32) -> [String; 2] {
    let limits = fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).expect("there is a limit");
    let mut words = line.split_whitespace().map(str::to_owned);
    [words.next().unwrap(), words.next().unwrap()]
}

/// The limits of a hub and of a lone gateway that are started behind this shell.
async fn limits_of_both(site: &Site, prologue: &str) -> [[String; 2]; 2] {
    let mut hub = site.start_in_shell(prologue, &Setting::new(HUB)).await;
    let mut gateway = LoneGateway::start(site, (prologue, "info"), "").await;
    let both = [&hub.process, &gateway.process].map(|process: &Process| limits(process.id()));
    hub.process.kill().await;
    gateway.process.kill().await;
    both
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_leaves_no_core_unless_somebody_asks_for_one() {
    let site = Site::new(&[]).await;
    for [now, at_most] in limits_of_both(&site, ALLOWED).await {
        assert_eq!([now, at_most], ["0", "0"]);
    }
    let [_, own] = limits(std::process::id());
    let asked = format!("{ALLOWED} export {CORE_DUMPS_VARIABLE}=1;");
    for [_, at_most] in limits_of_both(&site, &asked).await {
        assert_eq!(at_most, own, "it stays as it was");
    }
}
