//! The life of a program as its service manager hears of it. The tests of each program include this file and name the
//! program and a configuration with which it can serve.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram as StdDatagram},
    },
    path::Path,
    process::Stdio,
    time::Duration,
};

use tokio::{
    net::UnixDatagram,
    process::{Child, Command},
    time::timeout,
};

/// No word of a program takes longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Far less than a test takes, and long enough to be kept on a busy machine: nobody acts on it.
const WATCHDOG_USEC: &str = "100000";

/// The socket of a service manager.
struct Listening {
    socket: UnixDatagram,
    /// As `NOTIFY_SOCKET` has it.
    name: OsString,
}

impl Listening {
    /// At a path, or with the same name in the abstract namespace.
    fn listen(path: &Path, is_abstract: bool) -> Self {
        let (socket, name) = if is_abstract {
            let address = SocketAddr::from_abstract_name(path.as_os_str().as_encoded_bytes()).unwrap();
            let mut name = OsString::from("@");
            name.push(path);
            (StdDatagram::bind_addr(&address).unwrap(), name)
        } else {
            (StdDatagram::bind(path).unwrap(), path.as_os_str().to_owned())
        };
        socket.set_nonblocking(true).unwrap();
        Self { socket: UnixDatagram::from_std(socket).unwrap(), name }
    }

    /// The next message.
    async fn hears(&self) -> String {
        let mut bytes = [0; 4096];
        let length = timeout(PATIENCE, self.socket.recv(&mut bytes)).await.expect("a message in time").unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    /// The next message that is not only there to say that the program is awake.
    async fn is_told(&self) -> String {
        loop {
            let message = self.hears().await;
            if message != "WATCHDOG=1\n" {
                return message;
            }
        }
    }

    /// Waits until a reload has begun; when, in microseconds.
    async fn is_told_of_a_reload(&self) -> u64 {
        let told = self.is_told().await;
        let rest = told.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap_or_else(|| panic!("{told}"));
        rest.strip_suffix("\nSTATUS=reading its files again\n").expect(rest).parse().unwrap()
    }
}

async fn signal(child: &Child, name: &str) {
    let id = child.id().expect("it runs");
    let status = Command::new("sh").arg("-c").arg(format!("kill -{name} {id}")).status().await.unwrap();
    assert!(status.success());
}

/// From its start to its end, with a reload, and one that is refused because the configuration is damaged meanwhile.
pub(crate) async fn lives(program: &OsStr, config: &Path) {
    let text = fs::read_to_string(config).unwrap();
    for is_abstract in [false, true] {
        let manager = Listening::listen(&config.with_extension("notify"), is_abstract);
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RESTANTE_")) {
            command.env_remove(name);
        }
        command.env("NOTIFY_SOCKET", &manager.name).env("WATCHDOG_USEC", WATCHDOG_USEC).env_remove("WATCHDOG_PID");
        command.arg("serve").arg("--config").arg(config);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let serves = "READY=1\nSTATUS=serving\n";
        assert_eq!(manager.is_told().await, serves);
        for _time in 0..3 {
            assert_eq!(manager.hears().await, "WATCHDOG=1\n");
        }

        signal(&child, "HUP").await;
        let first = manager.is_told_of_a_reload().await;
        assert_eq!(manager.is_told().await, serves);
        fs::write(config, "[canary").unwrap();
        signal(&child, "HUP").await;
        assert!(manager.is_told_of_a_reload().await > first);
        let refused =
            "READY=1\nSTATUS=serving; the last reload was refused, and what was before stays: the log says more\n";
        assert_eq!(manager.is_told().await, refused);
        fs::write(config, &text).unwrap();
        signal(&child, "HUP").await;
        manager.is_told_of_a_reload().await;
        assert_eq!(manager.is_told().await, serves);

        signal(&child, "TERM").await;
        assert_eq!(manager.is_told().await, "STOPPING=1\nSTATUS=answering what is under way\n");
        let status = timeout(PATIENCE, child.wait()).await.expect("an end in time").unwrap();
        assert!(status.success(), "{status}");
        drop(manager);
        drop(fs::remove_file(config.with_extension("notify")));
    }
}
