//! Which version a package has, and when what is in it was written.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::deb::{failed, said};
use crate::failure::Failure;

/// Of a package.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Version {
    /// As Debian compares it: the workspace's, and with it the number of the commit if that is not the release's, so that it
    /// sorts before a release that is to come and after one that is out.
    pub(super) number: String,
    /// When the commit was made, in seconds since 1970.
    pub(super) seconds: u64,
    /// The same, as Debian's changelogs have it.
    pub(super) date: String,
}

/// The version of what is in this folder. Without git, as in an archive of a release, it is the workspace's.
pub(super) fn of(root: &Path) -> Result<Version, Failure> {
    let path = root.join("Cargo.toml");
    let manifest = fs::read_to_string(&path).map_err(|error| failed("read", &path, &error))?;
    let release = workspace_version(&manifest)
        .ok_or_else(|| Failure::new(format!("{} has no workspace.package.version", path.display())))?;
    let git = |arguments: &[&str]| said(Command::new("git").arg("-C").arg(root).args(arguments)).ok();
    let is_release = git(&["describe", "--exact-match", "--tags", "HEAD"]) == Some(format!("v{release}"));
    let commits = git(&["rev-list", "--count", "HEAD"]).filter(|_| !is_release);
    let number = match (commits, git(&["rev-parse", "--short=12", "HEAD"])) {
        (Some(commits), Some(commit)) => {
            let is_out = git(&["rev-parse", "--verify", "--quiet", &format!("refs/tags/v{release}")]).is_some();
            let mark = if is_out { '+' } else { '~' };
            format!("{release}{mark}git{commits}.{commit}")
        }
        _ => release.to_owned(),
    };
    let seconds = commit_seconds(root).and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    let date = said(Command::new("date").args(["--utc", "--rfc-email", "--date"]).arg(format!("@{seconds}")))?;
    Ok(Version { number, seconds, date })
}

/// When the commit was made, in seconds since 1970; nothing outside a git checkout.
pub(crate) fn commit_seconds(root: &Path) -> Option<String> {
    let time = said(Command::new("git").arg("-C").arg(root).args(["log", "-1", "--format=%ct"])).ok()?;
    (!time.is_empty()).then_some(time)
}

/// `version` of the table `[workspace.package]`.
fn workspace_version(manifest: &str) -> Option<&str> {
    let (_, table) = manifest.split_once("[workspace.package]\n")?;
    let lines = table.lines().take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| line.strip_prefix("version = \"")).find_map(|rest| rest.strip_suffix('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_workspace_s() {
        let manifest = "[workspace]\nversion = \"9\"\n[workspace.package]\nedition = \"1\"\nversion = \"0.1.0\"\n[x]\n";
        assert_eq!(workspace_version(manifest), Some("0.1.0"));
        assert_eq!(workspace_version("[workspace.package]\n[package]\nversion = \"0.1.0\"\n"), None);
    }
}
