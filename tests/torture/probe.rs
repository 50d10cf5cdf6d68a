//! Whether a gateway opens what is sealed to each of the keys that it lists.

use std::net::SocketAddr;

use restante::{
    mls::{CipherSuite, ProtocolVersion},
    wire::{KeyPackageRequest, KeyPackageRequests, encode},
};
use tokio::time::timeout;

use crate::{
    gateway::{GATEWAY, PATH},
    load::{Load, Target, encapsulate, exchange, open},
    plan::Victim,
    process::PATIENCE,
    site::HUB,
    world::Provider,
};

const WELL_KNOWN: &str = "/.well-known/ohttp-gateway";
/// The number of X25519 among KEMs; the other one is hybrid.
pub(crate) const X25519: u16 = 0x0020;

/// One key of a list.
struct Listed {
    kem: u16,
    /// A list of this key alone.
    list: Vec<u8>,
}

/// The KEM of each key that the gateway of that program lists: a request was opened with each. Nothing if not, which is a
/// violation.
pub(crate) async fn look(load: &Load, victim: Victim) -> Vec<u16> {
    let looked = timeout(PATIENCE, Box::pin(look_at_all(load, victim))).await;
    let kems = looked.unwrap_or_else(|_| Err(format!("not all were tried within {PATIENCE:?}")));
    kems.unwrap_or_else(|problem| {
        load.model.hold(Err(format!("the keys of {victim:?}: {problem}")));
        Vec::new()
    })
}

async fn look_at_all(load: &Load, victim: Victim) -> Result<Vec<u16>, String> {
    let head = format!("GET {WELL_KNOWN} HTTP/1.1\r\n");
    let list = loop {
        match exchange(&load.world, place(load, victim), &head, b"").await {
            Some((200, list)) => break list,
            _ => load.retry().await,
        }
    };
    let keys = split(&list).filter(|keys| !keys.is_empty()).ok_or("what is served is no list")?;
    for key in &keys {
        look_at(load, victim, key).await?;
    }
    Ok(keys.into_iter().map(|key| key.kem).collect())
}

async fn look_at(load: &Load, victim: Victim, key: &Listed) -> Result<(), String> {
    let head = format!("POST {WELL_KNOWN} HTTP/1.1\r\ncontent-type: message/ohttp-req\r\n");
    loop {
        let (target, content) = question(load, victim);
        let sealed = encapsulate(&key.list, &target, &content, load.world.now());
        let (request, context) = sealed.ok_or_else(|| format!("no client can use a key of KEM {}", key.kem))?;
        match exchange(&load.world, place(load, victim), &head, &request).await {
            Some((200, answer)) => {
                let opened = open(context, &answer).map(drop);
                return opened.ok_or_else(|| format!("an answer for a key of KEM {} cannot be opened", key.kem));
            }
            // It has no time for that now.
            None | Some((429 | 500.., _)) => load.retry().await,
            Some((status, _)) => return Err(format!("a request to one of KEM {} is answered with {status}", key.kem)),
        }
    }
}

fn place(load: &Load, victim: Victim) -> (&'static str, SocketAddr) {
    if victim == Victim::Gateway {
        (GATEWAY, load.world.lone_gateway.address)
    } else {
        (HUB, load.world.gateway(Provider::Hub))
    }
}

/// Something that the program behind the gateway answers, whatever it says.
fn question(load: &Load, victim: Victim) -> (Target, Vec<u8>) {
    if victim == Victim::Gateway {
        // The origin asks the model about what it gets.
        let call = load.model.calls().begin_probe();
        return (Target { authority: GATEWAY, path: PATH, media_type: "text/plain" }, call.into_bytes());
    }
    let request = KeyPackageRequest {
        user_id: b"nobody".to_vec(),
        bearer_token: b"no token".to_vec(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
    };
    let content = encode(&KeyPackageRequests { requests: vec![request] }).unwrap();
    (Target { authority: HUB, path: "/v1/key-packages", media_type: "application/vnd.mimi-ds" }, content)
}

/// The keys of a list (RFC 9458, 3.2): each behind its length, with an id of one byte and the number of its KEM.
fn split(list: &[u8]) -> Option<Vec<Listed>> {
    let (mut keys, mut rest) = (Vec::new(), list);
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        let (config, behind) = behind.split_at_checked(length)?;
        let kem = u16::from_be_bytes([*config.get(1)?, *config.get(2)?]);
        keys.push(Listed { kem, list: rest[..2 + length].to_vec() });
        rest = behind;
    }
    rest.is_empty().then_some(keys)
}

mod tests {
    use super::*;

    #[test]
    fn a_list_is_taken_apart_and_what_is_none_is_told() {
        let keys = split(&[0, 3, 7, 0, 0x20, 0, 4, 8, 0x64, 0x7a, 9]).unwrap();
        let apart: Vec<_> = keys.into_iter().map(|key| (key.kem, key.list)).collect();
        assert_eq!(apart, [(X25519, vec![0, 3, 7, 0, 0x20]), (0x647a, vec![0, 4, 8, 0x64, 0x7a, 9])]);
        for wrong in [&[0][..], &[0, 2, 7, 0], &[0, 3, 7, 0], &[0, 3, 7, 0, 0x20, 0]] {
            assert!(split(wrong).is_none(), "{wrong:?}");
        }
    }
}
