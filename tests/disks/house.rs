//! A hub whose database and backups are on a disk that can break, and its operator.

use restante::client::{Problem, ProblemCode, http::CallError};

use crate::{
    disk::Disk,
    process::run,
    site::{HUB, Provider, Setting, Site},
};

/// Everything that a hub needs. Its configuration and its log are elsewhere.
pub(crate) struct House {
    site: Site,
    pub(crate) disk: Disk,
}

/// What it logs when it takes no more writes.
pub(crate) const ENDED: &str = "no more writes until the next start";

fn setting() -> Setting {
    // As fast as they like.
    let more = "backup_path = \"disk/backups\"\nbackups_kept = 1000\n\
                [policy]\nmessages_per_user_and_second = 1000000\n";
    Setting { data: "disk/data", more: more.to_owned(), ..Setting::new(HUB) }
}

impl House {
    /// With a disk of so many MiB.
    pub(crate) async fn new(mebibytes: usize, seed: u64) -> Self {
        let site = Site::new(&[]).await;
        let disk = Disk::new(&site.of(HUB).join("disk"), mebibytes, seed);
        Self { site, disk }
    }

    /// A file or folder on the disk.
    pub(crate) fn on_disk(&self, name: &str) -> std::path::PathBuf {
        self.site.of(HUB).join("disk").join(name)
    }

    pub(crate) async fn start(&self) -> Provider {
        self.site.start(&setting()).await
    }

    /// Starts it where it refuses; gives what it said.
    pub(crate) async fn refused(&self) -> String {
        let before = std::fs::read(self.site.log(HUB)).unwrap_or_default().len();
        let mut process = self.site.spawn("", &setting());
        assert_eq!(process.ended().await.code(), Some(1), "{}", process.logged());
        process.logged()[before..].to_owned()
    }

    /// Runs a command of the operator's; gives whether it succeeded, and what it said.
    pub(crate) async fn operate(&self, words: &[&str], hub: Option<&Provider>) -> (bool, String) {
        let config = self.site.configure(&setting());
        let mut arguments = [words, &["--config", config.to_str().unwrap()]].concat();
        let local = hub.map(|hub| format!("local.listen={}", hub.local_tcp()));
        if let Some(local) = &local {
            arguments.extend(["--set", local]);
        }
        let output = run(&arguments).await;
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Has the hub make a backup; gives its number, or what was said instead.
    pub(crate) async fn back_up(&self, hub: &Provider) -> Result<String, String> {
        let (is_made, said) = self.operate(&["backup", "create"], Some(hub)).await;
        if is_made { Ok(said.split_whitespace().nth(1).expect("backup, number").to_owned()) } else { Err(said) }
    }
}

/// Ends a hub in order.
pub(crate) async fn end(hub: &mut Provider) {
    hub.process.terminate().await;
    assert_eq!(hub.process.ended().await.code(), Some(0), "{}", hub.process.logged());
}

/// Whether it is the answer of a hub that cannot, for its own reasons.
pub(crate) fn is_unavailable(error: &CallError) -> bool {
    matches!(error, CallError::Problem(Problem { status: 503, code: Some(ProblemCode::Unavailable), .. }))
}
