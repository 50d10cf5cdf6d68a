//! The hub under measurement, and what is asked of it.

use std::{path::Path, rc::Rc, sync::Arc};

use restante::{pool, service::Service, wire::encode};

use crate::{
    groups::create_groups,
    load::{Target, http_answer},
    message::{receive_request, send_request, token},
    server::{self, EMPTY, Server},
    written::local_request,
};

const PROVIDER: &str = "hub.example";

pub(crate) fn service(folder: &Path) -> Arc<Service> {
    server::service(server::store(folder, PROVIDER, 256), PROVIDER, pool::Policy::default())
}

/// The server's process: creates so many groups, tells their ids, and serves.
pub(crate) fn serve(folder: &Path, groups: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let service = service(folder);
        let ids = create_groups(&service, groups).await;
        let ids = ids.into_iter().map(|id| String::from_utf8(id).unwrap()).collect();
        server::serve(server::router(service, token()), ids).await;
    });
}

/// The running server and its groups.
pub(crate) struct Hub {
    pub(crate) server: Server,
    groups: Rc<Vec<Vec<u8>>>,
}

impl Hub {
    pub(crate) fn start(groups: usize) -> Self {
        let mut server = Server::start(&[groups.to_string()]);
        let groups = Rc::new((0..groups).map(|_| server.line().into_bytes()).collect());
        Self { server, groups }
    }

    /// The same bodies as those of sends, to a path that reads them and does nothing.
    pub(crate) fn empty_posts(&self) -> Target {
        self.target(EMPTY, 1)
    }

    /// Sends to the first so many groups in turn.
    pub(crate) fn sends(&self, groups: usize) -> Target {
        self.target("/v1/send", groups)
    }

    fn target(&self, path: &'static str, spread: usize) -> Target {
        let groups = self.groups.clone();
        // Numbers of different rows must not meet: a repeated message would be answered without a write.
        let run = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos();
        let run = u64::from(run) << 32;
        Target {
            request: Rc::new(move |number, out| {
                let group = usize::try_from(number).unwrap() % spread;
                let request = send_request(&groups[group], group, run + number);
                local_request(&token(), path, &encode(&request).unwrap(), out);
            }),
            answer: http_answer,
        }
    }

    /// Receives of the first message of a partition that has one or more.
    pub(crate) fn receives(&self) -> Target {
        let groups = self.groups.clone();
        Target {
            request: Rc::new(move |number, out| {
                let group = usize::try_from(number).unwrap() % 64 + 1;
                local_request(&token(), "/v1/receive", &receive_request(&groups[group], group, 0), out);
            }),
            answer: http_answer,
        }
    }
}
