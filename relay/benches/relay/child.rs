//! The processes that are measured.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
};

use crate::pki::{GATEWAY, RELAY};

/// A process that listens; killed when it is dropped.
pub(crate) struct Child {
    child: std::process::Child,
    pub(crate) address: SocketAddr,
}

impl Child {
    /// This program as the gateway.
    pub(crate) fn gateway(folder: &Path) -> Self {
        Self::start(Command::new(std::env::current_exe().unwrap()).arg("--gateway").arg(folder))
    }

    /// This program as the floor.
    pub(crate) fn floor(folder: &Path, gateway: SocketAddr) -> Self {
        let program = std::env::current_exe().unwrap();
        Self::start(Command::new(program).arg("--floor").arg(folder).arg(gateway.to_string()))
    }

    /// The relay before that gateway, and the token of its user.
    pub(crate) fn relay(folder: &Path, gateway: SocketAddr) -> (Self, String) {
        let program = env!("CARGO_BIN_EXE_restante-relay");
        let tokens = folder.join("tokens");
        let minted = Command::new(program).args(["tokens", "mint", "--file"]).arg(&tokens).output().unwrap();
        let token = String::from_utf8(minted.stdout).unwrap().trim().to_owned();
        let config = folder.join("relay.toml");
        let text = format!(
            "[relay]\nlisten = \"127.0.0.1:0\"\ncert_file = \"{RELAY}.pem\"\nkey_file = \"{RELAY}.key\"\n\
             tokens_file = \"tokens\"\nstate_path = \"state\"\noperator = [\"hub.example\"]\n\
             [[gateways]]\nprovider = \"{GATEWAY}\"\nurl = \"https://{GATEWAY}/gateway\"\naddress = \"{gateway}\"\n\
             ca_file = \"ca.pem\"\n[limits]\nin_flight_per_user = 1000\nburst_per_user = 1000000\n\
             requests_per_minute_per_user = 4000000\n"
        );
        fs::write(&config, text).unwrap();
        let child = Self::start(Command::new(program).args(["--log", "warn", "serve", "--config"]).arg(&config));
        (child, token)
    }

    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().and_then(|address| address.parse().ok());
        Self { address: address.expect("it says where it listens"), child }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
