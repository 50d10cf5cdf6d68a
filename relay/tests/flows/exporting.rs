//! Metrics that are pushed to a collector, if the operator wants it.

use crate::{
    collector::{Collector, Manner, assert_between},
    gateway::{FOLLOWER, Gateway},
    site::{Site, gateway_table},
};

const RELAYED: &str = "restante_relay_requests_total{outcome=\"relayed\"}";

fn exports(outcome: &str) -> String {
    format!("restante_relay_exports_total{{outcome=\"{outcome}\"}}")
}

/// With one gateway, and these tables.
fn configure(site: &Site, gateway: &Gateway, more: &str) {
    site.configure_gateways("", &[&gateway_table(FOLLOWER, gateway.address), more].concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_exported_is_what_metrics_shows_and_the_last_one_comes_at_the_end() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let mut collector = Collector::start().await;
    let token = site.mint().await;
    configure(&site, &gateway, &collector.table(1));
    let mut relay = site.start().await;
    let mut client = site.client(&relay).await;
    assert_eq!(client.post(&token, "x").await.status, 200);
    relay.metric_is(RELAYED, 1).await;
    let before = collector.later().await;
    let (_, shown) = relay.admin("/metrics").await;
    let after = collector.later().await;
    assert_between(&before, &shown, &after);
    assert_eq!(before.number(RELAYED), 1);
    let (start, first) = before.span();
    let (same_start, second) = after.span();
    assert!(start == same_start && start <= first && first < second, "{start} {first} {second}");
    // What comes now is rare, and has it all.
    configure(&site, &gateway, &collector.table(3600));
    relay.process.reload().await;
    assert_eq!(client.post(&token, "y").await.status, 200);
    relay.metric_is(RELAYED, 2).await;
    drop(collector.rest());
    relay.process.signal("TERM").await;
    assert_eq!(relay.process.ended().await.code(), Some(0));
    let last = collector.rest().pop().expect("a last export");
    assert_eq!((last.number(RELAYED), last.span().0), (2, start));
    for exported in [before, after, last] {
        exported.assert_closed("restante-relay");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_connected_to_unless_it_is_configured() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let mut collector = Collector::start().await;
    // Taken out before anything was due: there is no last one either.
    configure(&site, &gateway, &collector.table(3600));
    let mut relay = site.start().await;
    configure(&site, &gateway, "");
    relay.process.reload().await;
    relay.process.signal("TERM").await;
    assert_eq!(relay.process.ended().await.code(), Some(0));
    assert_eq!(collector.connections(), 0);
    // Put in while it serves.
    let relay = site.start().await;
    configure(&site, &gateway, &collector.table(1));
    assert_eq!(collector.connections(), 0);
    relay.process.reload().await;
    collector.next().await.assert_closed("restante-relay");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_not_well_disturbs_nothing_and_is_told_once() {
    const FAILS: &str = "\"metrics cannot be exported\"";
    const WELL: &str = "\"metrics are exported again\"";
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let collector = Collector::start().await;
    collector.behave(Manner::Silent);
    let token = site.mint().await;
    configure(&site, &gateway, &collector.table(1));
    let mut relay = site.start().await;
    let mut client = site.client(&relay).await;
    relay.metric_reaches(&exports("timeout"), 2).await;
    assert_eq!(client.post(&token, "x").await.status, 200);
    relay.process.has_logged(FAILS, 1).await;
    collector.behave(Manner::Takes);
    relay.metric_reaches(&exports("done"), 1).await;
    relay.process.has_logged(WELL, 1).await;
    collector.behave(Manner::Answers(500));
    relay.metric_reaches(&exports("refused"), 2).await;
    assert_eq!(client.post(&token, "y").await.status, 200);
    drop(collector);
    relay.metric_reaches(&exports("unreachable"), 2).await;
    assert_eq!(client.post(&token, "z").await.status, 200);
    relay.process.signal("TERM").await;
    assert_eq!(relay.process.ended().await.code(), Some(0), "a collector that is gone does not cut the drain short");
    let log = relay.process.logged();
    assert_eq!((log.matches(FAILS).count(), log.matches(WELL).count()), (2, 1), "{log}");
    assert!(log.contains("\"reason\":\"timeout\"") && log.contains("\"reason\":\"refused\""), "{log}");
    assert!(!log.contains("canary") && !log.contains("v1/metrics"), "{log}");
}
