//! `cargo xtask deb`, from the programs of this build to what an operator has: installed, configured with the commands of
//! specs/operations.md, serving as the units say, removed and purged; and under a systemd of its own.
//!
//! All of that happens in a copy of this machine that is never written to a disk: mounts, processes, network and names of
//! their own, which end with the test. It takes root, and Debian's tools; where they are missing the test says so and passes.
//!
//! What is packed here are the programs of the test build, with the feature `faults`: they are there, and no release is
//! compiled for a test. Those that ship cannot be told to end, and are optimized. `cargo xtask deb` refuses to pack what
//! can be, unless it is told to, as it is here.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a broken package fails loudly")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

const XTASK: &str = env!("CARGO_BIN_EXE_xtask");
const OPERATIONS: &str = include_str!("../../../specs/operations.md");
const IN_THE_COPY: &str = include_str!("in-the-copy.sh");
const UNDER_SYSTEMD: &str = include_str!("under-systemd.sh");
const COPY: &str = include_str!("copy.sh");
const SYSTEMD: &str = "/lib/systemd/systemd";

/// Everything takes seconds; a command that hangs does not take the test with it.
const PATIENCE_SECONDS: &str = "300";

/// The tools that the test needs beside those of every machine.
const TOOLS: [&str; 9] =
    ["dpkg", "dpkg-deb", "unshare", "chroot", "ip", "runuser", "setpriv", "systemd-sysusers", "systemd-tmpfiles"];

fn is_there(tool: &str) -> bool {
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(tool).is_file())
}

/// Why the package cannot be installed here.
fn hindrance() -> Option<String> {
    if let Some(missing) = TOOLS.into_iter().find(|tool| !is_there(tool)) {
        return Some(format!("there is no {missing}"));
    }
    let probe = "mount -t tmpfs probe /mnt && mkdir /mnt/u /mnt/w /mnt/r && \
                 mount -t overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w probe /mnt/r && chroot /mnt/r true && ip link set lo up";
    let tried = Command::new("unshare").args(["--mount", "--net", "sh", "-c", probe]).stderr(Stdio::null()).status();
    (!tried.is_ok_and(|status| status.success())).then(|| "it takes root, and a kernel that lets it mount".to_owned())
}

fn output(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8_lossy(&stderr).into_owned());
    assert!(status.success(), "{command:?} ended with {status}:\n{stdout}\n{stderr}");
    stdout
}

/// The programs of this build, in the folder of xtask's own.
fn programs() -> &'static Path {
    let folder = Path::new(XTASK).parent().unwrap();
    for program in ["restante", "restante-relay", "restante-gateway"] {
        assert!(
            folder.join(program).is_file(),
            "{program} is missing: run `cargo xtask test`, which builds all programs"
        );
    }
    folder
}

/// Packs what tests are made with, and documents that say nothing.
fn pack(folder: &Path) -> PathBuf {
    for program in ["restante", "restante-relay", "restante-gateway"] {
        fs::write(folder.join(format!("{program}.cdx.json")), "{}\n").unwrap();
    }
    let mut command = Command::new(XTASK);
    command.args(["deb", "--", "--compression", "none", "--although-faults", "--programs"]).arg(programs());
    command.arg("--sbom").arg(folder).arg("--output").arg(folder);
    let package = PathBuf::from(output(&mut command).trim_end());
    assert!(package.is_file());
    package
}

/// The commands of "Installing", which are for root.
fn installing() -> &'static str {
    let (_, section) = OPERATIONS.split_once("\n## Installing\n").expect("the section is there");
    let section = section.split("\n## ").next().unwrap();
    let (_, block) = section.split_once("\n```bash\n").expect("it has commands");
    block.split_once("\n```\n").expect("a block ends").0
}

