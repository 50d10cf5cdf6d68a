//! Handlers that panic, as over a bug, in a relay and in a gateway that stands alone: each ends its own request, and is
//! counted. What `crate::bugs` says of a hub.

use restante::wire::{BearerTokenKind, KeyPackageStatus};
use restante_faults::Point;

use super::{
    sealed::{encapsulate_for, open},
    world::{World, fetch, request},
};
use crate::{
    bugs::{armed, assert_unquoted, reported},
    fixtures::metrics::number,
    https::Place,
    lone_gateway::{LoneGateway, WELL_KNOWN},
    relay::ask,
    site::{FOLLOWER, Site},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_s_handler_that_panics_ends_its_request_and_no_other() {
    let mut world = World::with_relay_in_shell(&armed(Point::RelayBeforeGateway, 2)).await;
    world.upload("bob", 1, 4).await;
    let token = world.mint("bob", BearerTokenKind::Shared).await;
    let (fetcher, other) = (world.fetcher(), world.fetcher());
    assert_eq!(fetch(&fetcher, "bob", &token).await.unwrap().status, KeyPackageStatus::Ok);
    let lost = fetch(&fetcher, "bob", &token).await.expect_err("the handler of this one panics");
    assert!(lost.is_transient(), "nothing is known of it: {lost:?}");
    // Over the connection that was asked for the panic, and over another one.
    for fetcher in [&fetcher, &other] {
        assert_eq!(fetch(fetcher, "bob", &token).await.unwrap().status, KeyPackageStatus::Ok);
    }
    assert_eq!(world.available("bob").await, 1, "the gateway has not heard of the one that was lost");

    let reported = reported(&world.relay.process);
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert_eq!(reported[0]["file"], "relay/src/relay.rs");
    let metrics = world.relay.admin("/metrics").await;
    assert_unquoted(&metrics);
    assert_eq!(number(&metrics, "restante_relay_panics_total"), 1);
    for gauge in ["restante_relay_requests_reading", "restante_relay_requests_in_flight"] {
        assert_eq!(number(&metrics, gauge), 0, "{gauge}");
    }
    // What they have open would hold up its end.
    drop((fetcher, other));
    world.relay.process.terminate().await;
    assert!(world.relay.process.ended().await.success(), "{}", world.relay.process.logged());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_gateway_s_handler_that_panics_ends_its_request_and_no_other() {
    let site = Site::new(&[]).await;
    let mut gateway = LoneGateway::start(&site, (&armed(Point::GatewayBeforeTarget, 2), "debug"), "").await;
    let authority = site.pki.authority();
    let server = Place { authority: &authority, name: FOLLOWER, address: gateway.address };
    let list = server.exchange(&format!("GET {WELL_KNOWN}"), "", b"").await;
    let (line, fields) = (format!("POST {WELL_KNOWN}"), "content-type: message/ohttp-req\r\n");
    for passing in 1..=3 {
        let (encapsulated, context) = encapsulate_for(FOLLOWER, &list.body, vec![request("bob", b"any token")]);
        if passing == 2 {
            let lost = server.attempt(&line, fields, &encapsulated).await;
            assert_eq!(lost.unwrap_or_default(), b"", "the handler of this one panics");
            continue;
        }
        let (status, _) = open(context, &server.exchange(&line, fields, &encapsulated).await);
        assert!(status >= 500, "the origin is away: {status}");
    }

    let reported = reported(&gateway.process);
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert_eq!(reported[0]["file"], "gateway/src/gateway/dispatch.rs");
    let metrics = ask(gateway.admin, "/metrics").await;
    assert_unquoted(&metrics);
    assert_eq!(number(&metrics, "restante_gateway_panics_total"), 1);
    gateway.process.terminate().await;
    assert!(gateway.process.ended().await.success(), "{}", gateway.process.logged());
}
