//! The hub's process, and what the system knows of it.

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use tokio::time::{Instant, sleep};

/// How long a process may take until it has nothing to do.
const SETTLING_MAX: Duration = Duration::from_secs(30);
/// A process that took no processor time in so long has nothing to do. The system counts it in hundredths of a second.
const SETTLED: Duration = Duration::from_millis(300);

/// A running program; killed when it is dropped.
pub(crate) struct Hub {
    process: Child,
    pub(crate) address: SocketAddr,
    /// Kept open: whoever closes it takes the process's standard output away.
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Hub {
    pub(crate) fn start(configuration: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_restante"));
        command.args(["--log", "warn", "serve", "--config"]).arg(configuration);
        // Settings for a server of whoever measures are not for this one.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"RESTANTE_")) {
            command.env_remove(name);
        }
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap()).lines();
        let listening = stdout.find_map(|line| line.unwrap().strip_prefix("listening provider ")?.parse().ok());
        Self { process, address: listening.expect("the hub says where it listens"), _stdout: stdout }
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    }

    /// How many sockets it has.
    pub(crate) fn sockets(&self) -> usize {
        let links = fs::read_dir(self.proc("fd")).unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        links.filter(|link| link.as_os_str().as_encoded_bytes().starts_with(b"socket:")).count()
    }

    /// Waits until it has nothing to do.
    pub(crate) async fn settled(&self) {
        let (began, mut before) = (Instant::now(), None);
        loop {
            let now = self.ticks();
            if before == Some(now) {
                return;
            }
            assert!(began.elapsed() < SETTLING_MAX, "the hub does not come to rest");
            before = Some(now);
            sleep(SETTLED).await;
        }
    }

    /// Processor time in ticks of the system.
    fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(self.proc("stat")).unwrap();
        // The program's name stands in parentheses and may hold spaces; fields count from behind it.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    fn proc(&self, file: &str) -> PathBuf {
        Path::new("/proc").join(self.process.id().to_string()).join(file)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
