//! Two devices in one group, with all that an app has to do about it: KeyPackage and Welcome, sending, receiving, and going
//! on after a restart. Only the public interface of `restante::client` is used.
//!
//! It needs a hub that runs, like the one of README.md, "Run it", and what its own service would know: where its local
//! listener is, the file with the service token, and the provider's id. Both users are that provider's.
//!
//! ```sh
//! cargo run --example two_members --no-default-features --features client -- \
//!     127.0.0.1:8080 target/try/service-token hub.example target/two-members
//! ```
//!
//! `device.rs` is the part that an app has in some form; `storage.rs` what it keeps, and when. A device's files are in a
//! folder of its own: run it again with the same folder, and it is told that there is a group already.

#![allow(clippy::print_stdout, reason = "an example talks")]

mod device;
mod folder;
mod storage;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use device::{Provider, listen, open, work};
use restante::client::http::{LocalAddress, ServiceToken};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, token_file, id, folder] = &arguments[..] else {
        return Err("usage: two_members LOCAL_ADDRESS SERVICE_TOKEN_FILE PROVIDER FOLDER".into());
    };
    let token = ServiceToken::new(&std::fs::read_to_string(token_file)?).ok_or("that file holds no token")?;
    let local = LocalAddress::Tcp(address.parse::<SocketAddr>()?);
    Box::pin(play(&Provider { id: id.parse()?, local, token }, Path::new(folder))).await
}

async fn play(provider: &Provider, folder: &Path) -> Result<(), Failure> {
    let [alices, bobs]: [PathBuf; 2] = ["alice", "bob"].map(|name| folder.join(name));
    if alices.exists() || bobs.exists() {
        return Err("somebody has been in that folder: take another one".into());
    }

    let bob = open(&bobs, "bob", provider)?;
    let package = bob.publish().await?;
    let mut alice = open(&alices, "alice", provider)?.found().await?;
    println!("Alice has founded a group");

    // What a member wants is queued at once, and worked off by `sync`: in this epoch or in whatever comes then.
    alice.add(vec![package])?;
    alice.send(b"hello, Bob")?;
    work(&mut alice).await?;
    let mut bob = bob.welcomed().await?;
    println!("Bob has joined; there are {} members", bob.group().group().roster().members().len());
    println!("Bob hears: {}", listen(&mut bob).await?.join(", "));

    // Bob's process ends, as processes do. Meanwhile the group goes on: Alice renews her keys, which is a new epoch.
    drop(bob);
    alice.update()?;
    alice.send(b"still there?")?;
    work(&mut alice).await?;

    let mut bob = open(&bobs, "bob", provider)?.resume()?;
    println!("Bob is back, and hears: {}", listen(&mut bob).await?.join(", "));
    bob.send(b"here I am")?;
    work(&mut bob).await?;
    println!("Alice hears: {}", listen(&mut alice).await?.join(", "));
    println!("both are in epoch {} and {}", alice.group().epoch().0, bob.group().epoch().0);
    Ok(())
}
