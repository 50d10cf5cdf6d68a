//! Sending and receiving, at the hub and through a follower.

use std::time::Duration;

use restante::client::{
    ExpectCommit, Problem, ProblemCode,
    http::{CallError, Channel, ChannelRequest, DeliveryService, Operation},
};

use crate::{
    fixtures::requests,
    people::{Person, commit, key, say, texts},
    process::PATIENCE,
    site::{FOLLOWER, HUB, Setting, Site},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_send_and_read_the_same() {
    let site = Site::new(&[]).await;
    let (hub, follower, _line) = site.pair().await;
    let (alice, bob) = (hub.user("alice"), follower.user("bob"));
    let group = alice.found().await;
    let first = alice.say(&group, 0, "from the hub").await.unwrap();
    let second = bob.say(&group, 0, "from the follower").await.unwrap();
    assert_eq!((first.index, second.index), (0, 1));
    assert!(first.accepted_ms > 1_700_000_000_000 && second.accepted_ms >= first.accepted_ms);
    // The same again, from the other side, is answered the same.
    assert_eq!(bob.say(&group, 0, "from the hub").await.unwrap(), first);
    assert_eq!(alice.say(&group, 0, "from the follower").await.unwrap(), second);
    let expected = [(0, "from the hub".to_owned()), (1, "from the follower".to_owned())];
    assert_eq!(alice.read_all(&group, 0).await, expected);
    assert_eq!(bob.read_all(&group, 0).await, expected);
    let received = bob.read(&group, 0, 1).await.unwrap();
    assert_eq!((received.first_index, received.next_index, received.more), (Some(1), Some(2), false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_is_woken_across_providers() {
    let site = Site::new(&[]).await;
    let (hub, follower, _line) = site.pair().await;
    let (alice, bob) = (hub.user("alice"), follower.user("bob"));
    let group = alice.found().await;
    for round in 0..3 {
        let text = format!("round {round}");
        // Whichever of the two comes first: the answer is the message.
        let (from_hub, from_follower, sent) = tokio::join!(
            alice.wait(&group, 0, round, 50),
            bob.wait(&group, 0, round, 50),
            if round % 2 == 0 { &alice } else { &bob }.say(&group, 0, &text),
        );
        assert_eq!(sent.unwrap().index, round);
        for received in [from_hub.unwrap(), from_follower.unwrap()] {
            assert_eq!(texts(&received.response.epoch), [text.as_str()]);
        }
    }
    // Nobody says anything: empty, when the time is over.
    let began = tokio::time::Instant::now();
    let received = bob.wait(&group, 0, 3, 1).await.unwrap();
    assert_eq!((texts(&received.response.epoch).len(), received.next_index), (0, Some(3)));
    assert!(began.elapsed() >= Duration::from_secs(1));
}

/// The hub's hints are for the follower as a whole; the follower gives each user those that the user has earned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_s_users_get_the_hints_that_they_earned() {
    let site = Site::new(&[]).await;
    let (hub, follower, _line) = site.pair().await;
    let (alice, awake, removed) = (hub.user("alice"), follower.user("awake"), follower.user("removed"));
    let group = alice.found().await;
    awake.send(&commit(&group, 0, 1, "to one"), Some(ExpectCommit::None)).await.unwrap();
    awake.say(&group, 1, "in one").await.unwrap();
    // What a user presented is on record a little after the answer (R11).
    let recorded = async {
        loop {
            let received = awake.read(&group, 0, 0).await.unwrap();
            if !received.response.hints.is_empty() {
                return received;
            }
        }
    };
    let received = tokio::time::timeout(PATIENCE, recorded).await.expect("a hint in time");
    assert_eq!(received.response.hints.len(), 1);
    assert_eq!(texts(&received.response.hints[0].epoch), ["in one"]);
    // The hub hints to the follower by now: it is the follower that keeps it from the other user.
    let received = removed.read(&group, 0, 0).await.unwrap();
    assert_eq!(texts(&received.response.epoch), ["to one"]);
    assert_eq!(received.response.hints.len(), 0, "with the old key, nothing new");
    assert_eq!(alice.read(&group, 0, 0).await.unwrap().response.hints.len(), 0, "alice has not been there either");
}

/// What the hub refuses is refused by the follower in the same words.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_pass_through_unchanged() {
    let site = Site::new(&[]).await;
    let (hub, follower, _line) = site.pair().await;
    let (alice, bob) = (hub.user("alice"), follower.user("bob"));
    let group = alice.found().await;
    let code = |result: Result<_, CallError>| match result {
        Err(CallError::Problem(Problem { code, .. })) => code,
        _ => None,
    };
    let unknown = b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0ODw";
    assert_eq!(code(bob.say(unknown, 0, "lost").await), Some(ProblemCode::UnknownGroup));
    bob.send(&commit(&group, 0, 1, "first"), Some(ExpectCommit::None)).await.unwrap();
    let second = commit(&group, 0, 2, "second");
    assert_eq!(code(bob.send(&second, Some(ExpectCommit::None)).await), Some(ProblemCode::CommitConflict));
    bob.send(&second, Some(ExpectCommit::Index(0))).await.unwrap();
    // To the byte, as the hub's own user is told.
    let body = requests::send(&crate::fixtures::mls::application(unknown, 0, b"lost"), key(0));
    let ask = |user: &crate::site::User| {
        let (channel, body) = (user.channel().clone(), body.clone());
        async move { channel.post(ChannelRequest::new(Operation::Send, body.into())).await.unwrap() }
    };
    let (at_hub, at_follower) = (ask(&alice).await, ask(&bob).await);
    assert_eq!((at_hub.status, &at_hub.body), (at_follower.status, &at_follower.body));
    assert_eq!(at_hub.headers["content-type"], at_follower.headers["content-type"]);
    // A hub that is no peer.
    let stranger = b"mimi://stranger.example/g/AAECAwQFBgcICQoLDA0ODw";
    assert_eq!(code(bob.say(stranger, 0, "lost").await), Some(ProblemCode::UnknownProvider));
}

/// Many on few connections, over both protocols of HTTP.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_are_all_sequenced_once() {
    let site = Site::new(&[]).await;
    let (hub, follower, _line) = site.pair().await;
    let group = hub.user("alice").found().await;
    let mut sends = tokio::task::JoinSet::new();
    for number in 0..200 {
        let user = if number % 2 == 0 { hub.user("alice") } else { follower.user("bob") };
        let request = say(&group, 0, &format!("number {number}"));
        sends.spawn(async move { (number, user.send(&request, None).await.unwrap()) });
    }
    let mut placed: Vec<_> = sends.join_all().await;
    placed.sort_by_key(|(_, receipt)| receipt.index);
    let expected: Vec<_> = placed.iter().map(|(number, receipt)| (receipt.index, format!("number {number}"))).collect();
    assert!(placed.iter().map(|(_, receipt)| receipt.index).eq(0..200), "dense, and each place once");
    assert_eq!(hub.user("alice").read_all(&group, 0).await, expected);
    assert_eq!(follower.user("bob").read_all(&group, 0).await, expected);
}

/// A database is there again after an orderly end, and a provider may be a peer without any listener of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_there_after_a_restart() {
    let site = Site::new(&[]).await;
    let mut hub = site.start(&Setting::new(HUB)).await;
    let group = hub.user("alice").found().await;
    let receipt = hub.user("alice").say(&group, 0, "before").await.unwrap();
    hub.process.terminate().await;
    assert!(hub.process.ended().await.success());
    let hub = site.start(&Setting::new(HUB)).await;
    assert_eq!(hub.user("alice").read_all(&group, 0).await, [(0, "before".to_owned())]);
    assert_eq!(hub.user("alice").say(&group, 0, "before").await.unwrap(), receipt);
    let client = site.pki.client(&site.pki.identity(FOLLOWER), HUB, hub.provider);
    let peer = DeliveryService::new(client.peer(&HUB.parse().unwrap()).unwrap());
    assert_eq!(peer.read_all(&group, 0).await, [(0, "before".to_owned())]);
    assert_eq!(peer.say(&group, 0, "after").await.unwrap().index, 1);
}

