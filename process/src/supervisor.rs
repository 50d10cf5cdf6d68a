//! What a program tells the service manager that started it (systemd's `sd_notify(3)`), if there is one: that it serves,
//! reads its files again, or ends, and that it is awake.
//!
//! # Privacy
//! Words of this file only: `systemctl status` shows them to everybody on the machine.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::watch;

/// How long a service manager that takes no messages may hold up the program.
const PATIENCE: Duration = Duration::from_secs(1);

/// The service manager, or nobody.
#[derive(Debug, Default)]
pub struct Supervisor {
    socket: Option<UnixDatagram>,
    /// It restarts a program from which it has not heard for so long.
    watchdog: Option<Duration>,
    reload_refused: AtomicBool,
}

impl Supervisor {
    /// The one that started this process. Of whatever cannot be understood or reached there is a line in the log, and the
    /// program goes on without.
    #[must_use]
    pub fn of_process() -> Self {
        Self::of(|name| env::var_os(name), process::id()).unwrap_or_else(|error| {
            tracing::warn!(error = %error.kind(), "the service manager cannot be reached: NOTIFY_SOCKET");
            Self::default()
        })
    }

    fn of(variable: impl Fn(&str) -> Option<OsString>, process: u32) -> io::Result<Self> {
        let Some(name) = variable("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(Self::default());
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.connect_addr(&address(&name)?)?;
        let number = |name: &str| variable(name)?.to_str()?.parse::<u64>().ok();
        // A variable that is meant for another process was inherited from it.
        let is_meant = variable("WATCHDOG_PID").is_none() || number("WATCHDOG_PID") == Some(process.into());
        let watchdog = number("WATCHDOG_USEC").filter(|micros| is_meant && *micros > 0).map(Duration::from_micros);
        Ok(Self { socket: Some(socket), watchdog, reload_refused: AtomicBool::new(false) })
    }

    /// It serves, by what it read last.
    pub(crate) fn serves(&self) {
        self.tell(if self.reload_refused.load(Relaxed) {
            "READY=1\nSTATUS=serving; the last reload was refused, and what was before stays: the log says more\n"
        } else {
            "READY=1\nSTATUS=serving\n"
        });
    }

    /// It reads its files again, until it serves.
    pub(crate) fn reloads(&self) {
        self.reload_refused.store(false, Relaxed);
        // By it the service manager knows which of its requests is being acted on.
        let now = clock_gettime(ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}\nSTATUS=reading its files again\n"));
    }

    /// What it read again was not taken over.
    pub fn reload_refused(&self) {
        self.reload_refused.store(true, Relaxed);
    }

    /// It ends, once what is under way is answered.
    pub(crate) fn ends(&self) {
        self.tell("STOPPING=1\nSTATUS=answering what is under way\n");
    }

    /// Tells it that the program is awake, twice as often as it asks for: as long as the runtime takes up tasks and
    /// timers. Ends when `stopping` turns true, also if nobody asks.
    pub async fn keep_awake(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let Some(every) = self.watchdog else {
            let _ = stopping.wait_for(|ends| *ends).await;
            return;
        };
        loop {
            self.tell("WATCHDOG=1\n");
            tokio::select! {
                () = tokio::time::sleep(every / 2) => {}
                _ = stopping.wait_for(|ends| *ends) => return,
            }
        }
    }

    fn tell(&self, message: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(message.as_bytes())
        {
            tracing::warn!(error = %error.kind(), "the service manager does not listen");
        }
    }
}

/// A path, or behind an `@` a name of Linux' abstract namespace.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        [b'/', ..] => SocketAddr::from_pathname(name),
        // Such as `vsock:`, for whole machines.
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    const OWN: u32 = 7;

