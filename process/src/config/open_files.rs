//! How many files, and so connections, this process may open.

use std::fs;

/// What databases and outgoing connections need besides the connections that are accepted.
const OTHER_FILES: u64 = 1024;

/// A warning if this process may open fewer files than `limits.connections_max` wants. A sentence with numbers only,
/// fit for the log.
pub fn too_few_files(connections_max: u32) -> Option<String> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    too_few(open_files_max(&limits)?, connections_max)
}

fn too_few(max: u64, connections_max: u32) -> Option<String> {
    let wanted = u64::from(connections_max) + OTHER_FILES;
    (max < wanted).then(|| {
        format!(
            "this process may open {max} files, and limits.connections_max = {connections_max} wants {wanted}; raise \
             LimitNOFILE= in the systemd unit, or `ulimit -n`, or lower limits.connections_max"
        )
    })
}

/// The soft limit in Linux's `/proc/self/limits`; none when it is unlimited or unknown.
fn open_files_max(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_read_as_linux_prints_it() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max processes             95749                95749                processes \n\
                    Max open files            1024                 1048576              files     \n";
        assert_eq!(open_files_max(text), Some(1024));
        assert_eq!(open_files_max("Max open files            unlimited  unlimited  files"), None);
        assert_eq!(open_files_max(""), None);
    }

    #[test]
    fn a_low_limit_is_a_warning_with_the_number_that_is_needed() {
        assert_eq!(too_few(20_000, 16_384), None);
        assert!(too_few(1024, 16_384).unwrap().contains("17408"));
    }
}
