//! Where connections come from: one address cannot have all of them.

use std::{io, time::Duration};

use restante_process::{ConnectionLimits, Socket, config::LocalAddress};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::listener::{LIMITS, Listener};

const PATIENCE: Duration = Duration::from_secs(30);
/// Of this machine, like 127.0.0.1, and another one.
const GREEDY: &str = "127.0.0.2:0";
const MODEST: &str = "127.0.0.3:0";

async fn connect_from(address: &str, listener: &Listener) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(address.parse().unwrap()).unwrap();
    socket.connect(listener.address).await.unwrap()
}

/// Whether a request on the connection is answered; it stays open. The other way is that the listener closes it.
async fn is_served(stream: &mut TcpStream) -> bool {
    let mut answer = Vec::new();
    let asking = async {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await?;
        while !answer.ends_with(b"nobody") && stream.read_buf(&mut answer).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    // An end may be abrupt.
    let _ = timeout(PATIENCE, asking).await.expect("an answer or an end");
    assert!(answer.is_empty() || (answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"nobody")));
    !answer.is_empty()
}

#[tokio::test]
async fn one_address_holds_its_share_of_connections_and_others_get_in() {
    let listener = Listener::within(ConnectionLimits { connections_per_address_max: Some(3), ..LIMITS }, None).await;
    let mut held = Vec::new();
    for _held in 0..3 {
        let mut stream = connect_from(GREEDY, &listener).await;
        assert!(is_served(&mut stream).await);
        held.push(stream);
    }
    // Far more than there are places: none of them takes one.
    for _refused in 0..2 * LIMITS.connections_max {
        assert!(!is_served(&mut connect_from(GREEDY, &listener).await).await);
    }
    let mut modest = connect_from(MODEST, &listener).await;
    assert!(is_served(&mut modest).await);
    assert!(is_served(&mut held[0]).await, "what is open stays so");
    held.pop();
    let next = async {
        // The listener learns of the end in its own time.
        while !is_served(&mut connect_from(GREEDY, &listener).await).await {}
    };
    timeout(PATIENCE, next).await.expect("the place becomes free");
    drop((held, modest));
    listener.stop().await;
}

/// Everybody on this machine has the same few addresses: there they tell nothing.
#[tokio::test]
async fn a_listener_for_this_machine_counts_no_addresses() {
    let local = LocalAddress::Tcp("127.0.0.1:0".parse().unwrap());
    let (socket, bound) = Socket::local("test", &local).await.unwrap();
    let LocalAddress::Tcp(address) = bound else { panic!("{bound}") };
    let limits = ConnectionLimits { connections_per_address_max: Some(1), ..LIMITS };
    let listener = Listener::on(socket, address, limits, None);
    let mut held = Vec::new();
    for _held in 0..3 {
        let mut stream = connect_from(GREEDY, &listener).await;
        assert!(is_served(&mut stream).await);
        held.push(stream);
    }
    drop(held);
    listener.stop().await;
}
