//! What is allowed but will hurt later. The sentences hold numbers only: they are logged.

use std::time::SystemTime;

use restante_process::config::{facts, read_certificates, seconds, too_few_files};

use super::Config;

/// An operator needs this long to get a new certificate.
const EXPIRY_DAYS: i64 = 14;

pub(super) fn of(config: &Config, now: SystemTime) -> Vec<String> {
    [
        too_few_files(config.limits.connections_max),
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
