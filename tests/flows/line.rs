//! A line to a provider that may be restarted: its own address stays, and leads to wherever the provider is now.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinHandle},
};

/// Forwards connections; all of them break when it is dropped.
pub(crate) struct Line {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    destination: Mutex<Option<SocketAddr>>,
    connections: Mutex<Vec<AbortHandle>>,
}

impl Line {
    /// A line that leads nowhere yet: connections are accepted and closed.
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Self { address, shared, accepting }
    }

    /// Where it leads from now on; connections that exist stay.
    pub(crate) fn lead_to(&self, destination: SocketAddr) {
        *self.shared.destination.lock().unwrap() = Some(destination);
    }

    /// Connections are accepted and closed from now on; those that exist stay.
    pub(crate) fn lead_nowhere(&self) {
        *self.shared.destination.lock().unwrap() = None;
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let destination = *shared.destination.lock().unwrap();
        let Some(destination) = destination else { continue };
        let connection = tokio::spawn(async move {
            // Whoever closes first, closes both; how is not this line's business.
            if let Ok(mut far) = TcpStream::connect(destination).await {
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            }
        });
        shared.connections.lock().unwrap().push(connection.abort_handle());
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.accepting.abort();
        self.shared.connections.lock().unwrap().iter().for_each(AbortHandle::abort);
    }
}