/// A provider's users wait at the hub: more of them than fit into any usual limit of HTTP/2, and none behind another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_wait_and_each_is_woken() {
    const WAITING: u16 = 3000;
    let site = Site::new(&[]).await;
    let hub = site.start(&Setting::new(HUB)).await;
    let group: std::sync::Arc<[u8]> = hub.user("alice").found().await.into();
    let client = site.pki.client(&site.pki.identity(FOLLOWER), HUB, hub.provider);
    let peer = DeliveryService::new(client.peer(&HUB.parse().unwrap()).unwrap());
    // From here on there is a connection that all of them could share.
    peer.wait(&group, 9, 0, 1).await.unwrap();
    let numbered = |number: u16| {
        let mut key = key(0xee);
        key[..2].copy_from_slice(&number.to_be_bytes());
        key
    };
    let mut waits = tokio::task::JoinSet::new();
    for number in 0..WAITING {
        let (peer, group) = (peer.clone(), group.clone());
        waits.spawn(async move {
            let request = restante::wire::decode(&requests::receive(&group, numbered(number), 0)).unwrap();
            (number, peer.receive(&request, Duration::from_secs(50)).await.unwrap())
        });
    }
    let mut expected: Vec<_> = (0..WAITING).step_by(271).collect();
    for number in &expected {
        let message = crate::fixtures::mls::application(&group, 0, b"woken");
        let body = requests::send(&message, numbered(*number));
        hub.user("alice").send_encoded(body.into(), None).await.unwrap();
    }
    // Whether they wait already or come later.
    while !expected.is_empty() {
        let woken = tokio::time::timeout(Duration::from_secs(20), waits.join_next()).await.expect("woken in time");
        let (number, received) = woken.unwrap().unwrap();
        assert_eq!(texts(&received.response.epoch), ["woken"]);
        expected.retain(|waiting| *waiting != number);
    }
}
