//! Providers that a hub pushes to: listeners with their certificates, which take what comes and keep nothing.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use restante::wire::{MEDIA_TYPE, PushRequest, PushResponse, decode, encode};
use restante_process::{Clients, ConnectionLimits, Connections, Identify, RequestBody, Socket, Tls};
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        watch,
    },
    task::JoinSet,
    time::{Instant, timeout},
};

use crate::{
    group::Group,
    readers::{Arrival, PATIENCE},
    site::Site,
};

/// Followers; their listeners end when this is dropped.
pub(crate) struct Followers {
    pub(crate) addresses: Vec<SocketAddr>,
    arrivals: UnboundedReceiver<Arrival>,
    _listeners: JoinSet<()>,
    _stop: watch::Sender<bool>,
}

impl Followers {
    pub(crate) async fn listen(site: &Site, providers: usize, group: &Arc<Group>) -> Self {
        let (told, arrivals) = unbounded_channel();
        let (stop, stopping) = watch::channel(false);
        let (mut addresses, mut listeners) = (Vec::new(), JoinSet::new());
        for reader in 0..providers {
            let (socket, address) = Socket::tcp("follower", (Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
            addresses.push(address);
            let follower = Follower { reader, group: group.clone(), next: Arc::default(), told: told.clone() };
            let (cert_file, key_file, ca_file) = site.certificate_of_reader(reader);
            let connections = Connections {
                service: tower::service_fn(move |request| follower.clone().take(request)),
                route: |_, _| "push",
                tls: Some(Tls::read(&cert_file, &key_file, Clients::Required(&ca_file)).unwrap()),
                identify: Identify::nobody(),
                limits: ConnectionLimits::default(),
            };
            listeners.spawn(connections.serve(socket, stopping.clone()));
        }
        Self { addresses, arrivals, _listeners: listeners, _stop: stop }
    }

    pub(crate) async fn arrival(&mut self) -> Arrival {
        timeout(PATIENCE, self.arrivals.recv()).await.expect("a message comes to its subscriber").unwrap()
    }
}

#[derive(Clone)]
struct Follower {
    reader: usize,
    /// The hub may push again what it pushed in another row's group before it ended.
    group: Arc<Group>,
    /// What it has not seen yet of the group.
    next: Arc<AtomicU32>,
    told: UnboundedSender<Arrival>,
}

impl Follower {
    async fn take(self, request: Request<RequestBody>) -> Result<Response<Full<Bytes>>, Infallible> {
        // The hub also asks its peers whom they have banned: here is nothing to read.
        if request.uri().path() != "/v1/push" {
            let mut nothing = Response::new(Full::default());
            *nothing.status_mut() = StatusCode::NOT_FOUND;
            return Ok(nothing);
        }
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let at = Instant::now();
        let push: PushRequest = decode(&body).unwrap();
        let end = push.first_counter + u32::try_from(push.response.epoch.messages.len()).unwrap();
        if self.group.is_of(&push.group_id) {
            // A message may be pushed more than once.
            let seen = self.next.fetch_max(end, Ordering::Relaxed).max(push.first_counter);
            for _ in seen..end {
                // Nobody listens any more at the end.
                let _ = self.told.send(Arrival { reader: self.reader, at });
            }
        }
        let mut answer = Response::new(encode(&PushResponse { next_counter: end }).unwrap().into());
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        Ok(answer)
    }
}
