//! `restante-gateway`, which stands alone in front of an origin that is away.

use std::fs;

use restante::wire::BearerToken;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    bad::take_note_of,
    canary::{Canaries, Kind},
    commands,
    evidence::{Evidence, Place},
    folder,
    good::{CIPHERTEXT, bundle},
    stage::{ALICE, Stage, WRONG_TOKEN},
};
use crate::{
    https::Place as Server,
    lone_gateway::{LONE_GATEWAY, LoneGateway, WELL_KNOWN},
    oblivious::sealed::{encapsulate_for, open},
    process::PATIENCE,
    site::FOLLOWER,
};

/// Serves, is asked, and ends.
pub(super) async fn serve(stage: &Stage, token: &BearerToken, canaries: &mut Canaries, evidence: &mut Evidence) {
    let LoneGateway { mut process, folder, address, admin } =
        LoneGateway::start(&stage.site, ("", "trace"), &stage.export).await;
    canaries.add(Kind::SealKey, fs::read(folder.join("seal-key")).unwrap());

    let authority = stage.site.pki.authority();
    let server = Server { authority: &authority, name: FOLLOWER, address };
    let list = server.exchange(&format!("GET {WELL_KNOWN}"), "", b"").await;
    let (encapsulated, context) = encapsulate_for(FOLLOWER, &list.body, bundle(token));
    let fields = format!("content-type: message/ohttp-req\r\nuser-agent: {ALICE}\r\ncookie: {WRONG_TOKEN}\r\n");
    let answer = server.exchange(&format!("POST {WELL_KNOWN}"), &fields, &encapsulated).await;
    let (status, said) = open(context, &answer);
    assert!(status >= 500, "the origin is away: {status}");
    evidence.add(Place::Problem, LONE_GATEWAY, said);
    for (line, body) in [
        (format!("POST {WELL_KNOWN}?{ALICE}"), &encapsulated[..]),
        (format!("POST {WELL_KNOWN}"), CIPHERTEXT),
        (format!("PUT {WELL_KNOWN}"), CIPHERTEXT),
        (format!("POST /{ALICE}/{WRONG_TOKEN}"), CIPHERTEXT),
    ] {
        take_note_of(evidence, LONE_GATEWAY, server.exchange(&line, &fields, body).await);
    }
    commands::operate_gateway(&folder, evidence).await;
    evidence.add(Place::Metrics, LONE_GATEWAY, metrics(admin).await);
    process.terminate().await;
    assert_eq!(process.ended().await.code(), Some(0));
    evidence.add(Place::Log, LONE_GATEWAY, fs::read(stage.site.log(LONE_GATEWAY)).unwrap());
    evidence.add(Place::Printed, LONE_GATEWAY, process.printed.join("\n"));
    folder::read(LONE_GATEWAY, &folder, evidence);
}

/// What an operator's listener counts.
pub(super) async fn metrics(listener: std::net::SocketAddr) -> Vec<u8> {
    let exchange = async {
        let mut stream = TcpStream::connect(listener).await.unwrap();
        let request = b"GET /metrics HTTP/1.1\r\nhost: operator\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let answer = tokio::time::timeout(PATIENCE, exchange).await.expect("an answer in time");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    answer
}
