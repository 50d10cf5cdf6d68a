//! `POST /admin/backup/{create, status}`.

use std::{
    fs::{self, File, Permissions},
    num::NonZeroU32,
    os::unix::fs::PermissionsExt as _,
    sync::Arc,
};

use axum::http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::{Bounds, Call, House, TOKEN, metrics};
use crate::{
    fixtures::metrics::number,
    http::{Hub, HubParts, HubSettings, Upstream, local},
    service::{
        BackupPlace, Service,
        setup::{START, peers, service_at},
    },
};

const CREATE: &str = "/admin/backup/create";
const STATUS: &str = "/admin/backup/status";

async fn asked(house: &House, path: &'static str) -> Value {
    let call = Call::local(path, "{}").with("content-type", "application/json").without("ds-user");
    let answer = call.answer(house).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, Some("application/json")));
    serde_json::from_slice(&answer.body).unwrap()
}

/// How many were made and how many failed, and when the last one was made, in seconds since 1970.
async fn numbers(house: &House) -> [u64; 3] {
    let text = metrics::read(house).await;
    ["backups_total{outcome=\"made\"}", "backups_total{outcome=\"failed\"}", "backup_last_made_timestamp_seconds"]
        .map(|line| number(&text, &format!("restante_hub_{line}")))
}

/// A hub with this service.
fn house(service: Arc<Service>) -> House {
    let Bounds { request_bytes_max, in_flight_bytes_max, body_timeout } = Bounds::default();
    let service_token = Some(Zeroizing::new(TOKEN.to_owned()));
    let settings = HubSettings { peers: peers(), service_token, request_bytes_max, body_timeout };
    let (upstream, certificates) = (Upstream::default(), Vec::new());
    let hub = Arc::new(Hub::new(HubParts { service, upstream, settings, in_flight_bytes_max, certificates }));
    House { local: local::router(hub.clone()), hub, ..House::new() }
}

#[tokio::test]
async fn without_a_place_none_is_made() {
    let house = House::new();
    assert_eq!(asked(&house, CREATE).await, json!({ "nowhere": true }));
    let nothing = json!({ "under_way": null, "ended": 0, "last": null, "recent": [] });
    assert_eq!(asked(&house, STATUS).await, nothing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_has_a_number_and_is_told_of_by_it() {
    let folder = TempDir::new().unwrap();
    let backups = folder.path().join("backups");
    let (_store, service) = service_at(&folder.path().join("data"), START);
    let place = BackupPlace { folder: backups.clone(), keep: NonZeroU32::MIN };
    let service = Arc::new(Arc::into_inner(service).unwrap().backing_up_to(place));
    let house = house(service.clone());
    // It cannot go on as long as somebody else has the folder.
    fs::create_dir(&backups).unwrap();
    fs::set_permissions(&backups, Permissions::from_mode(0o700)).unwrap();
    let held = File::open(&backups).unwrap();
    held.try_lock().unwrap();
    for began in [true, false] {
        let answer = asked(&house, CREATE).await;
        assert_eq!((&answer["began"], &answer["number"], &answer["ended"]), (&json!(began), &json!(1), &json!(0)));
        assert_eq!(answer["folder"], backups.to_str().unwrap());
        assert!(answer["under_way"]["started_ms"].is_u64() && answer["last"].is_null(), "{answer}");
    }
    drop(held);
    service.backup_ended().await;
    let status = asked(&house, STATUS).await;
    assert_eq!((&status["under_way"], &status["ended"], &status["last"]["id"]), (&Value::Null, &json!(1), &json!(1)));
    assert!(status["last"]["made_ms"].is_u64() && status["last"]["bytes"].is_u64(), "{status}");
    assert_eq!((status.get("number"), status.get("folder")), (None, None));

    let made_s = status["last"]["made_ms"].as_u64().unwrap() / 1000;
    assert_eq!(numbers(&house).await, [1, 0, made_s]);

    fs::remove_dir_all(&backups).unwrap();
    fs::write(&backups, "in the way").unwrap();
    assert_eq!(asked(&house, CREATE).await["number"], 2);
    service.backup_ended().await;
    let status = asked(&house, STATUS).await;
    assert_eq!(status["ended"], 2);
    assert!(status["last"]["failed"].as_str().unwrap().contains("name a folder"), "{status}");
    let recent = status["recent"].as_array().unwrap();
    let told: Vec<_> = recent.iter().map(|one| (one["number"].as_u64(), one["id"].as_u64())).collect();
    assert_eq!(told, [(Some(1), Some(1)), (Some(2), None)]);
    assert_eq!(numbers(&house).await, [1, 1, made_s]);
    service.finish();
}
