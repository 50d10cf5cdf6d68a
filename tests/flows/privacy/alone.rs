//! `restante-gateway`, which stands alone in front of an origin that is away.

use std::{ffi::OsStr, fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use restante::wire::BearerToken;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    bad::take_note_of,
    canary::{Canaries, Kind},
    evidence::{Evidence, Place},
    good::{CIPHERTEXT, bundle},
    stage::{ALICE, Stage, WRONG_TOKEN},
};
use crate::{
    https::Place as Server,
    oblivious::sealed::{encapsulate_for, open},
    process::{PATIENCE, Process, beside},
    site::FOLLOWER,
};

const NAME: &str = "gateway-alone";

pub(super) fn program() -> PathBuf {
    beside("restante-gateway")
}

/// Serves, is asked, and ends.
pub(super) async fn serve(stage: &Stage, token: &BearerToken, canaries: &mut Canaries, evidence: &mut Evidence) {
    let folder = stage.site.of(NAME);
    fs::create_dir_all(&folder).unwrap();
    let own = format!("../pki/{FOLLOWER}");
    let text = format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\ncert_file = \"{own}/cert.pem\"\nkey_file = \"{own}/key.pem\"\n\
         authority = \"{FOLLOWER}\"\n[keys]\npath = \"keys\"\nseal_key_file = \"seal-key\"\n\
         [origin]\nurl = \"http://127.0.0.1:1\"\n[replays]\npath = \"replays\"\n\
         [[routes]]\npath = \"/v1/key-packages\"\n[admin]\nlisten = \"127.0.0.1:0\"\n{}",
        stage.export
    );
    let file = folder.join("gateway.toml");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let log = folder.join("log");
    let arguments = ["serve", "--log", "trace", "--config"].map(OsStr::new);
    let arguments = [&arguments[..], &[file.as_os_str()]].concat();
    let mut process = Process::start_program(&program(), "", &arguments, &log);
    let address = process.listening_tcp("gateway").await;
    let admin = process.listening_tcp("admin").await;
    canaries.add(Kind::SealKey, fs::read(folder.join("seal-key")).unwrap());

    let authority = stage.site.pki.authority();
    let server = Server { authority: &authority, name: FOLLOWER, address };
    let well_known = "/.well-known/ohttp-gateway";
    let list = server.exchange(&format!("GET {well_known}"), "", b"").await;
    let (encapsulated, context) = encapsulate_for(FOLLOWER, &list.body, bundle(token));
    let fields = format!("content-type: message/ohttp-req\r\nuser-agent: {ALICE}\r\ncookie: {WRONG_TOKEN}\r\n");
    let answer = server.exchange(&format!("POST {well_known}"), &fields, &encapsulated).await;
    let (status, said) = open(context, &answer);
    assert!(status >= 500, "the origin is away: {status}");
    evidence.add(Place::Problem, NAME, said);
    for (line, body) in [
        (format!("POST {well_known}?{ALICE}"), &encapsulated[..]),
        (format!("POST {well_known}"), CIPHERTEXT),
        (format!("PUT {well_known}"), CIPHERTEXT),
        (format!("POST /{ALICE}/{WRONG_TOKEN}"), CIPHERTEXT),
    ] {
        take_note_of(evidence, NAME, server.exchange(&line, &fields, body).await);
    }
    evidence.add(Place::Metrics, NAME, metrics(admin).await);
    process.terminate().await;
    assert_eq!(process.ended().await.code(), Some(0));
    evidence.add(Place::Log, NAME, fs::read(&log).unwrap());
    evidence.add(Place::Printed, NAME, process.printed.join("\n"));
    for kept in ["keys", "replays"] {
        super::keep(evidence, NAME, &folder.join(kept));
    }
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