    /// One that is told of these variables.
    fn supervisor(variables: &[(&str, &str)]) -> io::Result<Supervisor> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        Supervisor::of(find, OWN)
    }

    /// A socket that nobody else has, and its name.
    fn socket() -> (UnixDatagram, String) {
        static SOCKETS: AtomicU32 = AtomicU32::new(0);
        let name = format!("restante-process-{}-{}", process::id(), SOCKETS.fetch_add(1, Relaxed));
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        (socket, format!("@{name}"))
    }

    fn heard(socket: &UnixDatagram) -> String {
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut bytes = [0; 256];
        let length = socket.recv(&mut bytes).expect("a message");
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[test]
    fn nobody_is_told_where_nobody_asks() {
        for variables in [&[][..], &[("NOTIFY_SOCKET", ""), ("WATCHDOG_USEC", "1")]] {
            let supervisor = supervisor(variables).unwrap();
            supervisor.serves();
            assert!(supervisor.socket.is_none() && supervisor.watchdog.is_none());
        }
    }

    #[test]
    fn addresses_that_lead_nowhere_are_errors() {
        for (name, kind) in [
            ("vsock:2:1234", io::ErrorKind::Unsupported),
            ("relative", io::ErrorKind::Unsupported),
            ("/nowhere/notify", io::ErrorKind::NotFound),
            ("@nobody-listens-on-this-name", io::ErrorKind::ConnectionRefused),
        ] {
            assert_eq!(
                supervisor(&[("NOTIFY_SOCKET", name)]).map(drop).map_err(|error| error.kind()),
                Err(kind),
                "{name}"
            );
        }
    }

    #[test]
    fn a_watchdog_is_ours_or_somebody_else_s() {
        let (_socket, name) = socket();
        let watchdog = |variables: &[(&str, &str)]| {
            supervisor(&[&[("NOTIFY_SOCKET", name.as_str())][..], variables].concat()).unwrap().watchdog
        };
        let micros = ("WATCHDOG_USEC", "5000");
        let five = Some(Duration::from_millis(5));
        assert_eq!(watchdog(&[micros]), five);
        assert_eq!(watchdog(&[micros, ("WATCHDOG_PID", "7")]), five);
        assert_eq!(watchdog(&[micros, ("WATCHDOG_PID", "8")]), None);
        assert_eq!(watchdog(&[micros, ("WATCHDOG_PID", "seven")]), None);
        for wrong in ["0", "-1", "soon"] {
            assert_eq!(watchdog(&[("WATCHDOG_USEC", wrong)]), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_said_is_what_systemd_reads() {
        let (socket, name) = socket();
        let supervisor = supervisor(&[("NOTIFY_SOCKET", &name)]).unwrap();
        supervisor.serves();
        assert_eq!(heard(&socket), "READY=1\nSTATUS=serving\n");
        supervisor.reloads();
        let reloading = heard(&socket);
        let micros = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("the time stands second");
        let micros: i128 = micros.lines().next().unwrap().parse().unwrap();
        let now = clock_gettime(ClockId::Monotonic);
        let now = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        assert!(now - 30_000_000 < micros && micros <= now, "{micros} of {now}");
        supervisor.reload_refused();
        supervisor.serves();
        assert!(heard(&socket).starts_with("READY=1\nSTATUS=serving; the last reload was refused"));
        supervisor.reloads();
        drop(heard(&socket));
        supervisor.serves();
        assert_eq!(heard(&socket), "READY=1\nSTATUS=serving\n", "the next reload is another one");
        supervisor.ends();
        assert_eq!(heard(&socket), "STOPPING=1\nSTATUS=answering what is under way\n");
    }

    /// A program goes on when its service manager is gone.
    #[test]
    fn nobody_who_listens_any_more_stops_nothing() {
        let (socket, name) = socket();
        let supervisor = supervisor(&[("NOTIFY_SOCKET", &name)]).unwrap();
        drop(socket);
        supervisor.serves();
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_awake_twice_as_often_as_asked_until_the_end() {
        let (socket, name) = socket();
        let supervisor = supervisor(&[("NOTIFY_SOCKET", &name), ("WATCHDOG_USEC", "60000000")]).unwrap();
        let (stop, stopping) = watch::channel(false);
        let waking = tokio::spawn(Arc::new(supervisor).keep_awake(stopping));
        socket.set_nonblocking(true).unwrap();
        for seconds in [0, 30, 30] {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            tokio::task::yield_now().await;
            let mut bytes = [0; 64];
            let length = socket.recv(&mut bytes).unwrap();
            assert_eq!(&bytes[..length], b"WATCHDOG=1\n");
            assert_eq!(socket.recv(&mut bytes).map_err(|error| error.kind()), Err(io::ErrorKind::WouldBlock));
        }
        stop.send_replace(true);
        tokio::time::timeout(Duration::from_secs(1), waking).await.unwrap().unwrap();
    }
}
