//! How the name of a gateway becomes addresses to connect to.
//!
//! # Security
//! Whatever stands in a resolver's place, only public addresses leave this module: see [`public_of`].
//!
//! # Correctness
//! The system looks names up in a call that blocks a thread until it has an answer, for half a minute if the name's own
//! servers say nothing, and that nobody can end. The threads are everybody's. So there is one lookup of a gateway's name
//! at a time, whoever waits for it and however soon they give up, and a gateway whose name is not answered holds one
//! thread and no more.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking},
    time::Instant,
};

use crate::public_addresses::public_of;

/// For how long an answer is good: whoever comes meanwhile causes no lookup.
const REMEMBERED: Duration = Duration::from_secs(5);

type LookUp = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// What looks names up: a call that returns when there is an answer.
#[derive(Clone)]
pub(crate) struct Resolver(Arc<LookUp>);

impl Resolver {
    /// The system's.
    pub(crate) fn system() -> Self {
        Self::new(|host, port| Ok(std::net::ToSocketAddrs::to_socket_addrs(&(host, port))?.collect()))
    }

    /// Another one.
    pub(crate) fn new(look_up: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look_up))
    }
}

/// The name of one gateway, and what is known of it.
pub(crate) struct GatewayName {
    host: Arc<str>,
    port: u16,
    resolver: Resolver,
    lookup: Mutex<Option<Lookup>>,
}

/// A lookup that is under way, or its answer.
struct Lookup {
    answer: watch::Receiver<Option<Answer>>,
    thread: JoinHandle<()>,
}

/// The public addresses, or what kind of error there was; and when that came.
#[derive(Clone)]
struct Answer {
    addresses: Result<Arc<[SocketAddr]>, io::ErrorKind>,
    when: Instant,
}

impl GatewayName {
    pub(crate) fn new(host: &str, port: u16, resolver: Resolver) -> Self {
        Self { host: host.into(), port, resolver, lookup: Mutex::default() }
    }

    /// The public addresses of the name, in the resolver's order; none is no error here.
    pub(crate) async fn public_addresses(&self) -> io::Result<Arc<[SocketAddr]>> {
        let mut answer = self.lookup();
        // Without an answer the lookup has panicked.
        let answer = answer.wait_for(Option::is_some).await.map_err(io::Error::other)?;
        let addresses = answer.as_ref().map(|answer| answer.addresses.clone());
        Ok(addresses.transpose()?.unwrap_or_default())
    }

    /// The lookup that is under way, or one whose answer is still good, or else a new one.
    fn lookup(&self) -> watch::Receiver<Option<Answer>> {
        let mut lookup = self.lookup.lock().unwrap_or_else(PoisonError::into_inner);
        match &*lookup {
            Some(known) if known.is_good() => known.answer.clone(),
            _ => lookup.insert(self.begin()).answer.clone(),
        }
    }

    fn begin(&self) -> Lookup {
        let (sender, answer) = watch::channel(None);
        let (host, port, resolver) = (self.host.clone(), self.port, self.resolver.clone());
        let thread = spawn_blocking(move || {
            let addresses = (resolver.0)(&host, port).map(|addresses| public_of(addresses).into());
            let addresses = addresses.map_err(|error| error.kind());
            sender.send_replace(Some(Answer { addresses, when: Instant::now() }));
        });
        Lookup { answer, thread }
    }
}

impl Lookup {
    fn is_good(&self) -> bool {
        match &*self.answer.borrow() {
            None => !self.thread.is_finished(),
            Some(Answer { addresses, when }) => addresses.is_ok() && when.elapsed() < REMEMBERED,
        }
    }
}

#[cfg(test)]
mod tests;
