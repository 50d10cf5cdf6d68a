//! Programs that are killed under load, again and again, and started again; and a model of all that they have
//! acknowledged.
//!
//! Two providers with mutual TLS, each the hub of some groups and the follower of others, a gateway in each and a relay
//! in front of one, a gateway that stands alone, a client with two devices: all of them `kill -9`ed at random, and at
//! chosen points of their own code (`restante_faults`), while backups are made.
//!
//! What counts as a failure:
//! * a message that was acknowledged and is not where its receipt says, or not as it was sent; one that stands at two
//!   indexes; an index without a message; a message that nobody sent; a retry that is given another receipt,
//! * a deleted group that takes a message, loses one before its time, or has one again when retention has removed all of it,
//! * a branch that was ended and takes a message, or was taken back and takes none,
//! * a ban or a mute that was acknowledged and is not in force, or that was lifted and is,
//! * a KeyPackage that is for one group and is handed out twice, more of them gone than fetches were interrupted, a copy
//!   of an answered request that is answered again, a revoked token that opens something,
//! * a Welcome whose commit was acknowledged and that does not come, comes twice, or comes again when it was acknowledged,
//! * a follower that does not catch up,
//! * a call that reaches the origin of the lone gateway twice, or was answered without,
//! * a client that does not find its group again, or a message between clients that was acknowledged and is not heard,
//! * a backup that fails, or that `restante backup verify` finds something wrong with,
//! * a key that was published and is forgotten, or an id that is given to another one; a change of keys that does not come to
//!   be behind a kill in the middle of it; a key that is listed and opens nothing,
//! * a database that `restante db verify` finds something wrong with, as a kill has left it,
//! * a line of a log that tells of a panic, or of any other error: whoever asks again passes over these,
//! * a program that does not start again by itself; a point that was asked for and never reached.
//!
//! What cannot be seen this way: a write that was not synced. A process that is killed takes nothing with it that it has
//! given to the system. And what nobody here asks for, or the model does not know:
//! * rates and budgets: nobody comes near them, so that it is not seen whether what was charged, or handed out for a token,
//!   still counts behind a kill,
//! * whether a ban is enforced, here or at a peer: what is compared is what the server lists,
//! * external joins and proposals, GroupInfos, groups whose handshakes are public, complaints, and that a user leaves,
//! * branches of more than one partition, which are ended in more than one write,
//! * what a leap of the clocks does to a request without an answer, to a Welcome under way, to a device that has not read all:
//!   before it everybody is answered, and all has come,
//! * reloads, restores of a backup, and `restante-gateway keys`; changes of keys that fall due while a gateway serves: a clock
//!   leaps only from one start to the next,
//! * that the relay's limits and tokens are kept.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a broken harness fails loudly")]
#![allow(clippy::print_stderr, reason = "tells how it goes on, and what seed repeats it")]

mod audit;
#[path = "../../examples/two_members/device.rs"]
#[allow(dead_code, reason = "the example needs more of it")]
mod device;
mod dice;
#[path = "../../examples/two_members/folder.rs"]
mod folder;
mod gateway;
mod keys;
mod killer;
mod load;
mod member;
mod model;
mod origin;
mod plan;
mod probe;
mod report;
mod run;
mod running;
#[path = "../../examples/two_members/storage.rs"]
mod storage;
mod symptoms;
mod world;

#[path = "../fixtures/mod.rs"]
#[allow(dead_code, reason = "shared with other tests; nobody needs all of it")]
mod fixtures;
#[path = "../flows/line.rs"]
mod line;
#[path = "../flows/lone_gateway.rs"]
#[allow(dead_code, reason = "shared with other tests; nobody needs all of it")]
mod lone_gateway;
#[path = "../flows/pki.rs"]
#[allow(dead_code, reason = "shared with other tests; nobody needs all of it")]
mod pki;
#[path = "../flows/process.rs"]
#[allow(dead_code, reason = "shared with other tests; nobody needs all of it")]
mod process;
#[path = "../flows/relay.rs"]
#[allow(dead_code, reason = "shared with other tests; nobody needs all of it")]
mod relay;
#[path = "../flows/site.rs"]
#[allow(dead_code, reason = "shared with other tests; nobody needs all of it")]
mod site;

use std::{env, path::Path};

use plan::Extent;
use restante::client::http::LocalAddress;
use tokio::task::LocalSet;

/// What goes wrong in a client.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Every point once, and some kills at random.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_is_done_twice() {
    LocalSet::new().run_until(Box::pin(run::torture(Extent::Short))).await;
}

/// `cargo xtask torture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "as long as it is asked for: `cargo xtask torture`"]
async fn as_long_as_is_asked_for() {
    LocalSet::new().run_until(Box::pin(run::torture(Extent::asked()))).await;
}

/// No test: what the others start as a program.
#[tokio::test(flavor = "current_thread")]
#[ignore = "a program that the others start"]
async fn a_member_in_a_process_of_its_own() {
    let (Some(folder), Ok(hub)) = (env::var_os(member::FOLDER), env::var(member::HUB_ADDRESS)) else { return };
    let hub = LocalAddress::Tcp(hub.parse().unwrap());
    Box::pin(member::live(Path::new(&folder), hub)).await.unwrap();
}
