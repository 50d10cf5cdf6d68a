//! A disk whose power can be cut and that can break: a real file system (ext4) on a real block device (loop) on a file of
//! ours, which keeps what was flushed apart from what was not.
//!
//! It takes root, FUSE and loop devices. Mounts are made in a namespace of this process's own, so they end with it.

mod file;
mod platter;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use file::{NAME, PlatterFile};
use fuser::{BackgroundSession, Config, MountOption};
pub(crate) use platter::{Counts, Faults, Platter};
use tempfile::TempDir;

/// A disk with a file system, mounted while there is power.
pub(crate) struct Disk {
    platter: Arc<Platter>,
    /// Where the file system is mounted.
    place: PathBuf,
    mounted: Option<Mounted>,
}

/// What there is while it is mounted.
struct Mounted {
    session: BackgroundSession,
    folder: TempDir,
}

impl Disk {
    /// A new disk of so many MiB, mounted at `place`, which is made.
    pub(crate) fn new(place: &Path, mebibytes: usize, seed: u64) -> Self {
        fs::create_dir_all(place).unwrap();
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(mebibytes as u64 * 1024 * 1024).unwrap();
        // Everything at once, so that nothing is written behind our back later.
        let options = "lazy_itable_init=0,lazy_journal_init=0,nodiscard";
        succeed(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0", "-E", options]).arg(image.path()));
        let platter = Arc::new(Platter::new(fs::read(image.path()).unwrap(), seed));
        let mut disk = Self { platter, place: place.to_owned(), mounted: None };
        disk.mount();
        disk
    }

    /// What goes wrong from now on.
    pub(crate) fn break_by(&self, faults: Faults) {
        self.platter.break_by(faults);
    }

    pub(crate) fn platter(&self) -> &Platter {
        &self.platter
    }

    /// Cuts the power, unless a fault has done so. Whoever writes there has to be ended before the power is given back.
    pub(crate) fn cut_power(&self) -> Counts {
        self.platter.cut_power()
    }

    /// Gives power back to a disk with nothing broken, and mounts it anew: nothing that the kernel remembered is left.
    pub(crate) fn start_again(&mut self) {
        self.unmount();
        self.platter.restore_power();
        self.mount();
    }

    fn mount(&mut self) {
        let folder = TempDir::new().unwrap();
        let mut options = Config::default();
        options.mount_options.push(MountOption::FSName("restante-disk".to_owned()));
        let session = fuser::spawn_mount(PlatterFile(self.platter.clone()), folder.path(), &options).unwrap();
        // The device goes with its last mount.
        let file = folder.path().join(NAME);
        succeed(Command::new("mount").args(["-t", "ext4", "-o", "loop,noatime"]).arg(file).arg(&self.place));
        self.mounted = Some(Mounted { session, folder });
    }

    fn unmount(&mut self) {
        let Some(Mounted { session, folder }) = self.mounted.take() else { return };
        succeed(Command::new("umount").arg(&self.place));
        session.umount_and_join().unwrap();
        drop(folder);
    }
}

impl Drop for Disk {
    /// Whoever still uses it keeps it until it ends.
    fn drop(&mut self) {
        let Some(Mounted { session, folder }) = self.mounted.take() else { return };
        let _ = Command::new("umount").arg("--lazy").arg(&self.place).status();
        let _ = Command::new("umount").arg("--lazy").arg(folder.path()).status();
        drop(session);
    }
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What the machine lacks for such disks.
pub(crate) fn lacks() -> Option<String> {
    let file_systems = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let has_file_system = |name: &str| file_systems.lines().any(|line| line.split_whitespace().last() == Some(name));
    let has_program = |name: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
    };
    let needs = [
        (rustix::process::geteuid().is_root(), "root"),
        (Path::new("/dev/fuse").exists(), "/dev/fuse"),
        (Path::new("/dev/loop-control").exists(), "loop devices"),
        (has_file_system("ext4"), "ext4"),
        (has_program("mkfs.ext4"), "mkfs.ext4"),
        (has_program("unshare") && has_program("mount"), "unshare and mount"),
    ];
    let missing: Vec<_> = needs.iter().filter(|(is_there, _)| !is_there).map(|(_, what)| *what).collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}
