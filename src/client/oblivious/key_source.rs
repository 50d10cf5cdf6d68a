//! Where a gateway's key comes from: never from one side alone.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use tokio::time::Instant;

use super::{
    FetchError, KEY_LIST_MEDIA_TYPE, Surroundings,
    key_list::{GatewayKey, KEY_LIST_MAX, Kems, ListDigest},
    key_log::{KEY_LOG_MAX, KeyLogError, KeyLogReport},
    key_log_watch::{KeyLogCheck, KeyLogWatch},
    relay_channel::RelayChannel,
    remembered_keys::{KeyInUse, RememberedKeys},
    tunnel::{Tunnel, TunnelError},
    turns::Turns,
};
use crate::{
    client::http::{ChannelResponse, delivery_service::has_media_type},
    wire::ServiceProviderId,
};

/// The media type of logs of key lists.
const KEY_LOG_MEDIA_TYPE: &str = "application/jsonl";
/// How long a list is used at most, whatever it says: a gateway's keys live for a week, and are announced a day ahead.
const AGE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// How long after two lists that differ both are looked at again, unless told otherwise. At a change on schedule, relays
/// of ours look six seconds after gateways of ours at the latest, and need a moment to fetch the list.
const SECOND_LOOK_AFTER: Duration = Duration::from_secs(8);

/// The keys of gateways.
///
/// # Security
/// A list is taken when it came over TLS that is authenticated for the gateway's name *and* is byte for byte what the
/// relay has for everybody. The first keeps the relay from slipping a key of its own to a user, with which it could read
/// the request; the second keeps the gateway from giving every client another key, by which it could recognise them.
///
/// Two lists that differ are looked at once more, both of them, a few seconds later: one side may have had the next list
/// sooner than the other. What counts is whether those two are the same; a list of the first look is compared with none of
/// the second.
pub(super) struct KeySource {
    tunnel: Tunnel,
    kems: Kems,
    surroundings: Surroundings,
    second_look_after: Duration,
    logs: Option<KeyLogWatch>,
    remembered: RememberedKeys,
    turns: Turns,
}

impl KeySource {
    pub(super) fn new(tunnel: Tunnel, kems: Kems, surroundings: Surroundings) -> Self {
        Self {
            tunnel,
            kems,
            surroundings,
            second_look_after: SECOND_LOOK_AFTER,
            logs: None,
            remembered: RememberedKeys::default(),
            turns: Turns::default(),
        }
    }

    /// From now on the second look at two lists that differ comes after this pause.
    pub(super) fn look_again_after(&mut self, pause: Duration) {
        self.second_look_after = pause;
    }

    /// From now on lists must stand in the relay's log.
    pub(super) fn check_logs(&mut self, check: KeyLogCheck) {
        self.logs = Some(KeyLogWatch::new(check));
    }

    /// What the relay's log of the gateway's lists said when it was checked last.
    pub(super) fn log_report(&self, provider: &ServiceProviderId) -> Option<KeyLogReport> {
        self.logs.as_ref()?.report(provider)
    }

    /// A key of the gateway: the remembered one for as long as its list may be used, else a new one.
    pub(super) async fn key(&self, provider: &ServiceProviderId, relay: &RelayChannel) -> Result<KeyInUse, FetchError> {
        let known = || self.remembered.usable(provider, Instant::now());
        match known() {
            Some(key) => Ok(key),
            None => self.turns.take(provider, known, || self.ask(provider, relay)).await,
        }
    }

    /// Asks for a list that both sides have, and for the log.
    async fn ask(&self, provider: &ServiceProviderId, relay: &RelayChannel) -> Result<KeyInUse, FetchError> {
        let own = match self.compare(provider, relay).await? {
            Some(own) => own,
            None => self.compare_again(provider, relay).await?,
        };
        let key = KeyInUse { key: GatewayKey::choose(&own.body, self.kems)?, list: ListDigest::of(&own.body) };
        if let Some(logs) = &self.logs {
            let log = relay.key_log(provider, KEY_LOG_MAX).await.map_err(FetchError::Relay)?;
            if log.status != StatusCode::OK || !has_media_type(&log.headers, KEY_LOG_MEDIA_TYPE) {
                return Err(KeyLogError::NoLog(log.status.as_u16()).into());
            }
            logs.check(provider, &log.body, key.list, (self.surroundings.now)())?;
        }
        self.remembered.remember(provider, key.clone(), Instant::now(), max_age(&own.headers));
        Ok(key)
    }

