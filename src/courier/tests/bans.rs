//! Asking hubs which of our users they ban.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::StatusCode;

use super::stage::Stage;
use crate::{
    client::http::tests::{
        provider::{Authority, server_config},
        server::{Arrived, answer, serve_tls},
    },
    courier::BansPace,
    service::{
        Act,
        setup::{PATIENCE, provider, user_id},
    },
    wire::{BanList, BanSalt, BanTag, BannedUser, BansRequest, BansResponse, MEDIA_TYPE, Sanction, decode, encode},
};

const SOON: Duration = Duration::from_millis(2);
const OFTEN: BansPace = BansPace { every: SOON, first_backoff: SOON };

fn list(names: &[&str]) -> BanList {
    let salt = BanSalt::new([3; 32]);
    let banned = |name: &&str| BannedUser { tag: BanTag::of(&salt, name.as_bytes()), sanction: Sanction::Banned };
    let mut users: Vec<_> = names.iter().map(banned).collect();
    users.sort_unstable_by_key(|user| user.tag);
    BanList { salt, users }
}

/// What a hub answers, until a test says otherwise.
#[derive(Clone)]
enum Reply {
    /// That list, to who does not have it.
    List(BanList),
    /// Anything.
    Raw(StatusCode, Vec<u8>),
}

#[derive(Clone)]
struct Hub {
    address: SocketAddr,
    reply: Arc<Mutex<Reply>>,
    /// How often it gave a list.
    given: Arc<Mutex<usize>>,
    /// How often it failed.
    failed: Arc<Mutex<usize>>,
}

impl Hub {
    async fn start(authority: &Authority, name: &str, reply: Reply) -> Self {
        let reply = Arc::new(Mutex::new(reply));
        let (given, failed) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
        let (answers, counts, failures) = (reply.clone(), given.clone(), failed.clone());
        let handler = move |arrived: Arrived| {
            assert_eq!(arrived.path, "/v1/bans");
            let request: BansRequest = decode(&arrived.body).unwrap();
            let reply = answers.lock().unwrap().clone();
            let answered = match reply {
                Reply::List(list) => {
                    let list = (list.digest() != request.known).then_some(list);
                    *counts.lock().unwrap() += usize::from(list.is_some());
                    answer(StatusCode::OK, MEDIA_TYPE, encode(&BansResponse { list }).unwrap())
                }
                Reply::Raw(status, body) => {
                    *failures.lock().unwrap() += 1;
                    answer(status, MEDIA_TYPE, body)
                }
            };
            async move { answered }
        };
        let address = serve_tls(server_config(authority, &authority.issue(&[name]), &["h2"]), handler).await;
        Self { address, reply, given, failed }
    }

    fn says(&self, reply: Reply) {
        *self.reply.lock().unwrap() = reply;
    }

    /// Waits until it has failed once more.
    async fn fails(&self, reply: Reply) {
        self.says(reply);
        let before = *self.failed.lock().unwrap();
        let failed = async {
            while *self.failed.lock().unwrap() == before {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, failed).await.expect("the hub is asked again");
    }
}

/// Waits until the user may, or may not, take part in groups of that hub.
async fn await_admitted(stage: &Stage, user: &str, hub: &str, admitted: bool) {
    let is_so = || stage.setup.service.admit(&user_id(user), &provider(hub), Act::TakePart).is_ok() == admitted;
    let decided = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, decided).await.expect("the hub is asked again");
}

#[tokio::test]
async fn what_a_hub_says_is_enforced_as_soon_as_it_changes_and_given_once() {
    let authority = Authority::new();
    let hub = Hub::start(&authority, "follower.example", Reply::List(list(&["mallory"]))).await;
    let stage = Stage::new(&authority, &[("follower.example", hub.address)]);
    let _asking = stage.follow_bans(&["follower.example"], OFTEN);
    await_admitted(&stage, "mallory", "follower.example", false).await;
    for free in ["alice", "mallet"] {
        await_admitted(&stage, free, "follower.example", true).await;
    }
    await_admitted(&stage, "mallory", "third.example", true).await;
    hub.says(Reply::List(list(&["mallet"])));
    await_admitted(&stage, "mallet", "follower.example", false).await;
    await_admitted(&stage, "mallory", "follower.example", true).await;
    assert_eq!(*hub.given.lock().unwrap(), 2, "a list that is known is not given again");
}

/// A hub that fails, or answers nonsense, changes nothing: what it said last stays in force.
#[tokio::test]
async fn failures_leave_the_list_in_force_and_are_tried_again() {
    let authority = Authority::new();
    let hub = Hub::start(&authority, "follower.example", Reply::Raw(StatusCode::OK, b"garbage".to_vec())).await;
    let stage = Stage::new(&authority, &[("follower.example", hub.address)]);
    let _asking = stage.follow_bans(&["follower.example"], OFTEN);
    hub.says(Reply::List(list(&["mallory"])));
    await_admitted(&stage, "mallory", "follower.example", false).await;
    let too_long = encode(&BansResponse { list: Some(list(&["mallory"])) }).unwrap();
    for failure in [
        Reply::Raw(StatusCode::SERVICE_UNAVAILABLE, Vec::new()),
        Reply::Raw(StatusCode::NOT_FOUND, Vec::new()),
        Reply::Raw(StatusCode::OK, vec![0; 3 * 1024 * 1024]),
        Reply::Raw(StatusCode::OK, too_long[..too_long.len() - 1].to_vec()),
    ] {
        hub.fails(failure).await;
        assert!(stage.setup.service.admit(&user_id("mallory"), &provider("follower.example"), Act::TakePart).is_err());
        // Another list after it is heard, so that nothing of the failure is still on its way.
        hub.says(Reply::List(list(&["mallory", "next"])));
        await_admitted(&stage, "next", "follower.example", false).await;
        hub.says(Reply::List(list(&["mallory"])));
        await_admitted(&stage, "next", "follower.example", true).await;
        await_admitted(&stage, "mallory", "follower.example", false).await;
    }
}

/// One hub that hangs or is away keeps nobody from hearing the others.
#[tokio::test]
async fn hubs_are_asked_each_for_itself() {
    let authority = Authority::new();
    let hub = Hub::start(&authority, "third.example", Reply::List(list(&["mallory"]))).await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let stage = Stage::new(&authority, &[("follower.example", nobody), ("third.example", hub.address)]);
    let asking = stage.follow_bans(&["follower.example", "third.example"], OFTEN);
    await_admitted(&stage, "mallory", "third.example", false).await;
    await_admitted(&stage, "mallory", "follower.example", true).await;
    asking.send_replace(true);
}
