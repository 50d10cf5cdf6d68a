//! Welcomes on a real database: who gets what, once, also when the process ends in the middle.

use std::time::Duration;

use crate::{
    client::key_package_ref,
    fixtures::{
        key_packages::Device,
        mls::{self, vector},
    },
    pool::{InboxPolicy, Policy, Rate, Rejection, Room},
    sequencer::{self, SizeLimit},
    service::{
        BanName, Error, Limits, RateLimits,
        setup::{DAY, PATIENCE, START, Setup, provider, user_id},
    },
    store,
    wire::{
        BanList, BanSalt, BanTag, BannedUser, ClientId, InboxAckRequest, InboxEntry, InboxOutcome, InboxRequest,
        InboxResponse, KeyPackageRef, Sanction, UploadKeyPackagesRequest,
        WelcomeDecision::{self, Accepted, AlreadyUsed, Unknown},
        WelcomeInitRequest, WelcomePush, decode,
    },
};

const LONG: Duration = Duration::from_secs(50);

fn client(number: u8) -> ClientId {
    ClientId::new([number; 16])
}

/// Uploads so many KeyPackages of a client, and tells their refs.
async fn upload(setup: &Setup, user: &str, number: u8, packages: usize) -> Vec<Vec<u8>> {
    let device = Device::new(mls::SUITE);
    let packages: Vec<_> = (0..packages).map(|_| decode(&device.one_time(START / 1000)).unwrap()).collect();
    let references = packages.iter().map(|package| key_package_ref(package).unwrap().0).collect();
    let request = UploadKeyPackagesRequest { client_id: client(number), key_packages: packages };
    setup.service.upload_key_packages(&user_id(user), request).await.unwrap();
    references
}

async fn ask(setup: &Setup, from: &str, references: &[Vec<u8>]) -> Result<(Vec<u8>, Vec<WelcomeDecision>), Error> {
    let key_package_refs = references.iter().map(|reference| KeyPackageRef(reference.clone())).collect();
    let answer = setup.service.welcome_init(&provider(from), WelcomeInitRequest { key_package_refs }).await?;
    Ok((answer.welcome_ticket, answer.decisions))
}

fn push(ticket: &[u8], welcome: &[u8], tree: Option<Vec<u8>>) -> WelcomePush {
    decode(&[vector(ticket), welcome.to_vec(), mls::optional(tree)].concat()).unwrap()
}

async fn bring(setup: &Setup, from: &str, ticket: &[u8], welcome: &[u8]) -> Result<(), Error> {
    setup.service.welcome(&provider(from), push(ticket, welcome, None)).await
}

/// Nobody who is banned here is added anywhere, and what another hub has sent to somebody whom it bans is not shown.
#[tokio::test]
async fn who_is_banned_gets_no_welcomes() {
    let setup = Setup::new();
    let (bob, carol) = (upload(&setup, "bob", 1, 1).await, upload(&setup, "carol", 1, 1).await);
    let refs = [bob[0].clone(), carol[0].clone()];
    let name = BanName::User(provider("hub.example"), user_id("bob"));
    assert!(setup.service.ban(&name, Sanction::Banned).await.unwrap().is_none());
    let (_, decisions) = ask(&setup, "follower.example", &refs).await.unwrap();
    assert_eq!(decisions, [WelcomeDecision::Refused, Accepted]);
    // Whoever is muted may still be added.
    setup.service.ban(&name, Sanction::Muted).await.unwrap();
    let (ticket, decisions) = ask(&setup, "follower.example", &refs).await.unwrap();
    assert_eq!(decisions, [Accepted, Accepted]);
    bring(&setup, "follower.example", &ticket, &mls::welcome(mls::SUITE, &[&refs[0], &refs[1]])).await.unwrap();
    let salt = BanSalt::new([1; 32]);
    let users = vec![BannedUser { tag: BanTag::of(&salt, b"bob"), sanction: Sanction::Banned }];
    setup.service.keep_bans(&provider("follower.example"), BanList { salt, users }).await.unwrap();
    assert!(inbox(&setup, "bob", 1, 0, Duration::ZERO).await.entries.is_empty());
    assert_eq!(inbox(&setup, "carol", 1, 0, Duration::ZERO).await.entries.len(), 1);
    setup.service.keep_bans(&provider("follower.example"), BanList { salt, users: Vec::new() }).await.unwrap();
    assert_eq!(inbox(&setup, "bob", 1, 0, Duration::ZERO).await.entries.len(), 1, "still there");
}

