//! Metrics that are pushed to a collector, if the operator wants it.

use std::fs;

use crate::{
    collector::{Collector, Manner, assert_between},
    origin::Origin,
    site::Site,
};

const ANSWERED: &str = "restante_gateway_requests_total{outcome=\"answered\"}";

#[tokio::test]
async fn what_is_exported_is_what_metrics_shows_and_the_last_one_comes_at_the_end() {
    let (origin, mut collector) = (Origin::start().await, Collector::start().await);
    let site = Site::new(origin.address, &collector.table(1));
    let mut running = site.start().await;
    assert_eq!(running.ask("question").await.0, 200);
    let before = collector.later().await;
    let (_, shown) = running.admin("/metrics").await;
    let after = collector.later().await;
    assert_between(&before, &shown, &after);
    assert_eq!(before.number(ANSWERED), 1);
    // What comes now is rare, and has it all.
    let text = fs::read_to_string(site.config()).unwrap();
    fs::write(site.config(), text.replace(&collector.table(1), &collector.table(3600))).unwrap();
    running.process.signal("HUP").await;
    running.process.has_logged("\"reloaded\"").await;
    assert_eq!(running.ask("another").await.0, 200);
    drop(collector.rest());
    running.process.finish().await;
    let last = collector.rest().pop().expect("a last export");
    assert_eq!((last.number(ANSWERED), last.span().0), (2, before.span().0));
    for exported in [before, after, last] {
        exported.assert_closed("restante-gateway");
    }
}

#[tokio::test]
async fn a_collector_that_never_answers_disturbs_nothing_and_is_told_once() {
    let (origin, mut collector) = (Origin::start().await, Collector::start().await);
    collector.behave(Manner::Silent);
    let mut running = Site::new(origin.address, &collector.table(1)).start().await;
    let last = loop {
        assert_eq!(running.ask("question").await.0, 200);
        let exported = collector.next().await;
        if exported.number("restante_gateway_exports_total{outcome=\"timeout\"}") == 2 {
            break exported;
        }
    };
    assert_eq!(last.number("restante_gateway_exports_total{outcome=\"done\"}"), 0);
    running.process.finish().await;
    let log = running.process.logged();
    assert_eq!(log.matches("\"metrics cannot be exported\"").count(), 1, "{log}");
    assert!(!log.contains("canary") && !log.contains("v1/metrics"), "{log}");
}
