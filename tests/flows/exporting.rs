//! Metrics that are pushed to a collector, if the operator wants it.

use crate::{
    collector::{Collector, Manner, assert_between},
    people::Person as _,
    relay::ask,
    reloading::told,
    site::{HUB, Provider, Setting, Site},
};

const MINTED: &str =
    "restante_hub_requests_total{listener=\"local\",operation=\"/v1/local/mint-group-id\",outcome=\"answered\"}";

/// The hub with these tables.
fn setting(more: &str) -> Setting {
    Setting { more: more.to_owned(), log: "info", ..Setting::new(HUB) }
}

/// What `/metrics` shows.
async fn shown(hub: &Provider) -> String {
    let answer = ask(hub.local_tcp(), "/metrics").await;
    answer.split_once("\r\n\r\n").expect("a head and a body").1.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_exported_is_what_metrics_shows_and_the_last_one_comes_at_the_end() {
    let (site, mut collector) = (Site::new(&[]).await, Collector::start().await);
    let mut hub = site.start(&setting(&collector.table(1))).await;
    let alice = hub.user("alice");
    let group = alice.found().await;
    alice.say(&group, 0, "something to count").await.unwrap();
    let before = collector.later().await;
    let shown = shown(&hub).await;
    let after = collector.later().await;
    assert_between(&before, &shown, &after);
    assert_eq!(before.number(MINTED), 1);
    assert!(before.number("restante_hub_batch_commands_count{lane=\"groups\"}") > 0);
    // What comes now is rare, and has it all.
    site.configure(&setting(&collector.table(3600)));
    hub.process.reload().await;
    assert_eq!(told(&hub.process, "\"reloaded\"")["changed"].as_str(), Some("export"));
    alice.mint_group_id().await.unwrap();
    drop(collector.rest());
    hub.process.terminate().await;
    assert_eq!(hub.process.ended().await.code(), Some(0));
    let last = collector.rest().pop().expect("a last export");
    assert_eq!((last.number(MINTED), last.span().0), (2, before.span().0));
    assert_eq!(last.number("restante_hub_ready"), 0, "it drains");
    for exported in [before, after, last] {
        exported.assert_closed("restante");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_connected_to_unless_it_is_configured() {
    let (site, mut collector) = (Site::new(&[]).await, Collector::start().await);
    // Taken out before anything was due: there is no last one either.
    let mut hub = site.start(&setting(&collector.table(3600))).await;
    site.configure(&setting(""));
    hub.process.reload().await;
    hub.process.terminate().await;
    assert_eq!(hub.process.ended().await.code(), Some(0));
    assert_eq!(collector.connections(), 0);
    // Put in while it serves; first with a file that is not there.
    let hub = site.start(&setting("")).await;
    let broken = format!("{}authorization_file = \"nowhere\"\n", collector.table(1));
    site.configure(&setting(&broken));
    hub.process.hang_up().await;
    hub.process.has_logged("the new configuration was not taken", 1).await;
    assert_eq!(collector.connections(), 0);
    site.configure(&setting(&collector.table(1)));
    hub.process.reload().await;
    collector.next().await.assert_closed("restante");
    hub.process.has_logged("\"metrics are exported\"", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_not_well_disturbs_nothing_and_is_told_once() {
    let (site, mut collector) = (Site::new(&[]).await, Collector::start().await);
    collector.behave(Manner::Silent);
    let mut hub = site.start(&setting(&collector.table(1))).await;
    let alice = hub.user("alice");
    let group = alice.found().await;
    for (manner, outcome) in
        [(Manner::Silent, "timeout"), (Manner::Answers(500), "refused"), (Manner::HangsUp, "broken")]
    {
        collector.behave(manner);
        let name = format!("restante_hub_exports_total{{outcome=\"{outcome}\"}}");
        while collector.next().await.number(&name) < 2 {}
        alice.say(&group, 0, outcome).await.unwrap();
    }
    drop(collector);
    hub.process.terminate().await;
    assert_eq!(hub.process.ended().await.code(), Some(0), "a collector that is gone does not cut the drain short");
    let log = hub.process.logged();
    assert_eq!(log.matches("\"metrics cannot be exported\"").count(), 1, "{log}");
    assert!(!log.contains("canary") && !log.contains("v1/metrics"), "{log}");
}
