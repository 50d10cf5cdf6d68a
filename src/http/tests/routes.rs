//! Which paths there are, on which listener, and that nothing else is answered.

use axum::http::{Method, StatusCode};

use super::{Call, House, Listener, application};
use crate::service::setup::key;

const BOTH: [&str; 8] = [
    "/v1/report",
    "/v1/send",
    "/v1/receive",
    "/v1/receive-literal",
    "/v1/external-join",
    "/v1/external-proposal",
    "/v1/group-info",
    "/v1/join-token",
];
const PROVIDER: [&str; 5] = ["/v1/bans", "/v1/welcome-init", "/v1/welcome", "/v1/subscribe", "/v1/push"];
const LOCAL: [&str; 29] = [
    "/admin/bans/add",
    "/admin/bans/remove",
    "/admin/bans/list",
    "/admin/reports/list",
    "/v1/local/leave-group",
    "/v1/local/mint-group-id",
    "/v1/local/create-group",
    "/v1/local/delete-group",
    "/v1/local/upload-key-packages",
    "/v1/local/register-key-packages",
    "/v1/local/delete-key-packages",
    "/v1/local/key-package-status",
    "/v1/local/fetch-key-packages",
    "/v1/local/mint-token",
    "/v1/local/revoke-token",
    "/v1/local/list-tokens",
    "/v1/local/inbox",
    "/v1/local/inbox-ack",
    "/admin/revoke-all-tokens",
    "/admin/delete-all-key-packages",
    "/admin/retention/run",
    "/admin/retention/status",
    "/admin/backup/create",
    "/admin/backup/status",
    "/admin/forks/list",
    "/admin/forks/show",
    "/admin/forks/foresee",
    "/admin/forks/terminate",
    "/admin/forks/restore",
];
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];

#[tokio::test]
async fn paths_of_one_listener_are_not_on_the_other() {
    let house = House::new();
    for path in LOCAL.into_iter().chain(HEALTH) {
        for method in [Method::POST, Method::GET] {
            let call = Call { method, ..Call::provider(path, "") };
            assert_eq!(call.answer(&house).await.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
    for path in PROVIDER {
        assert_eq!(Call::local(path, "").answer(&house).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn other_paths_are_not_found() {
    let house = House::new();
    for path in ["/", "/v1", "/v1/send/", "/v2/send", "/v1/Send", "/v1/ban", "/v1/local", "/v1/send/x"] {
        assert_eq!(Call::local(path, "").answer(&house).await.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(Call::provider(path, "").answer(&house).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let house = House::new();
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS, Method::HEAD] {
        for path in BOTH.into_iter().chain(LOCAL) {
            let call = Call { method: method.clone(), ..Call::local(path, "") };
            assert_eq!(call.answer(&house).await.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        }
        for path in BOTH.into_iter().chain(PROVIDER) {
            let call = Call { method: method.clone(), ..Call::provider(path, "") };
            assert_eq!(call.answer(&house).await.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        }
    }
}

/// Nothing is read from a query.
#[tokio::test]
async fn a_query_means_nothing() {
    let house = House::new();
    let group = house.setup.group().await;
    let call = Call::local("/v1/send?user=other&expect=none", application(&group, b"text"));
    call.answer(&house).await.assert_ok();
    assert_eq!(house.messages(&group, 0).await, 1);
}

/// Without a configured token the local listener lets nobody in.
#[tokio::test]
async fn without_a_token_nobody_gets_in() {
    let house = House::new();
    let hub = std::sync::Arc::new(crate::http::Hub::new(crate::http::HubParts {
        service: house.setup.service.clone(),
        upstream: crate::http::Upstream::default(),
        settings: crate::http::HubSettings {
            peers: crate::service::setup::peers(),
            service_token: None,
            request_bytes_max: 1000,
            body_timeout: std::time::Duration::from_secs(1),
        },
        in_flight_bytes_max: 10_000,
        certificates: Vec::new(),
    }));
    let house = House { local: crate::http::local::router(hub.clone()), hub, ..house };
    let body = crate::fixtures::requests::receive(b"g", key(0), 0);
    for token in ["Bearer ", "Bearer x", "Bearer service-token-canary"] {
        let call = Call::new(Listener::Local, "/v1/receive", body.clone()).acting_as("a").with("authorization", token);
        call.assert_problem(&house, crate::client::ProblemCode::Unauthorized).await;
    }
}

/// What an operator does is for nobody who cannot show the token.
#[tokio::test]
async fn the_operator_s_paths_ask_for_the_token() {
    let house = House::new();
    let paths = crate::client::http::Operation::ALL.into_iter().map(crate::client::http::Operation::path);
    let of_the_operator: Vec<_> = paths.filter(|path| path.starts_with("/admin/")).collect();
    assert!(of_the_operator.len() > 5, "{of_the_operator:?}");
    for path in of_the_operator {
        for call in [
            Call::local(path, "{}").without("authorization"),
            Call::local(path, "{}").with("authorization", "Bearer another"),
        ] {
            call.assert_problem(&house, crate::client::ProblemCode::Unauthorized).await;
        }
    }
}
