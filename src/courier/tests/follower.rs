//! A provider that answers as a test says, over mutual TLS on loopback.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use tokio::sync::mpsc;

use crate::{
    client::http::{
        PROBLEM_MEDIA_TYPE,
        tests::{
            provider::{Authority, server_config},
            server::{Answer, Arrived, answer, serve_tls},
        },
    },
    service::setup::PATIENCE,
    wire::{MEDIA_TYPE, WelcomeDecision, WelcomeInitRequest, WelcomeInitResponse, WelcomePush, decode, encode},
};

/// How it answers one request.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// Decisions, and a ticket of that byte.
    Decide(u8, Vec<WelcomeDecision>),
    /// The Welcome is taken.
    Take,
    /// A refusal of ours.
    Problem(StatusCode, &'static str, Option<u32>),
    /// Anything.
    Raw(StatusCode, &'static str, Vec<u8>),
    /// Never.
    Hang,
}

/// What it was asked.
#[derive(Debug)]
pub(super) enum Asked {
    /// The refs.
    Init(Vec<Vec<u8>>),
    Welcome(Box<WelcomePush>),
}

pub(super) struct Follower {
    pub(super) address: SocketAddr,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    asked: mpsc::UnboundedReceiver<Asked>,
}

impl Follower {
    /// Without a reply left it accepts and takes everything, with tickets of the byte 0xee.
    pub(super) async fn start(authority: &Authority, name: &str, replies: Vec<Reply>) -> Self {
        let replies: Arc<Mutex<VecDeque<Reply>>> = Arc::new(Mutex::new(replies.into()));
        let (tell, asked) = mpsc::unbounded_channel();
        let left = replies.clone();
        let handler = move |arrived: Arrived| {
            let (left, tell) = (left.clone(), tell.clone());
            async move {
                let asked = match arrived.path.as_str() {
                    "/v1/welcome-init" => {
                        let request: WelcomeInitRequest = decode(&arrived.body).unwrap();
                        Asked::Init(request.key_package_refs.into_iter().map(|known| known.0).collect())
                    }
                    "/v1/welcome" => Asked::Welcome(Box::new(decode(&arrived.body).unwrap())),
                    other => panic!("{other}"),
                };
                let usual = match &asked {
                    Asked::Init(refs) => Reply::Decide(0xee, vec![WelcomeDecision::Accepted; refs.len()]),
                    Asked::Welcome(_) => Reply::Take,
                };
                let reply = left.lock().unwrap().pop_front().unwrap_or(usual);
                // A test that has ended asks no more.
                drop(tell.send(asked));
                reply.answer().await
            }
        };
        let address = serve_tls(server_config(authority, &authority.issue(&[name]), &["h2"]), handler).await;
        Self { address, replies, asked }
    }

    /// What it is asked next.
    pub(super) async fn asked(&mut self) -> Asked {
        tokio::time::timeout(PATIENCE, self.asked.recv()).await.expect("somebody comes").unwrap()
    }

    pub(super) async fn asked_init(&mut self) -> Vec<Vec<u8>> {
        match self.asked().await {
            Asked::Init(refs) => refs,
            Asked::Welcome(push) => panic!("{push:?}"),
        }
    }

    pub(super) async fn given(&mut self) -> WelcomePush {
        match self.asked().await {
            Asked::Welcome(push) => *push,
            Asked::Init(_) => panic!("asked for decisions"),
        }
    }

    /// Nobody has come since.
    pub(super) fn assert_quiet(&mut self) {
        assert!(self.asked.try_recv().is_err());
    }

    pub(super) fn will(&self, replies: impl IntoIterator<Item = Reply>) {
        self.replies.lock().unwrap().extend(replies);
    }
}

impl Reply {
    async fn answer(self) -> Answer {
        match self {
            Self::Decide(ticket, decisions) => {
                let response = WelcomeInitResponse { welcome_ticket: vec![ticket; 16], decisions };
                answer(StatusCode::OK, MEDIA_TYPE, encode(&response).unwrap())
            }
            Self::Take => answer(StatusCode::OK, MEDIA_TYPE, Bytes::new()),
            Self::Problem(status, code, retry_after) => {
                let document = format!(r#"{{"type":"urn:mimi-ds:problem:{code}"}}"#);
                let mut refusal = answer(status, PROBLEM_MEDIA_TYPE, document);
                if let Some(seconds) = retry_after {
                    refusal.headers_mut().insert("retry-after", HeaderValue::from(seconds));
                }
                refusal
            }
            Self::Raw(status, media_type, body) => answer(status, media_type, body),
            Self::Hang => std::future::pending().await,
        }
    }
}
