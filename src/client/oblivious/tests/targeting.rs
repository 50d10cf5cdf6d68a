//! Keys for one client only, from either side; and how long a list is used.

use std::{sync::atomic::Ordering, time::Duration};

use http::{Method, StatusCode};
use ohttp::hpke::Kem;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose};

use super::{
    fetching::{given, giving, package, request},
    gateway::Gateway,
    pki::Authority,
    stage::{Script, Stage, answer, follower, key_list, now},
};
use crate::client::{
    http::ChannelError,
    oblivious::{CertificateFault, FetchError, FetchedKeyPackages, KeyListError},
};

type Fetched = Result<Vec<FetchedKeyPackages>, FetchError>;

fn honest() -> (std::sync::Arc<Gateway>, std::sync::Arc<Script>) {
    let gateway = Gateway::new(Kem::X25519Sha256, giving(vec![given(vec![package("bob")])]));
    let script = Script::honest(&gateway);
    (gateway, script)
}

async fn fetch(stage: &Stage) -> Fetched {
    stage.fetcher().fetch(&follower(), vec![request(b"bob")]).await
}

#[tokio::test]
async fn a_copy_that_differs_is_key_targeting_and_nothing_is_sent() {
    let (gateway, script) = honest();
    let stage = Stage::new(&script).await;
    // A relay that shows its own key to this client.
    let relays_own = Gateway::new(Kem::X25519Sha256, giving(vec![]));
    *script.copy.lock().unwrap() = key_list(relays_own.key_list());
    assert_eq!(fetch(&stage).await, Err(FetchError::KeyTargeting));
    // A gateway that has a key for this client, behind the one that everybody has.
    *script.copy.lock().unwrap() = key_list(gateway.key_list());
    *script.own.lock().unwrap() = key_list([gateway.key_list(), relays_own.key_list()].concat().into());
    assert_eq!(fetch(&stage).await, Err(FetchError::KeyTargeting));
    assert_eq!((script.count(&Method::GET), script.count(&Method::CONNECT)), (4, 4), "two looks each, and no third");
    assert_eq!(script.count(&Method::POST), 0);
    let error = FetchError::KeyTargeting;
    assert!(error.to_string().contains("key targeting") && !error.is_transient(), "{error}");
    assert!(error.to_string().contains("up to 12 hours"), "{error}");
}

#[tokio::test]
async fn a_change_that_one_side_has_sooner_is_waited_for() {
    let (old, script) = honest();
    let new = Gateway::new(Kem::X25519Sha256, giving(vec![given(vec![package("bob")])]));
    let stage = Stage::new(&script).await;
    let gateway = std::sync::Arc::clone(&new);
    script.on_forward(move |arrived| answer(StatusCode::OK, "message/ohttp-res", gateway.serve(&arrived.body)));
    let (old, new) = (key_list(old.key_list()), key_list(new.key_list()));
    (*script.own.lock().unwrap(), *script.copy.lock().unwrap()) = (new.clone(), new);
    for before in [&script.copy_before, &script.own_before] {
        before.lock().unwrap().push(old.clone());
        let (pause, begun) = (Duration::from_millis(100), tokio::time::Instant::now());
        let fetcher = stage.fetcher().with_second_look_after(pause);
        let fetched = fetcher.fetch(&follower(), vec![request(b"bob")]).await.unwrap();
        assert!(fetched[0].key_packages.len() == 1 && begun.elapsed() >= pause);
    }
    assert_eq!((script.count(&Method::GET), script.count(&Method::CONNECT), script.count(&Method::POST)), (4, 4, 2));
}

#[tokio::test]
async fn a_second_look_compares_what_it_sees_itself_and_excuses_nobody() {
    let (gateway, script) = honest();
    let other = Gateway::new(Kem::X25519Sha256, giving(vec![]));
    let stage = Stage::new(&script).await;
    let (own, other) = (key_list(gateway.key_list()), key_list(other.key_list()));
    let unavailable = answer(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "");
    // Crosswise; a relay, and a gateway, that showed another list and then none.
    for ([own_before, own], [copy_before, copy]) in [
        ([&own, &other], [&other, &own]),
        ([&own, &own], [&other, &unavailable]),
        ([&other, &unavailable], [&own, &own]),
    ] {
        (*script.own.lock().unwrap(), *script.copy.lock().unwrap()) = (own.clone(), copy.clone());
        script.own_before.lock().unwrap().push(own_before.clone());
        script.copy_before.lock().unwrap().push(copy_before.clone());
        assert_eq!(fetch(&stage).await, Err(FetchError::KeyTargeting));
    }
    assert_eq!(script.count(&Method::POST), 0);
}

