//! Bans and complaints where the disk is slow, and nobody waits for the answer.

use std::{pin::Pin, time::Duration};

use crate::{
    sequencer::Ban,
    service::{
        BanName, Error,
        setup::{Setup, provider, user_id},
        tests::begin,
    },
    wire::{BanList, BanSalt, ReportReason, Sanction},
};

type Asking<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + 'a>>;

fn name(user: &str) -> BanName {
    BanName::User(provider("follower.example"), user_id(user))
}

/// What is in memory, and after a restart what is on the disk.
async fn is_banned(setup: Setup, user: &str) -> (bool, bool) {
    let before = setup.service.ban_of(&name(user)).is_some();
    (before, setup.restart().await.service.ban_of(&name(user)).is_some())
}

/// Its write has begun when the one who asked goes away.
async fn begin_and_leave<T>(setup: &Setup, mut asking: Asking<'_, T>) {
    setup.store.hold();
    begin(&mut asking);
    setup.store.await_stalled(1);
    drop(asking);
    setup.store.release();
    // Behind it in the lane.
    setup.service.ban(&name("somebody else"), Sanction::Banned).await.unwrap();
}

#[tokio::test]
async fn a_ban_holds_though_nobody_waits_for_it() {
    let setup = Setup::new();
    begin_and_leave(&setup, Box::pin(setup.service.ban(&name("mallory"), Sanction::Banned))).await;
    assert_eq!(is_banned(setup, "mallory").await, (true, true));
}

#[tokio::test]
async fn a_ban_is_lifted_though_nobody_waits_for_it() {
    let setup = Setup::new();
    setup.service.ban(&name("mallory"), Sanction::Banned).await.unwrap();
    begin_and_leave(&setup, Box::pin(setup.service.lift_ban(&name("mallory")))).await;
    assert_eq!(is_banned(setup, "mallory").await, (false, false));
}

/// The operator is told that nobody knows, and takes it back before it is written.
#[tokio::test]
async fn what_timed_out_can_be_lifted() {
    let mut setup = Setup::new();
    setup.limits.commit_wait = Duration::from_millis(50);
    let setup = setup.restart().await;
    setup.store.hold();
    let (name, service) = (name("mallory"), &setup.service);
    assert_eq!(service.ban(&name, Sanction::Banned).await, Err(Error::Overloaded));
    assert_eq!(service.lift_ban(&name).await, Err(Error::Overloaded));
    setup.store.release();
    assert!(!is_banned(setup, "mallory").await.1);
}

#[tokio::test]
async fn a_list_is_enforced_though_nobody_waits_for_it() {
    let setup = Setup::new();
    let (hub, list) = (provider("third.example"), BanList { salt: BanSalt::new([7; 32]), users: Vec::new() });
    let digest = list.digest();
    let service = setup.service.clone();
    begin_and_leave(&setup, Box::pin(service.keep_bans(&hub, list))).await;
    assert_eq!(setup.service.known_bans(&hub), digest);
}

/// They share writes with each other, and a ban that comes after them.
#[tokio::test]
async fn many_complaints_hold_up_no_ban() {
    const COMPLAINTS: u32 = 300;
    let setup = Setup::new();
    let (from, about, service) = (provider("follower.example"), provider("third.example"), &setup.service);
    setup.store.hold();
    let complain = |_| -> Asking<'_, ()> { Box::pin(service.report(&from, &about, ReportReason::Flooding)) };
    let mut complaining: Vec<_> = (0..COMPLAINTS).map(complain).collect();
    begin(&mut complaining[0]);
    setup.store.await_stalled(1);
    complaining[1..].iter_mut().for_each(begin);
    let banned = name("mallory");
    let mut banning: Asking<'_, Option<Ban>> = Box::pin(service.ban(&banned, Sanction::Banned));
    begin(&mut banning);
    let before = setup.store.attempts();
    setup.store.release();
    assert_eq!(banning.await, Ok(None), "there was none before");
    for complaint in complaining {
        complaint.await.unwrap();
    }
    let batches = setup.store.attempts() - before;
    assert!(batches <= 4, "{batches}");
    let count = |setup: &Setup| setup.service.complaints().iter().map(|(_, known)| known.number).sum::<u32>();
    assert_eq!(count(&setup), COMPLAINTS);
    assert_eq!(count(&setup.restart().await), COMPLAINTS);
}
