//! SIGTERM: waits are answered, requests finish, and the process ends by itself.

use std::{sync::Arc, time::Duration};

use restante::client::{
    Problem, ProblemCode, Received,
    http::{CallError, ChannelError, DeliveryService},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    people::{Person, texts},
    process::PATIENCE,
    site::{FOLLOWER, HUB, Setting, Site, token_of},
};

/// Less than any wait that the tests ask for, more than an answer takes.
const PROMPT: Duration = Duration::from_secs(20);

/// Returns when waits that were begun before have mostly reached the hub: a later one on the same way has, and was woken.
async fn until_waiting(user: &crate::site::User, group: &[u8], number: u8) {
    let (woken, sent) = tokio::join!(user.wait(group, number, 0, 50), user.say(group, number, "wake"));
    sent.unwrap();
    assert_eq!(texts(&woken.unwrap().response.epoch), ["wake"]);
}

/// Whether a wait was answered empty. One that came too late to be taken is refused clearly; none is cut off.
fn was_answered(answer: Result<Received, CallError>) -> bool {
    match answer {
        Ok(received) => {
            assert_eq!((received.response.epoch.messages.len(), received.next_index), (0, Some(0)));
            true
        }
        Err(CallError::Channel(ChannelError::Connect)) => false,
        Err(CallError::Problem(Problem { code: Some(ProblemCode::Unavailable), retry_after: Some(_), .. })) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_answers_all_waits_and_ends() {
    let site = Site::new(&[]).await;
    let (mut hub, follower, _line) = site.pair().await;
    let group: Arc<[u8]> = hub.user("alice").found().await.into();
    let mut waits = tokio::task::JoinSet::new();
    for number in 0..20 {
        let user = if number % 2 == 0 { hub.user("alice") } else { follower.user("bob") };
        let group = group.clone();
        waits.spawn(async move { user.wait(&group, 1, 0, 50).await });
    }
    until_waiting(&hub.user("alice"), &group, 2).await;
    until_waiting(&follower.user("bob"), &group, 3).await;
    let began = tokio::time::Instant::now();
    hub.process.terminate().await;
    let answers = tokio::time::timeout(PROMPT, waits.join_all()).await.expect("answered");
    let answered = answers.into_iter().filter_map(|answer| was_answered(answer).then_some(())).count();
    assert!(answered >= 15, "{answered} of 20");
    let status = hub.process.ended().await;
    assert_eq!(status.code(), Some(0), "{}", hub.process.logged());
    assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
    assert!(hub.process.logged().contains("drained"));
    assert!(TcpStream::connect(hub.local_tcp()).await.is_err(), "nobody listens any more");
    assert!(TcpStream::connect(hub.provider).await.is_err());
}

/// A follower asks the hub once more, without waiting, and hands on what there is: nothing, in this case.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_does_not_wait_for_its_hub() {
    let site = Site::new(&[]).await;
    let (hub, mut follower, _line) = site.pair().await;
    let group: Arc<[u8]> = hub.user("alice").found().await.into();
    let mut waits = tokio::task::JoinSet::new();
    for _wait in 0..10 {
        let (user, group) = (follower.user("bob"), group.clone());
        waits.spawn(async move { user.wait(&group, 1, 0, 50).await });
    }
    until_waiting(&follower.user("bob"), &group, 2).await;
    follower.process.terminate().await;
    let answers = tokio::time::timeout(PROMPT, waits.join_all()).await.expect("answered");
    let answered = answers.into_iter().filter_map(|answer| was_answered(answer).then_some(())).count();
    assert!(answered >= 7, "{answered} of 10");
    assert_eq!(follower.process.ended().await.code(), Some(0), "{}", follower.process.logged());
    // The hub did not notice.
    hub.user("alice").say(&group, 0, "still here").await.unwrap();
}

/// Whatever was acknowledged while the process was on its way out is there afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_that_are_acknowledged_on_the_way_out_are_kept() {
    let site = Site::new(&[]).await;
    let mut hub = site.start(&Setting::new(HUB)).await;
    let group: Arc<[u8]> = hub.user("alice").found().await.into();
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..8 {
        let (user, group) = (hub.user("alice"), group.clone());
        senders.spawn(async move {
            let mut acknowledged = Vec::new();
            for number in 0.. {
                let text = format!("{number} of {sender}");
                match user.say(&group, 0, &text).await {
                    Ok(receipt) => acknowledged.push((receipt.index, text)),
                    Err(error) => {
                        assert!(error.is_transient(), "{error}");
                        break;
                    }
                }
            }
            acknowledged
        });
    }
    // They are under way when somebody else can read what they sent.
    tokio::time::timeout(PATIENCE, hub.user("reader").wait(&group, 0, 100, 50)).await.unwrap().unwrap();
    hub.process.terminate().await;
    let mut acknowledged = tokio::time::timeout(PATIENCE, senders.join_all()).await.expect("they end").concat();
    assert_eq!(hub.process.ended().await.code(), Some(0), "{}", hub.process.logged());
    let hub = site.start(&Setting::new(HUB)).await;
    let messages = hub.user("reader").read_all(&group, 0).await;
    acknowledged.sort_unstable();
    assert!(acknowledged.len() > 100);
    assert!(acknowledged.iter().all(|placed| messages.contains(placed)));
}