    /// Asks both sides for the list: the gateway's own answer, if the relay's copy is the same byte for byte.
    async fn compare(
        &self,
        provider: &ServiceProviderId,
        relay: &RelayChannel,
    ) -> Result<Option<ChannelResponse>, FetchError> {
        let (own, copy) = tokio::join!(self.tunnel.key_list(provider), relay.key_list(provider, KEY_LIST_MAX));
        // A relay that has no list says more than the end of a tunnel through it.
        let copy = list(copy.map_err(FetchError::Relay)?)?;
        let own = list(own.map_err(refused)?)?;
        Ok((own.body == copy.body).then_some(own))
    }

    /// The second look. There is no third, and whoever showed two lists and then cannot be asked is not excused.
    async fn compare_again(
        &self,
        provider: &ServiceProviderId,
        relay: &RelayChannel,
    ) -> Result<ChannelResponse, FetchError> {
        tokio::time::sleep(self.second_look_after).await;
        self.compare(provider, relay).await.ok().flatten().ok_or(FetchError::KeyTargeting)
    }

    /// Somebody says that the gateway does not know a key of this list. Whether anything follows from it.
    pub(super) fn doubt(&self, provider: &ServiceProviderId, list: ListDigest) -> bool {
        self.remembered.doubt(provider, list)
    }
}

/// A success with a list in it.
fn list(response: ChannelResponse) -> Result<ChannelResponse, FetchError> {
    if response.status != StatusCode::OK || !has_media_type(&response.headers, KEY_LIST_MEDIA_TYPE) {
        return Err(FetchError::NoKeyList { status: response.status.as_u16() });
    }
    Ok(response)
}

fn refused(error: TunnelError) -> FetchError {
    match error {
        TunnelError::Relay(error) => FetchError::Relay(error),
        TunnelError::Refused(StatusCode::PROXY_AUTHENTICATION_REQUIRED) => FetchError::RelayToken,
        TunnelError::Refused(status) => FetchError::Unsealed { status: status.as_u16(), retry_after: None },
        TunnelError::Certificate(fault) => FetchError::NotTheGateway(fault),
        TunnelError::Gateway(error) => FetchError::Gateway(error),
    }
}

/// How long a response may be used (RFC 9111 §4.2.1): not at all, unless it says so itself.
fn max_age(headers: &HeaderMap) -> Duration {
    let mut directives = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut age = Duration::ZERO;
    for directive in directives.by_ref().flat_map(|value| value.split(',')).map(str::trim) {
        if directive.eq_ignore_ascii_case("no-store") || directive.eq_ignore_ascii_case("no-cache") {
            return Duration::ZERO;
        }
        let Some((name, seconds)) = directive.split_once('=') else { continue };
        if name.eq_ignore_ascii_case("max-age") {
            age = seconds.trim_matches('"').parse().map_or(Duration::ZERO, Duration::from_secs);
        }
    }
    age.min(AGE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_used_for_as_long_as_it_says_and_no_longer_than_a_day() {
        for (value, seconds) in [
            ("max-age=3600", 3600),
            ("public, Max-Age=\"60\"", 60),
            ("max-age=99999999", 86_400),
            ("max-age=99999999999999999999", 0),
            ("max-age=-1", 0),
            ("max-age=60, no-store", 0),
            ("no-cache, max-age=60", 0),
            ("public", 0),
        ] {
            let headers = HeaderMap::from_iter([(header::CACHE_CONTROL, value.parse().unwrap())]);
            assert_eq!(max_age(&headers), Duration::from_secs(seconds), "{value}");
        }
        assert_eq!(max_age(&HeaderMap::new()), Duration::ZERO);
    }
}