#[tokio::test]
async fn a_relay_that_ends_the_tunnel_itself_is_found_out() {
    // It serves one list everywhere, but has no certificate for the gateway's name.
    let (_, script) = honest();
    let authority = Authority::new();
    let impostor = authority.server("relay.test", &["http/1.1"]);
    let stage = Stage::with_gateway(authority, impostor, &script).await;
    assert_eq!(fetch(&stage).await, Err(FetchError::NotTheGateway(CertificateFault::Name)));
    // Or one of an authority of its own; or of one that calls itself like ours.
    for (relays_own, fault) in
        [(Authority::named("the relay"), CertificateFault::Authority), (Authority::new(), CertificateFault::Other)]
    {
        let impostor = relays_own.server("follower.example", &["http/1.1"]);
        let stage = Stage::with_gateway(Authority::new(), impostor, &script).await;
        assert_eq!(fetch(&stage).await, Err(FetchError::NotTheGateway(fault)));
    }
    assert_eq!(script.count(&Method::POST), 0);
    assert!(script.asked.lock().unwrap().is_empty(), "nobody was asked for a list");
    let error = FetchError::NotTheGateway(CertificateFault::Name);
    assert!(error.to_string().contains("key targeting") && !error.is_transient(), "{error}");
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_now_or_for_servers_is_refused_as_that() {
    let (_, script) = honest();
    let day = Duration::from_secs(24 * 60 * 60);
    let named = || CertificateParams::new(vec!["follower.example".to_owned()]).unwrap();
    let mut expired = named();
    (expired.not_before, expired.not_after) = ((now() - 2 * day).into(), (now() - day).into());
    let mut early = named();
    (early.not_before, early.not_after) = ((now() + day).into(), (now() + 2 * day).into());
    let mut for_clients = named();
    for_clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    for (params, fault) in
        [(expired, CertificateFault::Time), (early, CertificateFault::Time), (for_clients, CertificateFault::Other)]
    {
        let authority = Authority::new();
        let gateway = authority.certified(params, &["http/1.1"]);
        let stage = Stage::with_gateway(authority, gateway, &script).await;
        assert_eq!(fetch(&stage).await, Err(FetchError::NotTheGateway(fault)));
    }
    assert!(script.asked.lock().unwrap().is_empty(), "nobody was asked for a list");
}

#[tokio::test]
async fn lists_that_are_none_are_told_apart() {
    let (gateway, script) = honest();
    let stage = Stage::new(&script).await;
    let list = gateway.key_list();
    for (own, copy, error) in [
        (
            answer(StatusCode::NOT_FOUND, "text/plain", ""),
            key_list(list.clone()),
            FetchError::NoKeyList { status: 404 },
        ),
        (
            key_list(list.clone()),
            answer(StatusCode::BAD_GATEWAY, "text/plain", ""),
            FetchError::NoKeyList { status: 502 },
        ),
        (
            answer(StatusCode::OK, "text/html", list.clone()),
            key_list(list.clone()),
            FetchError::NoKeyList { status: 200 },
        ),
        (answer(StatusCode::FOUND, "text/plain", ""), key_list(list.clone()), FetchError::NoKeyList { status: 302 }),
        (key_list(list.slice(1..)), key_list(list.slice(1..)), KeyListError::Encoding.into()),
        (
            key_list(list.repeat(1000).into()),
            key_list(list.clone()),
            FetchError::Gateway(ChannelError::ResponseTooLarge),
        ),
        (key_list(list.clone()), key_list(list.repeat(1000).into()), FetchError::Relay(ChannelError::ResponseTooLarge)),
    ] {
        (*script.own.lock().unwrap(), *script.copy.lock().unwrap()) = (own, copy);
        assert_eq!(fetch(&stage).await, Err(error));
    }
    assert_eq!(script.count(&Method::POST), 0);
}

#[tokio::test]
async fn a_relay_that_opens_no_tunnel_says_why() {
    let (_, script) = honest();
    let stage = Stage::new(&script).await;
    for (status, error) in [
        (StatusCode::PROXY_AUTHENTICATION_REQUIRED, FetchError::RelayToken),
        (StatusCode::FORBIDDEN, FetchError::Unsealed { status: 403, retry_after: None }),
        (StatusCode::SERVICE_UNAVAILABLE, FetchError::Unsealed { status: 503, retry_after: None }),
    ] {
        *script.tunnel.lock().unwrap() = status;
        assert_eq!(fetch(&stage).await, Err(error));
    }
}

#[tokio::test]
async fn a_list_is_asked_for_once_while_it_may_be_used() {
    let (gateway, script) = honest();
    let stage = Stage::new(&script).await;
    let fetcher = stage.fetcher();
    for _ in 0..3 {
        fetcher.fetch(&follower(), vec![request(b"bob")]).await.unwrap();
    }
    assert_eq!((script.count(&Method::CONNECT), script.count(&Method::GET)), (1, 1));
    assert_eq!(script.count(&Method::POST), 3);
    // One connection for the tunnel, one pooled for the rest (two at most, when both were dialled at once).
    assert!(script.connections.load(Ordering::Relaxed) <= 3);

    // No max-age: used for the one request.
    *script.own.lock().unwrap() = answer(StatusCode::OK, "application/ohttp-keys", gateway.key_list());
    let fetcher = stage.fetcher();
    for _ in 0..2 {
        fetcher.fetch(&follower(), vec![request(b"bob")]).await.unwrap();
    }
    assert_eq!((script.count(&Method::CONNECT), script.count(&Method::GET)), (3, 3));
}
