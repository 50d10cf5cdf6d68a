//! How many files this process may open, and how many of them connections of its listeners may be.
//!
//! A process without a descriptor left cannot open a table of its database, and a write that fails ends all writing. So
//! everything else has its share first, of which the database keeps most open and leaves the rest, and each listener the
//! same part of what is left: whoever fills one listener takes nothing from the others.

use rustix::process::{Resource, getrlimit, setrlimit};

/// What databases and outgoing connections need besides the connections that are accepted.
const OTHER_FILES: u64 = 1024;

/// Of what is no connection that was accepted, so many quarters are for tables that a database keeps open. The last one is
/// for its logs, for files while they are written, for backups, and for connections to others.
const TABLE_QUARTERS: u64 = 3;

/// Has the process open as many files as its hard limit allows. Systems start processes with a lower soft limit for the
/// sake of programs that cannot count beyond it.
pub fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // Some systems allow less than they say. Then it stays as it was, and counts as it is.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

/// How many connections each of so many listeners may have open, so that the process never runs out of files.
#[must_use]
pub fn connections_of_each(listeners: usize) -> usize {
    share(getrlimit(Resource::Nofile).current, listeners)
}

/// How many files a database of this process may keep open only to have them at hand: part of what listeners leave.
#[must_use]
pub fn table_files() -> u32 {
    tables(getrlimit(Resource::Nofile).current)
}

/// A warning if each of so many listeners may have fewer connections open than `limits.connections_max`. A sentence with
/// numbers only, fit for the log.
#[must_use]
pub fn too_few_files(connections_max: u32, listeners: usize) -> Option<String> {
    too_few(getrlimit(Resource::Nofile).maximum, connections_max, listeners)
}

/// `max` is none where there is no limit.
fn share(max: Option<u64>, listeners: usize) -> usize {
    let Some(max) = max else { return usize::MAX };
    let connections = max - others(Some(max));
    (usize::try_from(connections).unwrap_or(usize::MAX) / listeners.max(1)).max(1)
}

/// How many are no connections that were accepted: where there are few, half of them.
fn others(max: Option<u64>) -> u64 {
    max.map_or(OTHER_FILES, |max| OTHER_FILES.min(max / 2))
}

fn tables(max: Option<u64>) -> u32 {
    u32::try_from(others(max) * TABLE_QUARTERS / 4).unwrap_or(u32::MAX)
}

fn too_few(max: Option<u64>, connections_max: u32, listeners: usize) -> Option<String> {
    let (max, each) = (max?, share(max, listeners));
    let wanted = u64::from(connections_max).saturating_mul(listeners as u64).saturating_add(OTHER_FILES);
    (each < connections_max as usize).then(|| {
        format!(
            "this process may open {max} files: each of its {listeners} listeners has at most {each} connections open, and \
             not limits.connections_max = {connections_max}; raise LimitNOFILE= in the systemd unit, or `ulimit -n`, to \
             {wanted}, or lower limits.connections_max"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_share_what_everything_else_leaves() {
        assert_eq!(share(Some(1024 + 3000), 3), 1000);
        assert_eq!(share(Some(600), 3), 100);
        assert_eq!(share(Some(2), 3), 1);
        assert_eq!(share(None, 3), usize::MAX);
    }

    #[test]
    fn tables_leave_some_of_what_listeners_leave() {
        assert_eq!(tables(None), 768);
        assert_eq!(tables(Some(1_000_000)), 768);
        assert_eq!(tables(Some(180)), 67);
        for max in [64, 180, 1024, 4096, 1_000_000] {
            let taken = 3 * share(Some(max), 3) as u64 + u64::from(tables(Some(max)));
            assert!(taken + max.min(2048) / 8 <= max, "of {max} files {taken} are taken");
        }
    }

    #[test]
    fn a_low_limit_is_a_warning_with_the_number_that_is_needed() {
        assert_eq!(too_few(Some(3 * 16_384 + 1024), 16_384, 3), None);
        assert_eq!(too_few(None, 16_384, 3), None);
        let warning = too_few(Some(1024), 16_384, 3).unwrap();
        assert!(warning.contains("at most 170 ") && warning.contains("50176"), "{warning}");
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_be() {
        raise_open_files();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