/// A request that never ends is not waited for beyond the configured time, or beyond a second signal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_never_ends_is_given_up() {
    let site = Site::new(&[]).await;
    for (drain_seconds, signals) in [(1, 1), (600, 2)] {
        let setting = Setting { more: format!("[limits]\ndrain_seconds = {drain_seconds}\n"), ..Setting::new(HUB) };
        let mut hub = site.start(&setting).await;
        let mut stuck = TcpStream::connect(hub.local_tcp()).await.unwrap();
        let head = format!(
            "POST /v1/send HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {}\r\nds-user: :YWxpY2U=:\r\n\
             content-type: application/vnd.mimi-ds\r\ncontent-length: 1000\r\nexpect: 100-continue\r\n\r\n",
            token_of(HUB)
        );
        stuck.write_all(head.as_bytes()).await.unwrap();
        // It is asked for the body, so the request is being served.
        let mut asked = [0; 12];
        tokio::time::timeout(PATIENCE, stuck.read_exact(&mut asked)).await.expect("in time").unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100");
        stuck.write_all(b"the beginning").await.unwrap();
        hub.process.terminate().await;
        if signals == 2 {
            // The first one is seen when the process listens no more.
            let refused = async { while TcpStream::connect(hub.local_tcp()).await.is_ok() {} };
            tokio::time::timeout(PATIENCE, refused).await.unwrap();
            assert!(!hub.process.has_ended());
            hub.process.terminate().await;
        }
        assert_eq!(hub.process.ended().await.code(), Some(1), "{}", hub.process.logged());
        assert!(hub.process.logged().contains("without having drained"));
    }
}

/// A second signal in the middle of writing is a clean end too: no crash, and nothing acknowledged is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_in_the_middle_of_writing_is_no_crash() {
    let site = Site::new(&[]).await;
    let more = "[limits]\ndrain_seconds = 600\n".to_owned();
    let setting = Setting { more, ..Setting::new(HUB) };
    for round in 0..5 {
        let mut hub = site.start(&setting).await;
        let group: Arc<[u8]> = hub.user("alice").found().await.into();
        let mut senders = tokio::task::JoinSet::new();
        for sender in 0..16 {
            let (user, group) = (hub.user("alice"), group.clone());
            senders.spawn(async move {
                let mut acknowledged = Vec::new();
                for number in 0.. {
                    let text = format!("{number} of {sender}");
                    let Ok(receipt) = user.say(&group, 0, &text).await else { break };
                    acknowledged.push((receipt.index, text));
                }
                acknowledged
            });
        }
        // They are under way when somebody else can read what they sent.
        tokio::time::timeout(PATIENCE, hub.user("reader").wait(&group, 0, 100, 50)).await.unwrap().unwrap();
        hub.process.terminate().await;
        hub.process.terminate().await;
        let status = hub.process.ended().await;
        // The first signal may have been enough.
        assert!(matches!(status.code(), Some(0 | 1)), "round {round}: {status}: {}", hub.process.logged());
        let acknowledged = tokio::time::timeout(PATIENCE, senders.join_all()).await.expect("they end").concat();
        let mut hub = site.start(&setting).await;
        let messages = hub.user("reader").read_all(&group, 0).await;
        assert!(acknowledged.len() >= 100);
        assert!(acknowledged.iter().all(|placed| messages.contains(placed)));
        hub.process.terminate().await;
        assert_eq!(hub.process.ended().await.code(), Some(0));
    }
}

/// Connections on which nothing is asked: before TLS, before HTTP, and between two requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_do_not_hold_it_up() {
    let site = Site::new(&[]).await;
    let more = "[limits]\nheader_read_timeout_seconds = 600\n".to_owned();
    let mut hub = site.start(&Setting { more, ..Setting::new(HUB) }).await;
    let mut silent = Vec::new();
    for address in [hub.local_tcp(), hub.provider] {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let client = site.pki.client(&site.pki.identity(FOLLOWER), HUB, hub.provider);
    let peer = DeliveryService::new(client.peer(&HUB.parse().unwrap()).unwrap());
    peer.read(b"any", 0, 0).await.unwrap();
    hub.user("alice").mint_group_id().await.unwrap();
    hub.process.terminate().await;
    let status = tokio::time::timeout(PROMPT, hub.process.ended()).await.expect("idle connections are closed");
    assert_eq!(status.code(), Some(0));
}
