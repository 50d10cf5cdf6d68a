//! What is allowed but will hurt later. The sentences hold numbers only: they are logged.

use std::{fs, time::SystemTime};

use super::{
    Config,
    certificate::{facts, seconds},
    files::read_certificates,
};

/// An operator needs this long to get a new certificate.
const EXPIRY_DAYS: i64 = 14;

/// What the database and outgoing connections need besides the connections that are accepted.
const OTHER_FILES: u64 = 1024;

pub(super) fn of(config: &Config, now: SystemTime) -> Vec<String> {
    let open_files = fs::read_to_string("/proc/self/limits").ok().and_then(|limits| open_files_max(&limits));
    [
        open_files.and_then(|max| too_few_files(max, config.limits.connections_max)),
        expiry(config, now),
        (config.provider.listen.is_some() && config.peers.is_empty())
            .then(|| "the provider listener is on and there are no [[peers]]: every provider is refused".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn expiry(config: &Config, now: SystemTime) -> Option<String> {
    let chain = read_certificates(&config.provider.cert_file).ok()?;
    let days = (facts(chain.first()?).ok()?.not_after - seconds(now)) / 86_400;
    (days < EXPIRY_DAYS).then(|| format!("provider.cert_file expires in {days} days; renew it"))
}

fn too_few_files(max: u64, connections_max: u32) -> Option<String> {
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
        assert_eq!(too_few_files(20_000, 16_384), None);
        assert!(too_few_files(1024, 16_384).unwrap().contains("17408"));
    }
}