async fn inbox(setup: &Setup, user: &str, number: u8, after: u64, wait: Duration) -> InboxResponse {
    let request = InboxRequest { client_id: client(number), after };
    setup.service.inbox(&user_id(user), request, wait).await.unwrap().response
}

async fn entries(setup: &Setup, user: &str, number: u8) -> Vec<InboxEntry> {
    inbox(setup, user, number, 0, Duration::ZERO).await.entries
}

async fn acknowledge(setup: &Setup, user: &str, number: u8, entry: &InboxEntry, outcome: InboxOutcome) {
    let request = InboxAckRequest { client_id: client(number), number: entry.number, outcome };
    setup.service.acknowledge(&user_id(user), request).await.unwrap();
}

fn welcome(references: &[Vec<u8>]) -> Vec<u8> {
    mls::welcome(mls::SUITE, &references.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn rejected(rejection: Rejection) -> Result<(), Error> {
    Err(Error::PoolRejected(rejection))
}

#[tokio::test]
async fn each_client_gets_its_own_part_with_hub_time_and_tree() {
    let setup = Setup::new();
    let (bob, phone) = (upload(&setup, "bob", 1, 1).await, upload(&setup, "bob", 2, 1).await);
    let refs = [b"of nobody".to_vec(), bob[0].clone(), phone[0].clone()];
    let (ticket, decisions) = ask(&setup, "third.example", &refs).await.unwrap();
    assert_eq!((ticket.len(), decisions), (16, vec![Unknown, Accepted, Accepted]));
    setup.clock.advance(5);
    let tree = mls::ratchet_tree();
    let pushed = push(&ticket, &welcome(&refs), Some(tree.clone()));
    setup.service.welcome(&provider("third.example"), pushed).await.unwrap();
    for (number, reference) in [(1, &bob[0]), (2, &phone[0])] {
        let [entry] = &entries(&setup, "bob", number).await[..] else { panic!("one") };
        assert_eq!((entry.hub.as_str(), entry.arrived_ms), ("third.example", START + 5));
        assert_eq!(entry.welcome.bytes()[..], welcome(std::slice::from_ref(reference)));
        assert_eq!(entry.ratchet_tree.as_ref().map(|tree| tree.bytes().to_vec()), Some(tree.clone()));
    }
    assert!(entries(&setup, "bob", 3).await.is_empty() && entries(&setup, "carol", 1).await.is_empty());
    let [entry] = &entries(&setup, "bob", 1).await[..] else { panic!("one") };
    acknowledge(&setup, "bob", 1, entry, InboxOutcome::Joined).await;
    assert!(entries(&setup, "bob", 1).await.is_empty());
    assert_eq!(entries(&setup, "bob", 2).await.len(), 1, "the other device's is its own");
    assert_eq!(ask(&setup, "third.example", &refs).await.unwrap().1, [Unknown, AlreadyUsed, Accepted]);
}

/// Tickets and Welcomes are written, and a hub may bring the same ones for ever.
#[tokio::test]
async fn a_hub_is_charged_for_what_it_brings() {
    let rates = RateLimits { provider: Rate::each_ms(4, 1_000), ..RateLimits::default() };
    let setup = Setup::with(sequencer::Policy::default(), Limits { rates, ..Limits::default() });
    let refs = upload(&setup, "bob", 1, 1).await;
    let too_fast = Error::TooFast { retry_after_seconds: 1 };
    for _ticket in 0..2 {
        let (ticket, _) = ask(&setup, "third.example", &refs).await.unwrap();
        for _repetition in 0..3 {
            bring(&setup, "third.example", &ticket, &welcome(&refs)).await.unwrap();
        }
    }
    assert_eq!(ask(&setup, "third.example", &refs).await, Err(too_fast.clone()));
    let nobody = [b"of nobody".to_vec()];
    assert_eq!(ask(&setup, "third.example", &nobody).await.unwrap().1, [Unknown], "nothing is written for that");
    ask(&setup, "follower.example", &refs).await.unwrap();
    for _ticket in 0..10 {
        ask(&setup, "hub.example", &refs).await.expect("our own users have paid");
    }
    setup.clock.advance(1_000);
    let (ticket, _) = ask(&setup, "third.example", &refs).await.unwrap();
    assert_eq!(bring(&setup, "third.example", &ticket, &welcome(&refs)).await, Err(too_fast));
    setup.clock.advance(1_000);
    bring(&setup, "third.example", &ticket, &welcome(&refs)).await.unwrap();
    setup.assert_sound().await;
}

/// A question may be about a hundred thousand: of a hub one is looked at at a time, and nobody else waits for it.
#[tokio::test]
async fn questions_of_a_hub_are_answered_one_after_the_other() {
    let limits = Limits { queue_wait: Duration::from_millis(100), ..Limits::default() };
    let setup = Setup::with(sequencer::Policy::default(), limits);
    let refs = upload(&setup, "bob", 1, 1).await;
    let turn = setup.service.welcome_turns.take(&provider("third.example")).await.unwrap();
    assert_eq!(ask(&setup, "third.example", &refs).await, Err(Error::Overloaded));
    assert_eq!(ask(&setup, "follower.example", &refs).await.unwrap().1, [Accepted]);
    drop(turn);
    let mut many: Vec<_> = (0..1000_u32).map(|number| number.to_be_bytes().to_vec()).collect();
    many.push(refs[0].clone());
    let (_, decisions) = ask(&setup, "third.example", &many).await.unwrap();
    assert_eq!((decisions.len(), decisions[..1000] == [Unknown; 1000], decisions[1000]), (1001, true, Accepted));
    many.push(many[7].clone());
    assert_eq!(ask(&setup, "third.example", &many).await, Err(Error::RepeatedReference));
}

#[tokio::test]
async fn a_restart_at_any_step_loses_nothing_and_shows_nothing_twice() {
    let mut setup = Setup::new();
    let refs = upload(&setup, "bob", 1, 1).await;
    let (ticket, _) = ask(&setup, "third.example", &refs).await.unwrap();
    setup = setup.restart().await;
    bring(&setup, "third.example", &ticket, &welcome(&refs)).await.unwrap();
    setup = setup.restart().await;
    // The hub did not get the answer.
    bring(&setup, "third.example", &ticket, &welcome(&refs)).await.unwrap();
    let (another, _) = ask(&setup, "third.example", &refs).await.unwrap();
    bring(&setup, "third.example", &another, &welcome(&refs)).await.unwrap();
    let found = entries(&setup, "bob", 1).await;
    assert_eq!(found.len(), 1);
    acknowledge(&setup, "bob", 1, &found[0], InboxOutcome::Joined).await;
    setup = setup.restart().await;
    // Nor did the client.
    acknowledge(&setup, "bob", 1, &found[0], InboxOutcome::Joined).await;
    bring(&setup, "third.example", &ticket, &welcome(&refs)).await.unwrap();
    assert!(entries(&setup, "bob", 1).await.is_empty());
}

#[tokio::test]
async fn what_was_not_written_can_be_delivered_again() {
    let setup = Setup::new();
    let refs = upload(&setup, "bob", 1, 1).await;
    let (ticket, _) = ask(&setup, "third.example", &refs).await.unwrap();
    setup.store.fail_writes(store::Error::Io("the disk is full".to_owned()));
    let failed = bring(&setup, "third.example", &ticket, &welcome(&refs)).await;
    assert!(matches!(failed, Err(Error::Store(_))), "{failed:?}");
    let setup = setup.restart().await;
    assert!(entries(&setup, "bob", 1).await.is_empty());
    bring(&setup, "third.example", &ticket, &welcome(&refs)).await.unwrap();
    assert_eq!(entries(&setup, "bob", 1).await.len(), 1);
}

#[tokio::test]
async fn tickets_of_others_forged_and_used_ones_are_refused() {
    let setup = Setup::new();
    let refs = upload(&setup, "bob", 1, 2).await;
    let (ticket, _) = ask(&setup, "third.example", &refs[..1]).await.unwrap();
    let refused = rejected(Rejection::WelcomeRefused);
    assert_eq!(bring(&setup, "follower.example", &ticket, &welcome(&refs)).await, refused);
    assert_eq!(bring(&setup, "third.example", &[0xee; 16], &welcome(&refs)).await, refused);
    assert_eq!(bring(&setup, "third.example", &ticket, &welcome(&refs[1..])).await, refused, "not asked for");
    let attempts = setup.store.attempts();
    assert_eq!(bring(&setup, "third.example", &ticket, &welcome(&[])).await, refused);
    assert_eq!(setup.store.attempts(), attempts, "nothing is written for that");
    assert!(entries(&setup, "bob", 1).await.is_empty());
    bring(&setup, "third.example", &ticket, &welcome(&refs)).await.unwrap();
    let [entry] = &entries(&setup, "bob", 1).await[..] else { panic!("one") };
    assert_eq!(entry.welcome.key_package_refs().collect::<Vec<_>>(), [&refs[0][..]]);
    assert_eq!(bring(&setup, "third.example", &ticket, &welcome(&refs[..1])).await, refused, "other bytes");
    // A ticket is drawn for nothing as well, and worth as much.
    let (ticket, decisions) = ask(&setup, "third.example", &[b"of nobody".to_vec()]).await.unwrap();
    assert_eq!((ticket.len(), decisions), (16, vec![Unknown]));
    assert_eq!(bring(&setup, "third.example", &ticket, &welcome(&refs)).await, refused);
}

/// Some of it was taken in a write of its own when the rest found no room.
#[tokio::test]
async fn nobody_goes_without_because_somebody_else_has_no_room() {
    let per_user = Room { letters: 2, bytes: 1_000_000 };
    let inbox = InboxPolicy { per_user, ..InboxPolicy::default() };
    let setup = Setup::with_pool(Policy { inbox, ..Policy::default() });
    let (bob, carol) = (upload(&setup, "bob", 1, 256).await, upload(&setup, "carol", 1, 2).await);
    let everybody = [bob, carol[..1].to_vec()].concat();
    let (ticket, decisions) = ask(&setup, "third.example", &everybody).await.unwrap();
    assert!(decisions.iter().all(|decision| *decision == Accepted) && decisions.len() == 257);
    let (other, _) = ask(&setup, "third.example", &carol[1..]).await.unwrap();
    bring(&setup, "third.example", &other, &welcome(&carol[1..])).await.unwrap();
    assert_eq!(bring(&setup, "third.example", &ticket, &welcome(&everybody)).await, rejected(Rejection::InboxFull));
    assert_eq!(entries(&setup, "bob", 1).await.len(), 1);
    let found = entries(&setup, "carol", 1).await;
    assert_eq!(found.len(), 1, "half of hers is full");
    acknowledge(&setup, "carol", 1, &found[0], InboxOutcome::Dropped).await;
    bring(&setup, "third.example", &ticket, &welcome(&everybody)).await.unwrap();
    let [entry] = &entries(&setup, "carol", 1).await[..] else { panic!("one") };
    assert_eq!(entry.welcome.key_package_refs().collect::<Vec<_>>(), [&carol[0][..]]);
    assert_eq!(entries(&setup, "bob", 1).await.len(), 1, "she was waited for, he had it");
}

#[tokio::test]
async fn a_delivery_wakes_the_client_that_it_is_for() {
    let setup = Setup::new();
    let (bob, carol) = (upload(&setup, "bob", 1, 1).await, upload(&setup, "carol", 1, 1).await);
    let waiting = inbox(&setup, "bob", 1, 0, LONG);
    let delivering = async {
        setup.await_waiting(1).await;
        for (number, refs) in [&carol, &bob].into_iter().enumerate() {
            let (ticket, _) = ask(&setup, "third.example", refs).await.unwrap();
            assert_eq!(entries(&setup, "bob", 1).await.len(), 0, "{number}");
            bring(&setup, "third.example", &ticket, &welcome(refs)).await.unwrap();
        }
    };
    let both = Box::pin(async { tokio::join!(waiting, delivering) });
    // Sooner than anybody looks again by itself.
    let (response, ()) = tokio::time::timeout(Duration::from_secs(9), both).await.expect("woken");
    assert_eq!(response.entries.len(), 1);
    setup.await_waiting(0).await;
    // What was seen is not waited for; the end of the service ends the wait.
    let waiting = inbox(&setup, "bob", 1, response.entries[0].number, LONG);
    let ending = async {
        setup.await_waiting(1).await;
        setup.service.stop_waiting();
    };
    let (response, ()) = tokio::time::timeout(PATIENCE, async { tokio::join!(waiting, ending) }).await.expect("ended");
    assert_eq!(response, InboxResponse::default());
}

#[tokio::test]
async fn pages_end_between_two_entries_and_hold_one_at_least() {
    let setup = Setup::with(sequencer::Policy::default(), Limits { page_bytes: 250, ..Limits::default() });
    let refs = upload(&setup, "bob", 1, 4).await;
    for (number, reference) in refs.iter().enumerate() {
        let refs = std::slice::from_ref(reference);
        let (ticket, _) = ask(&setup, "third.example", refs).await.unwrap();
        // Each has 60 bytes and something, the last one more than fits on a page.
        let tree = (number == 3).then(|| vector(&[0; 1000]));
        setup.service.welcome(&provider("third.example"), push(&ticket, &welcome(refs), tree)).await.unwrap();
        setup.clock.advance(1);
    }
    let (mut after, mut pages) = (0, Vec::new());
    loop {
        let response = inbox(&setup, "bob", 1, after, Duration::ZERO).await;
        pages.push(response.entries.iter().map(|entry| entry.number).collect::<Vec<_>>());
        after = *pages.last().unwrap().last().unwrap();
        if !response.more {
            break;
        }
    }
    assert_eq!(pages, [vec![START, START + 1, START + 2], vec![START + 3]]);
    assert_eq!(inbox(&setup, "bob", 1, after, Duration::ZERO).await, InboxResponse::default());
}

#[tokio::test]
async fn what_is_too_long_is_refused() {
    let sizes = sequencer::SizeLimits { welcome: 200, group_info: 50, ..sequencer::Policy::default().sizes };
    let setup = Setup::with(sequencer::Policy { sizes, ..sequencer::Policy::default() }, Limits::default());
    let refs = upload(&setup, "bob", 1, 4).await;
    let (ticket, _) = ask(&setup, "third.example", &refs).await.unwrap();
    let too_large = |limit| Err(Error::Rejected(sequencer::Rejection::TooLarge(limit)));
    assert_eq!(bring(&setup, "third.example", &ticket, &welcome(&refs)).await, too_large(SizeLimit::Welcome(200)));
    let with_tree = push(&ticket, &welcome(&refs[..1]), Some(vector(&[0; 50])));
    let refused = setup.service.welcome(&provider("third.example"), with_tree).await;
    assert_eq!(refused, too_large(SizeLimit::GroupInfo(50)));
    bring(&setup, "third.example", &ticket, &welcome(&refs[..2])).await.unwrap();
}

#[tokio::test]
async fn what_nobody_comes_for_is_swept_away_after_thirty_days() {
    let setup = Setup::new();
    let refs = upload(&setup, "bob", 1, 2).await;
    let (ticket, _) = ask(&setup, "third.example", &refs[..1]).await.unwrap();
    bring(&setup, "third.example", &ticket, &welcome(&refs[..1])).await.unwrap();
    setup.clock.advance(30 * DAY - 1);
    setup.service.sweep().await.unwrap();
    let (late, _) = ask(&setup, "third.example", &refs[1..]).await.unwrap();
    bring(&setup, "third.example", &late, &welcome(&refs[1..])).await.unwrap();
    assert_eq!(entries(&setup, "bob", 1).await.len(), 2);
    setup.clock.advance(1);
    assert!(setup.service.sweep().await.unwrap() > 0);
    assert_eq!(entries(&setup, "bob", 1).await.len(), 1);
    assert_eq!(setup.service.sweep().await.unwrap(), 0, "nothing is due twice");
}

/// The hub's own users are a provider's like others.
#[tokio::test]
async fn a_hub_delivers_to_its_own_users() {
    let setup = Setup::new();
    let refs = upload(&setup, "bob", 1, 1).await;
    let (ticket, decisions) = ask(&setup, "hub.example", &refs).await.unwrap();
    assert_eq!(decisions, [Accepted]);
    bring(&setup, "hub.example", &ticket, &welcome(&refs)).await.unwrap();
    assert_eq!(entries(&setup, "bob", 1).await[0].hub.as_str(), "hub.example");
}
