//! A running program of this project, told to end when whoever measures has done.

use std::{
    fs::File,
    io::{BufRead, BufReader, Lines, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

/// It gets SIGTERM when it is dropped, and is waited for.
pub(crate) struct Program {
    process: Child,
    /// Kept open: whoever closes it takes the process's standard output away.
    stdout: Lines<BufReader<ChildStdout>>,
    /// What it has said of where it listens.
    said: Vec<String>,
}

impl Program {
    /// `PROGRAM --log warn serve --config FILE`. What it logs goes to `log`, beside the configuration.
    pub(crate) fn serve(program: &Path, configuration: &Path) -> Self {
        let mut command = Command::new(program);
        command.args(["--log", "warn", "serve", "--config"]).arg(configuration);
        // Settings for a server of whoever measures are not for this one.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"RESTANTE_")) {
            command.env_remove(name);
        }
        let log = File::create(configuration.with_file_name("log")).unwrap();
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, stdout, said: Vec::new() }
    }

    /// Where it listens for what that table configures; `None` when it ended instead.
    pub(crate) fn listening(&mut self, table: &str) -> Option<SocketAddr> {
        let prefix = format!("listening {table} ");
        loop {
            if let Some(address) = self.said.iter().find_map(|line| line.strip_prefix(&prefix)) {
                return Some(address.parse().unwrap());
            }
            self.said.push(self.stdout.next()?.unwrap());
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let id = Pid::from_child(&self.process);
        // It may have ended by itself.
        let _ = kill_process(id, Signal::TERM);
        let _ = self.process.wait();
    }
}

/// `restante`, of the profile with which this was built.
pub(crate) fn restante() -> PathBuf {
    env!("CARGO_BIN_EXE_restante").into()
}

/// Whether a listener says that its process is ready.
pub(crate) fn is_ready(address: SocketAddr) -> bool {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer.starts_with(b"HTTP/1.1 200")
}
