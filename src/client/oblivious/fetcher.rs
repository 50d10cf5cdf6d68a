//! Asking for KeyPackages without saying who asks (draft §4.1.1).

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, StatusCode, header};
use mls_rs_codec::MlsDecode;

use super::{
    FetchError, OHTTP_RESPONSE,
    binary_request::BinaryRequest,
    encapsulation::{Unopened, encapsulate},
    key_list::{Kems, KeyListError, ListDigest},
    key_log::KeyLogReport,
    key_log_watch::KeyLogCheck,
    key_source::KeySource,
    relay::Relay,
    relay_channel::RelayChannel,
    size_class::response_max,
    trust_roots::TrustRoots,
    tunnel::Tunnel,
};
use crate::{
    client::{
        ValidKeyPackage,
        http::{
            ChannelResponse, Limits, PROBLEM_MEDIA_TYPE,
            delivery_service::{encode, has_media_type, problem},
        },
    },
    mls::WireKeyPackage,
    wire::{
        self, KeyPackageRequest, KeyPackageRequests, KeyPackageResponse, KeyPackageResult, KeyPackageResults,
        KeyPackageStatus, MEDIA_TYPE, ServiceProviderId,
    },
};

const BUNDLE_PATH: &str = "/v1/key-packages";
const SINGLE_PATH: &str = "/v1/key-package";
/// The sealed problem of RFC 9458 §6.5.2.
const DATE_PROBLEM: &str = "https://iana.org/assignments/http-problem-types#date";
/// The problem in clear of RFC 9458 §5.3.
const KEY_PROBLEM: &str = "https://iana.org/assignments/http-problem-types#ohttp-key";
/// The longest pause before a request is sent again with another date, in milliseconds.
const PAUSE_MS_MAX: u64 = 2000;

/// What a fetcher needs of its machine and does not take by itself.
#[derive(Clone)]
pub struct Surroundings {
    /// The time of day.
    pub now: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    /// Any number. Spreads pauses; no secret depends on it.
    pub random: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Surroundings(..)")
    }
}

/// What became of one request of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedKeyPackages {
    /// What the provider says.
    pub status: KeyPackageStatus,
    /// One for each client of the user, each of the requested version and suite, and valid.
    pub key_packages: Vec<WireKeyPackage>,
    /// How many were left out because they are not.
    pub invalid: usize,
}

/// Fetches KeyPackages from other providers, through the relay of one's own.
///
/// The relay learns who asks, when, of which provider and in which size class; the provider learns what is asked. See
/// `specs/threat-model.md` for what the two can still find out, alone and together.
///
/// # Privacy
/// Nothing is remembered between fetches but the gateways' keys, which are the same for everybody.
pub struct KeyPackageFetcher {
    relay: RelayChannel,
    keys: KeySource,
    surroundings: Surroundings,
}

impl KeyPackageFetcher {
    /// A fetcher that connects when it is first used. `limits.response_bytes` is not used: every response has a limit of
    /// its own.
    pub fn new(relay: Relay, roots: &TrustRoots, kems: Kems, surroundings: Surroundings, limits: Limits) -> Self {
        let tunnel = Tunnel::new(relay.clone(), roots, limits);
        let keys = KeySource::new(tunnel, kems, surroundings.clone());
        Self { relay: RelayChannel::new(relay, roots, limits), keys, surroundings }
    }

    /// The same with another pause between two key lists that differ, the gateway's own and the relay's copy, and the
    /// second look at both, after which it is [`FetchError::KeyTargeting`]. Eight seconds unless told otherwise: longer
    /// than relays take to have a list that has changed on schedule.
    #[must_use]
    pub fn with_second_look_after(mut self, pause: Duration) -> Self {
        self.keys.look_again_after(pause);
        self
    }

    /// The same, but a gateway's key list is taken only if the relay's public log says that it is the one which is served,
    /// follows from the log that was seen before, and did not come too soon after another one or has stood for as long
    /// since. Costs one more request to the relay for each list, without its token.
    ///
    /// # Privacy
    /// Without this, a relay and a gateway that work together could show one client another list than all others. With it,
    /// they have to show that client another log too, for ever.
    #[must_use]
    pub fn with_key_log(mut self, check: KeyLogCheck) -> Self {
        self.keys.check_logs(check);
        self
    }

    /// What the relay's log of a gateway's lists said when it was checked last: its end is what to remember for
    /// [`KeyLogCheck::seen`]. `None` when it was not checked, or did not hold.
    pub fn key_log(&self, provider: &ServiceProviderId) -> Option<KeyLogReport> {
        self.keys.log_report(provider)
    }

    /// One bundle, one exchange: at most [`KeyPackageRequests::MAX`] requests, none for the same user and suite as
    /// another, and 16 KiB. The results stand in the order of the requests.
    ///
    /// The bundle belongs together in the provider's eyes: it sees that one person asks for all of these users. Ask in
    /// several bundles where that says too much.
    ///
    /// # Errors
    /// [`FetchError`]. Nothing is sent twice, see [`FetchError::is_transient`].
    pub async fn fetch(
        &self,
        provider: &ServiceProviderId,
        requests: Vec<KeyPackageRequest>,
    ) -> Result<Vec<FetchedKeyPackages>, FetchError> {
        let bundle = KeyPackageRequests { requests };
        let count = bundle.requests.len();
        if !(1..=KeyPackageRequests::MAX).contains(&count) {
            return Err(FetchError::BundleCount);
        }
        let body = encode(&bundle)?;
        let response = self.ask(provider, BUNDLE_PATH, &body, count).await?;
        let KeyPackageResults { results } = success(&response)?;
        if results.len() != count {
            return Err(FetchError::Results);
        }
        let mut fetched = Vec::with_capacity(count);
        for (request, result) in bundle.requests.iter().zip(results) {
            fetched.push(self.judge(request, result)?);
            // Signatures take time: nobody else shall wait for all of them.
            tokio::task::yield_now().await;
        }
        Ok(fetched)
    }

