//! Bans, mutes and blocks of the operator, `/v1/bans`, `/v1/report`, and what the local listener makes of all that.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Answer, Call, House, Listener, USER, application, assert_all_malformed, assert_local_access_is_checked,
    assert_media_type_is_checked, assert_peers_are_checked,
};
use crate::{
    client::{
        ProblemCode,
        http::{ChannelRequest, Operation},
    },
    fixtures::{mls, requests},
    http::{Peer, Upstream},
    service::setup::{key, provider, user_id},
    wire::{
        BanList, BanSalt, BanTag, BannedUser, BansRequest, BansResponse, ReportReason, ReportRequest, Sanction, decode,
        encode,
    },
};

const BANS: &str = "/v1/bans";
const REPORT: &str = "/v1/report";

fn operator(path: &'static str, body: &Value) -> Call {
    Call::local(path, body.to_string()).without("ds-user").with("content-type", "application/json")
}

async fn told(house: &House, path: &'static str, body: Value) -> Value {
    let Answer { status, body, .. } = operator(path, &body).answer(house).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

async fn change(house: &House, path: &'static str, body: Value) -> bool {
    told(house, path, body).await["changed"].as_bool().unwrap()
}

fn user(name: &str) -> String {
    STANDARD.encode(name)
}

async fn bans_for(house: &House, peer: &str, known: [u8; 32]) -> Option<BanList> {
    let call =
        Call::new(Listener::Provider(Some(Peer::named(provider(peer)))), BANS, encode(&BansRequest { known }).unwrap());
    let answer = call.answer(house).await;
    answer.assert_ok();
    decode::<BansResponse>(&answer.body).unwrap().list
}

#[tokio::test]
async fn a_peer_reads_which_of_its_users_are_banned_and_no_others() {
    let house = House::new();
    assert!(bans_for(&house, "follower.example", [0; 32]).await.unwrap().users.is_empty());
    for (peer, name, mute) in
        [("follower.example", "mallory", false), ("follower.example", "mallet", true), ("third.example", "eve", false)]
    {
        let body = json!({ "provider": peer, "user": user(name), "mute": mute });
        assert!(change(&house, "/admin/bans/add", body.clone()).await);
        assert!(!change(&house, "/admin/bans/add", body).await, "it was already");
    }
    let list = bans_for(&house, "follower.example", [0; 32]).await.unwrap();
    let tag = |list: &BanList, name: &str| BanTag::of(&list.salt, name.as_bytes());
    let sanction = |list: &BanList, name: &str| {
        list.users.iter().find(|user| user.tag == tag(list, name)).map(|user| user.sanction)
    };
    assert_eq!(list.users.len(), 2);
    assert_eq!(sanction(&list, "mallory"), Some(Sanction::Banned));
    assert_eq!(sanction(&list, "mallet"), Some(Sanction::Muted));
    assert_eq!(sanction(&list, "eve"), None);
    // The list is asked for again only when it has changed.
    assert_eq!(bans_for(&house, "follower.example", list.digest()).await, None);
    assert!(
        change(&house, "/admin/bans/remove", json!({ "provider": "follower.example", "user": user("mallory") })).await
    );
    let shorter = bans_for(&house, "follower.example", list.digest()).await.unwrap();
    assert_eq!((shorter.users.len(), sanction(&shorter, "mallory")), (1, None));
    let call = Call::provider(BANS, encode(&BansRequest { known: [0; 32] }).unwrap());
    assert_media_type_is_checked(&house, &call).await;
    assert_peers_are_checked(&house, &call).await;
}

/// Whoever undoes somebody else's bans knows no names. Also after a restart.
#[tokio::test]
async fn what_is_listed_is_lifted_by_its_tag() {
    let house = House::new();
    let named = [
        json!({ "user": user("mallory") }),
        json!({ "provider": "follower.example", "user": user("mallory") }),
        json!({ "provider": "third.example", "user": user("mallory") }),
        json!({ "provider": "follower.example", "identity": user("mallory") }),
    ];
    for body in &named {
        assert!(change(&house, "/admin/bans/add", body.clone()).await);
    }
    let listed = told(&house, "/admin/bans/list", json!({})).await["bans"].as_array().unwrap().clone();
    assert_eq!(listed.len(), named.len());
    for (lifted, ban) in listed.iter().enumerate() {
        let tag = json!({ "provider": ban["provider"], "tag": ban["tag"] });
        let elsewhere = json!({ "provider": "nosuch.example", "tag": ban["tag"] });
        assert!(!change(&house, "/admin/bans/remove", elsewhere).await, "{ban}");
        assert!(change(&house, "/admin/bans/remove", tag.clone()).await, "{ban}");
        assert!(!change(&house, "/admin/bans/remove", tag).await, "it is lifted: {ban}");
        // That one, and no other.
        let left = told(&house, "/admin/bans/list", json!({})).await;
        assert_eq!(left["bans"].as_array().unwrap()[..], listed[lifted + 1..]);
    }
    // This provider's own need not be named with it.
    assert!(change(&house, "/admin/bans/add", named[0].clone()).await);
    let listed = told(&house, "/admin/bans/list", json!({})).await;
    assert!(change(&house, "/admin/bans/remove", json!({ "tag": listed["bans"][0]["tag"] })).await);
    let setup = house.restart().await;
    assert!(setup.service.bans().is_empty());
}

/// Also after a restart.
#[tokio::test]
async fn a_muted_user_may_read_and_a_banned_one_may_not() {
    let house = House::new();
    let group = house.setup.group().await;
    let says = |text: &[u8]| Call::local("/v1/send", application(&group, text));
    let reads = Call::local("/v1/receive", requests::receive(&group, key(0), 0));
    says(b"one").answer(&house).await.assert_ok();
    assert!(change(&house, "/admin/bans/add", json!({ "user": user(USER), "mute": true })).await);
    says(b"two").assert_problem(&house, ProblemCode::PolicyDenied).await;
    reads.answer(&house).await.assert_ok();
    let commit =
        requests::send_commit(&mls::commit(&group, 0, b"keys"), key(0), key(1), &requests::Attached::default());
    Call::local("/v1/send", commit).answer(&house).await.assert_ok();
    says(b"somebody else").acting_as("another").answer(&house).await.assert_ok();
    assert!(change(&house, "/admin/bans/add", json!({ "user": user(USER) })).await);
    let about = provider("follower.example");
    let complaint = ReportRequest { group_id: group.clone(), about, reason: ReportReason::Flooding };
    for call in [
        says(b"three"),
        reads.clone(),
        Call::local("/v1/receive-literal", [&key(0)[..], &[0; 4]].concat()),
        Call::local("/v1/local/mint-group-id", ""),
        Call::local("/v1/local/inbox", [[1; 16].as_slice(), &[0; 8]].concat()),
        Call::local("/v1/group-info", mls::vector(&group)),
        Call::local("/v1/local/delete-group", [mls::vector(&group), key(0).to_vec()].concat()),
        Call::local(REPORT, encode(&complaint).unwrap()),
    ] {
        call.assert_problem(&house, ProblemCode::PolicyDenied).await;
    }
    let setup = house.restart().await;
    let denied = setup.service.admit(&user_id(USER), setup.service.provider(), crate::service::Act::TakePart);
    assert!(denied.is_err(), "still banned");
    assert!(setup.service.admit(&user_id("another"), setup.service.provider(), crate::service::Act::Speak).is_ok());
}

/// What a hub says of our users is enforced in its groups and in no others, also after a restart.
#[tokio::test]
async fn another_hub_s_bans_are_enforced_in_its_groups() {
    let house = House::new();
    let group = house.setup.group().await;
    let salt = BanSalt::new([9; 32]);
    let list =
        |sanction| BanList { salt, users: vec![BannedUser { tag: BanTag::of(&salt, USER.as_bytes()), sanction }] };
    let elsewhere = b"mimi://follower.example/g/AAECAwQFBgcICQoLDA0ODw";
    let third = b"mimi://third.example/g/AAECAwQFBgcICQoLDA0ODw";
    let hub = provider("follower.example");
    for (sanction, code) in
        [(Sanction::Muted, ProblemCode::PolicyDenied), (Sanction::Banned, ProblemCode::PolicyDenied)]
    {
        house.setup.service.keep_bans(&hub, list(sanction)).await.unwrap();
        Call::local("/v1/send", application(elsewhere, b"text")).assert_problem(&house, code).await;
    }
    for call in [
        Call::local("/v1/receive", requests::receive(elsewhere, key(0), 0)),
        Call::local("/v1/group-info", mls::vector(elsewhere)),
    ] {
        call.assert_problem(&house, ProblemCode::PolicyDenied).await;
        // Nobody else is refused: here the hub cannot be dialled.
        call.acting_as("another").assert_problem(&house, ProblemCode::UnknownProvider).await;
    }
    let other_hub = Call::local("/v1/send", application(third, b"text"));
    other_hub.assert_problem(&house, ProblemCode::UnknownProvider).await;
    Call::local("/v1/send", application(&group, b"here")).answer(&house).await.assert_ok();
    assert_eq!(house.setup.service.known_bans(&hub), list(Sanction::Banned).digest());
    let listed = told(&house, "/admin/bans/list", json!({})).await;
    assert_eq!((&listed["heard"][0]["hub"], &listed["heard"][0]["users"]), (&json!("follower.example"), &json!(1)));
    let setup = house.restart().await;
    let act = crate::service::Act::TakePart;
    assert!(setup.service.admit(&user_id(USER), &hub, act).is_err(), "still banned");
    // The hub has changed its mind.
    setup.service.keep_bans(&hub, BanList { salt, users: Vec::new() }).await.unwrap();
    assert!(setup.service.admit(&user_id(USER), &hub, act).is_ok());
}

#[tokio::test]
async fn a_blocked_provider_gets_nothing_and_is_given_nothing() {
    let house = House::new();
    let group = house.setup.group().await;
    let send = Call::provider("/v1/send", application(&group, b"text"));
    let receive = Call::provider("/v1/receive", requests::receive(&group, key(0), 0));
    send.answer(&house).await.assert_ok();
    assert!(change(&house, "/admin/bans/add", json!({ "provider": "follower.example" })).await);
    for call in [&send, &receive, &Call::provider(BANS, vec![0; 32])] {
        call.assert_problem(&house, ProblemCode::PolicyDenied).await;
    }
    let welcome = |to: &str| {
        let welcome_data = Some(requests::welcome_data(&mls::welcome(mls::SUITE, &[b"one"]), &[to]));
        let attached = requests::Attached { group_info: None, welcome_data };
        Call::local(
            "/v1/send",
            requests::send_commit(&mls::commit(&group, 0, to.as_bytes()), key(0), key(1), &attached),
        )
    };
    welcome("follower.example").assert_problem(&house, ProblemCode::PolicyDenied).await;
    welcome("third.example").answer(&house).await.assert_ok();
    let elsewhere = application(b"mimi://follower.example/g/AAECAwQFBgcICQoLDA0ODw", b"text");
    Call::local("/v1/send", elsewhere).assert_problem(&house, ProblemCode::PolicyDenied).await;
    assert!(change(&house, "/admin/bans/remove", json!({ "provider": "follower.example" })).await);
    receive.answer(&house).await.assert_ok();
}

/// Whatever it is, and whoever has it sent: all that is forwarded goes this way.
#[tokio::test]
async fn nothing_is_forwarded_to_a_blocked_hub() {
    let house = House::new();
    let (service, hub) = (&house.setup.service, provider("follower.example"));
    let code = async || {
        let request = ChannelRequest::new(Operation::Report, Bytes::new());
        Upstream::default().call(service, &hub, request).await.err().expect("nobody is there").code
    };
    assert_eq!(code().await, ProblemCode::UnknownProvider, "it is tried");
    assert!(change(&house, "/admin/bans/add", json!({ "provider": "follower.example" })).await);
    assert_eq!(code().await, ProblemCode::PolicyDenied);
}

#[tokio::test]
async fn bans_are_listed_without_names() {
    let house = House::new();
    change(&house, "/admin/bans/add", json!({ "provider": "follower.example", "user": user("mallory") })).await;
    let identity = json!({ "provider": "follower.example", "identity": user("mimi://follower.example/u/mallory") });
    change(&house, "/admin/bans/add", identity.clone()).await;
    let listed = told(&house, "/admin/bans/list", json!({})).await;
    let bans = listed["bans"].as_array().unwrap();
    assert_eq!(bans.len(), 2);
    assert!(bans.iter().all(|ban| ban["provider"] == "follower.example" && ban["sanction"] == "banned"));
    assert!(!listed.to_string().contains("mallory"));
    for (body, found) in [
        (json!({ "provider": "follower.example", "user": user("mallory") }), 1),
        (json!({ "provider": "follower.example", "user": user("alice") }), 0),
        (json!({ "provider": "third.example", "user": user("mallory") }), 0),
        (identity, 1),
        (json!({ "provider": "third.example" }), 0),
    ] {
        let listed = told(&house, "/admin/bans/list", body).await;
        assert_eq!(listed["bans"].as_array().unwrap().len(), found);
    }
    // Nothing of a name is on the disk.
    let files = std::fs::read_dir(house.setup.folder.path()).unwrap();
    for file in files.map(|file| std::fs::read(file.unwrap().path()).unwrap_or_default()) {
        assert!(!file.windows(7).any(|bytes| bytes == b"mallory"));
    }
}

#[tokio::test]
async fn complaints_are_counted_as_numbers() {
    let house = House::new();
    let group = house.setup.group().await;
    let report = |about: &str, reason| {
        encode(&ReportRequest { group_id: group.clone(), about: provider(about), reason }).unwrap()
    };
    for reason in [ReportReason::Flooding, ReportReason::Flooding, ReportReason::BannedUser] {
        Call::local(REPORT, report("follower.example", reason)).answer(&house).await.assert_ok();
    }
    Call::provider(REPORT, report("third.example", ReportReason::Flooding)).answer(&house).await.assert_ok();
    let stranger = report("stranger.example", ReportReason::Flooding);
    Call::local(REPORT, stranger).assert_problem(&house, ProblemCode::UnknownProvider).await;
    let listed = told(&house, "/admin/reports/list", json!({})).await;
    let lines: Vec<_> = listed["reports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["about"].clone(), line["reason"].clone(), line["from"].clone(), line["number"].clone()))
        .collect();
    let line =
        |about: &str, reason: &str, from: &str, number: u32| (json!(about), json!(reason), json!(from), json!(number));
    assert_eq!(
        lines,
        [
            line("follower.example", "banned_user", "hub.example", 1),
            line("follower.example", "flooding", "hub.example", 2),
            line("third.example", "flooding", "follower.example", 1),
        ]
    );
    let setup = house.restart().await;
    assert_eq!(setup.service.complaints().len(), 3, "still there");
}

#[tokio::test]
async fn access_media_types_and_bodies_are_checked() {
    let house = House::new();
    let report = encode(&ReportRequest {
        group_id: b"g".to_vec(),
        about: provider("third.example"),
        reason: ReportReason::Flooding,
    })
    .unwrap();
    for call in [Call::local(REPORT, report.clone()), Call::provider(REPORT, report.clone())] {
        assert_media_type_is_checked(&house, &call).await;
        let bad = [vec![], report[..report.len() - 1].to_vec(), [report.as_slice(), &[0]].concat()];
        let variants = bad.map(|body| (format!("{body:?}"), body)).into();
        assert_all_malformed(&house, &call, variants).await;
    }
    assert_local_access_is_checked(&house, &Call::local(REPORT, report.clone())).await;
    assert_peers_are_checked(&house, &Call::provider(REPORT, report)).await;
    for path in ["/admin/bans/add", "/admin/bans/remove", "/admin/bans/list", "/admin/reports/list"] {
        let good = operator(path, &json!({}));
        good.clone().without("authorization").assert_problem(&house, ProblemCode::Unauthorized).await;
        good.clone().with("content-type", "text/plain").assert_problem(&house, ProblemCode::UnsupportedMedia).await;
        for body in [json!([]), json!({ "whom": "mallory" }), json!("text"), json!({ "user": 3 })] {
            operator(path, &body).assert_problem(&house, ProblemCode::Malformed).await;
        }
        good.body("{").assert_problem(&house, ProblemCode::Malformed).await;
    }
    for body in [
        json!({ "user": "not base64!" }),
        json!({ "user": "" }),
        json!({ "provider": "no name" }),
        json!({ "user": user("a"), "identity": user("a") }),
        json!({ "provider": "follower.example", "identity": user("a"), "mute": true }),
        json!({ "provider": "follower.example", "mute": true }),
    ] {
        operator("/admin/bans/add", &body).assert_problem(&house, ProblemCode::Malformed).await;
    }
    let tag = "00".repeat(16);
    for body in [
        json!({ "tag": "00" }),
        json!({ "tag": "no hex".repeat(6) }),
        json!({ "tag": tag, "user": user("a") }),
        json!({ "tag": tag, "identity": user("a") }),
        json!({ "tag": tag, "provider": "no name" }),
    ] {
        operator("/admin/bans/remove", &body).assert_problem(&house, ProblemCode::Malformed).await;
    }
    for path in ["/admin/bans/add", "/admin/bans/list"] {
        operator(path, &json!({ "tag": tag })).assert_problem(&house, ProblemCode::Malformed).await;
    }
    for body in [json!({}), json!({ "provider": "stranger.example" })] {
        operator("/admin/bans/add", &body).assert_problem(&house, ProblemCode::UnknownProvider).await;
    }
}

/// A ban is for whoever comes with that id, and the operator who mistyped it is told.
#[tokio::test]
async fn whether_there_is_such_a_user_is_said_of_our_own() {
    let house = House::new();
    let ban = |body: Value| told(&house, "/admin/bans/add", body);
    assert_eq!(ban(json!({ "user": user("mistyped") })).await["known"], json!(false));
    let kind = crate::wire::BearerTokenKind::Shared;
    house.setup.service.mint_token(&user_id("mallory"), kind).await.unwrap();
    assert_eq!(ban(json!({ "user": user("mallory") })).await["known"], json!(true));
    for body in [
        json!({ "provider": "follower.example", "user": user("mallory") }),
        json!({ "identity": user("mallory") }),
        json!({ "provider": "follower.example" }),
    ] {
        assert_eq!(ban(body).await["known"], Value::Null);
    }
    assert_eq!(told(&house, "/admin/bans/remove", json!({ "user": user("mistyped") })).await["changed"], json!(true));
}