#[test]
fn the_package_is_installed_configured_served_and_purged() {
    if !is_there("dpkg-deb") {
        eprintln!("skipped: there is no dpkg-deb");
        return;
    }
    let folder = env::temp_dir().join(format!("restante-package-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let removed = Removed(folder);
    let folder = &removed.0;
    let package = pack(folder);

    let contents = output(Command::new("dpkg-deb").arg("--contents").arg(&package));
    for line in contents.lines() {
        let [mode, owner] = [0, 1].map(|at| line.split_whitespace().nth(at).unwrap());
        assert_eq!(owner, "root/root", "{line}");
        assert!(["drwxr-xr-x", "-rwxr-xr-x", "-rw-r--r--"].contains(&mode), "{line}");
    }
    for path in [
        "./usr/bin/restante",
        "./usr/bin/restante-relay",
        "./usr/bin/restante-gateway",
        "./usr/lib/systemd/system/restante.service",
        "./usr/share/man/man1/restante-serve.1.gz",
        "./usr/share/man/man1/restante-relay-tokens-mint.1.gz",
        "./usr/share/bash-completion/completions/restante-gateway",
        "./usr/share/zsh/vendor-completions/_restante",
        "./usr/share/fish/vendor_completions.d/restante-relay.fish",
        "./usr/share/doc/restante/copyright",
        "./usr/share/doc/restante/changelog.gz",
        "./usr/share/doc/restante/third-party-notices.gz",
        "./usr/share/doc/restante/restante-relay.cdx.json",
    ] {
        assert!(contents.lines().any(|line| line.ends_with(&format!(" {path}"))), "{path} is not in:\n{contents}");
    }
    // The same again, to the byte.
    let again = folder.join("again");
    fs::create_dir(&again).unwrap();
    assert!(fs::read(&package).unwrap() == fs::read(pack(&again)).unwrap(), "equal programs make equal packages");

    if let Some(hindrance) = hindrance() {
        eprintln!("packed, and not installed: {hindrance}");
        return;
    }
    fs::rename(&package, folder.join("restante.deb")).unwrap();
    fs::write(folder.join("installing.sh"), installing()).unwrap();
    fs::write(folder.join("in-the-copy.sh"), IN_THE_COPY).unwrap();
    fs::write(folder.join("under-systemd.sh"), UNDER_SYSTEMD).unwrap();
    let said = output(copy(&mut Command::new("timeout"), folder, "shell"));
    assert!(said.ends_with("all is well\n"), "{said}");
    match Group::new() {
        Ok(group) => {
            let mut command = Command::new("bash");
            // Whoever is in the group when the namespace is made sees nothing but the group.
            command.args(["-euc", "echo $$ > \"$0/cgroup.procs\"; exec timeout \"$@\""]).arg(&group.0);
            output(copy(&mut command, folder, "systemd"));
            let said = fs::read_to_string(folder.join("said")).unwrap();
            assert!(said.ends_with("all is well\n"), "{said}");
        }
        Err(hindrance) => eprintln!("installed, and not started by systemd: {hindrance}"),
    }
}

/// Arguments of `timeout`, for a copy of this machine that is left to `shell` or `systemd`.
fn copy<'command>(command: &'command mut Command, folder: &Path, left_to: &str) -> &'command mut Command {
    command.args(["--kill-after", "5", PATIENCE_SECONDS, "unshare", "--mount", "--net", "--pid", "--ipc", "--uts"]);
    command.args(["--cgroup", "--fork", "--kill-child", "bash", "-euc", COPY, "copy"]).arg(folder).arg(left_to)
}

/// A control group in which another systemd may have groups of its own. It goes with the test.
struct Group(PathBuf);

impl Group {
    fn new() -> Result<Self, String> {
        if !Path::new(SYSTEMD).is_file() {
            return Err(format!("there is no {SYSTEMD}"));
        }
        let mounts = fs::read_to_string("/proc/mounts").map_err(|error| error.to_string())?;
        let mut groups = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let mount =
            groups.find(|words| words.get(2) == Some(&"cgroup2")).ok_or("there are no control groups, version 2")?;
        let group = Path::new(mount[1]).join(format!("restante-package-{}", std::process::id()));
        fs::create_dir(&group).map_err(|error| format!("no control group can be made: {error}"))?;
        Ok(Self(group))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        fn remove(group: &Path) {
            let entries = fs::read_dir(group).into_iter().flatten().flatten();
            entries.filter(|entry| entry.path().is_dir()).for_each(|entry| remove(&entry.path()));
            let _ = fs::remove_dir(group);
        }
        remove(&self.0);
    }
}

/// A folder that goes with the test.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
