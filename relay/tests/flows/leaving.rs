//! Users who leave before they are answered: what their gateway and the others notice of it, which is nothing.

use std::pin::pin;

use http::Method;
use tokio::sync::watch;

use crate::{
    client::encapsulated,
    gateway::{Gateway, Reaction, answer},
    site::Site,
};

const IN_FLIGHT: &str = "restante_relay_requests_in_flight";
/// More than an HTTP/2 server bears with, if they are reset early.
const LEFT: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_leaves_is_not_missed_upstream_and_takes_no_connection_along() {
    let site = Site::new();
    let limits = format!("requests_per_minute_per_user = 6000\nburst_per_user = 500\nin_flight_per_user = {LEFT}");
    for alpn in [&b"h2"[..], b"http/1.1"] {
        let gateway = Gateway::start(&site.pki, &[alpn]).await;
        let (answered, when) = watch::channel(false);
        let late = when.clone();
        gateway.react(move |arrival| match &arrival.content[..] {
            b"leaves" => Reaction::Later(late.clone(), answer(200, "message/ohttp-res", "sealed")),
            _ => Reaction::Answer(answer(200, "message/ohttp-res", "sealed")),
        });
        let stayer = site.mint().await;
        let (relay, leaver) = site.relay_to(gateway.address, &limits).await;
        let mut client = site.client(&relay).await;
        for left in 1..=LEFT {
            // When this is dropped, its stream is reset.
            let asking = pin!(client.send(encapsulated(&leaver, "leaves")));
            tokio::select! {
                _ = asking => panic!("answered"),
                () = gateway.has_arrivals(&Method::POST, left) => {}
            }
        }
        // On the same connections, behind whatever the relay says about those that left.
        assert_eq!(client.post(&stayer, "stays").await.status, 200);
        assert_eq!((gateway.abandoned(), relay.metric(IN_FLIGHT).await), (0, LEFT as u64));
        // They are under way as long as the gateway takes: nobody gets more by leaving.
        let refused = client.post(&leaver, "stays").await;
        assert_eq!((refused.status, refused.problem()), (429, "too_many_at_once".to_owned()));
        // The same for one whose whole connection goes.
        drop(client);
        answered.send_replace(true);
        relay.metric_is(IN_FLIGHT, 0).await;
        let mut client = site.client(&relay).await;
        assert_eq!(client.post(&leaver, "stays").await.status, 200);
        assert_eq!(gateway.abandoned(), 0);
        if alpn == b"h2" {
            assert_eq!(gateway.connections(), 1, "one for the key list and for everybody");
        }
    }
}

/// What nobody waits for does not hold up the end of the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_does_not_wait_for_exchanges_that_nobody_waits_for() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    gateway.react(|_| Reaction::Hang);
    let limits = "exchange_timeout_seconds = 600\ndrain_seconds = 600";
    let (mut relay, token) = site.relay_to(gateway.address, limits).await;
    let mut client = site.client(&relay).await;
    {
        let asking = pin!(client.send(encapsulated(&token, "leaves")));
        tokio::select! {
            _ = asking => panic!("answered"),
            () = gateway.has_arrivals(&Method::POST, 1) => {}
        }
    }
    assert_eq!(relay.metric(IN_FLIGHT).await, 1);
    drop(client);
    relay.process.signal("TERM").await;
    assert_eq!(relay.process.ended().await.code(), Some(0));
}