    /// The draft's literal request: one user, one KeyPackage of one of the user's clients.
    ///
    /// # Errors
    /// [`FetchError`]. A denial is [`FetchError::Problem`] with [`crate::client::ProblemCode::Denied`];
    /// [`FetchError::Results`] when the KeyPackage is not the one that was asked for or not valid.
    pub async fn fetch_one(
        &self,
        provider: &ServiceProviderId,
        request: &KeyPackageRequest,
    ) -> Result<WireKeyPackage, FetchError> {
        let body = encode(request)?;
        let response = self.ask(provider, SINGLE_PATH, &body, 1).await?;
        let KeyPackageResponse { key_package } = success(&response)?;
        if self.holds(request, &key_package) { Ok(key_package) } else { Err(FetchError::Results) }
    }

    /// Sends a request to the provider and opens its answer, whatever that says.
    async fn ask(
        &self,
        provider: &ServiceProviderId,
        path: &'static str,
        body: &[u8],
        count: usize,
    ) -> Result<ChannelResponse, FetchError> {
        if self.relay.relay.is_operated_by(provider) {
            return Err(FetchError::SameOperator);
        }
        let request = BinaryRequest { provider, path, body };
        let response = self.exchange(&request, (self.surroundings.now)(), count).await?;
        let Some(date) = other_date(&response) else { return Ok(response) };
        // Nothing was handed out. Once more with the gateway's time, and then forget it: who kept it could be recognised
        // by it. The pause hides how far away we are (RFC 9458 §6.5.2).
        let pause = Duration::from_millis((self.surroundings.random)() % (PAUSE_MS_MAX + 1));
        tokio::time::sleep(pause).await;
        let response = self.exchange(&request, date + pause, count).await?;
        if other_date(&response).is_some() { Err(FetchError::Date) } else { Ok(response) }
    }

    /// One request, sealed under a context of its own, and the opened answer.
    async fn exchange(
        &self,
        request: &BinaryRequest<'_>,
        date: SystemTime,
        count: usize,
    ) -> Result<ChannelResponse, FetchError> {
        let binary = request.encode(date).ok_or(FetchError::BundleTooLarge)?;
        let used = self.keys.key(request.provider, &self.relay).await?;
        let (sealed, context) = encapsulate(&used.key, &binary).ok_or(FetchError::KeyList(KeyListError::Encoding))?;
        let answer = self.relay.forward(request.provider, sealed, response_max(count)).await;
        let answer = answer.map_err(FetchError::Relay)?;
        if answer.status != StatusCode::OK || !has_media_type(&answer.headers, OHTTP_RESPONSE) {
            return Err(self.unsealed(request.provider, used.list, &answer));
        }
        context.open(&answer.body).map_err(|Unopened| FetchError::Unopened)
    }

    /// What an answer in clear to a request with a key of this list comes to. That the key is not known is advice that is
    /// taken once; other errors are about something else, or do not say, and leave the list alone.
    fn unsealed(&self, provider: &ServiceProviderId, list: ListDigest, answer: &ChannelResponse) -> FetchError {
        if answer.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return FetchError::RelayToken;
        }
        if is_problem(answer, KEY_PROBLEM) && self.keys.doubt(provider, list) {
            return FetchError::OutdatedKey;
        }
        let problem = problem(answer);
        FetchError::Unsealed { status: problem.status, retry_after: problem.retry_after }
    }

    /// Checks one result against its request.
    fn judge(&self, request: &KeyPackageRequest, result: KeyPackageResult) -> Result<FetchedKeyPackages, FetchError> {
        let KeyPackageResult { status, mut key_packages } = result;
        if (status == KeyPackageStatus::Ok) == key_packages.is_empty() {
            return Err(FetchError::Results);
        }
        let given = key_packages.len();
        // One bad KeyPackage is one client's fault: the others of this user, and of other users, are good.
        key_packages.retain(|key_package| self.holds(request, key_package));
        Ok(FetchedKeyPackages { status, invalid: given - key_packages.len(), key_packages })
    }

    /// Whether it is of the requested suite and valid now. Its version is mls10: no other can be decoded.
    fn holds(&self, request: &KeyPackageRequest, key_package: &WireKeyPackage) -> bool {
        let now = (self.surroundings.now)().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        key_package.cipher_suite() == request.cipher_suite && ValidKeyPackage::check(key_package, now.as_secs()).is_ok()
    }
}

impl fmt::Debug for KeyPackageFetcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyPackageFetcher(..)")
    }
}

/// The gateway's time, when it refused ours and says so.
fn other_date(response: &ChannelResponse) -> Option<SystemTime> {
    if is_problem(response, DATE_PROBLEM) { date(&response.headers) } else { None }
}

fn is_problem(response: &ChannelResponse, problem_type: &str) -> bool {
    if !response.status.is_client_error() || !has_media_type(&response.headers, PROBLEM_MEDIA_TYPE) {
        return false;
    }
    let document: Option<serde_json::Value> = serde_json::from_slice(&response.body).ok();
    document.is_some_and(|document| document.get("type").and_then(serde_json::Value::as_str) == Some(problem_type))
}

fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(header::DATE)?.to_str().ok()?).ok()
}

/// The body of a sealed success.
fn success<T: MlsDecode>(response: &ChannelResponse) -> Result<T, FetchError> {
    if response.status != StatusCode::OK {
        return Err(problem(response).into());
    }
    if !has_media_type(&response.headers, MEDIA_TYPE) {
        return Err(FetchError::MediaType);
    }
    Ok(wire::decode(&response.body)?)
}
