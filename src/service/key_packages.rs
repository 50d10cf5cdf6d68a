//! KeyPackages: uploading, counting, removing and handing out (specs/protocol.md, "KeyPackages").

use zeroize::Zeroizing;

use super::{
    Error, Service, UserId,
    pool_desk::{PoolOutcome, PoolTask},
    pool_view::PoolView,
};
use crate::{
    client::ValidKeyPackage,
    mls::{ProtocolVersion, WireKeyPackage},
    pool::{self, Fetch, Forget, Package, ReferenceKey, ReplayMark, Upload},
    sequencer::UnixMillis,
    wire::{
        ClientId, KeyPackageRequest, KeyPackageResult, KeyPackageResults, KeyPackageStanding, KeyPackageStatus,
        UploadKeyPackagesRequest, decode,
    },
};

/// Room for the KeyPackages of one request in an answer: what an answer's class has for each request
/// ([`ANSWER_CLASS_BYTES`]), less what HTTP and the lists around it take.
const BYTES_FOR_EACH: usize = ANSWER_CLASS_BYTES - 320;

/// The class of an answer is the number of requests, rounded up to a power of two, times this.
pub const ANSWER_CLASS_BYTES: usize = 8 * 1024;

/// How many clients of a user are given at most.
const CLIENTS_FOR_EACH: usize = 16;

impl Service {
    /// Validates KeyPackages (RFC 9420 §10.1) and stores them: all, or none.
    ///
    /// # Errors
    /// [`Error::InvalidKeyPackage`] and [`Error::PoolRejected`] when none is stored, any other when their fate is
    /// unknown: uploading them again is safe.
    pub async fn upload_key_packages(
        &self,
        user: &UserId,
        request: UploadKeyPackagesRequest,
    ) -> Result<KeyPackageStanding, Error> {
        self.take_key_packages(user, request, true).await
    }

    /// Validates KeyPackages that somebody has already, and remembers their references: all, or none. Welcomes for them
    /// are taken; they are given to nobody.
    ///
    /// # Errors
    /// As [`Service::upload_key_packages`].
    pub async fn register_key_packages(
        &self,
        user: &UserId,
        request: UploadKeyPackagesRequest,
    ) -> Result<KeyPackageStanding, Error> {
        self.take_key_packages(user, request, false).await
    }

    async fn take_key_packages(
        &self,
        user: &UserId,
        request: UploadKeyPackagesRequest,
        to_hand_out: bool,
    ) -> Result<KeyPackageStanding, Error> {
        let now = self.now();
        let policy = self.pool_policy();
        let UploadKeyPackagesRequest { client_id, key_packages } = request;
        let place = tokio::time::timeout(self.limits().queue_wait, self.reads.clone().acquire_owned())
            .await
            .map_err(|_| Error::Overloaded)?
            .map_err(|_| Error::ShuttingDown)?;
        let checking = tokio::task::spawn_blocking(move || {
            let _place = place;
            let checked = key_packages.iter().enumerate().map(|(at, package)| check(at, package, &policy, now));
            checked.collect::<Result<Vec<Package>, Error>>()
        });
        let packages = checking.await.map_err(|_| Error::NoThread)??;
        let upload = Upload { user: self.tag(user), client: client_id, packages, to_hand_out };
        self.lanes.submit_pool(PoolTask::Upload(upload)).await?;
        self.key_package_standing(user).await
    }

    /// Removes the KeyPackages of one client.
    ///
    /// # Errors
    /// When their fate is unknown: asking again is safe.
    pub async fn delete_key_packages(&self, user: &UserId, client: ClientId) -> Result<KeyPackageStanding, Error> {
        self.lanes.submit_pool(PoolTask::Forget(vec![Forget { user: self.tag(user), client }])).await?;
        self.key_package_standing(user).await
    }

    /// What the user has.
    ///
    /// # Errors
    /// When the store cannot read.
    pub async fn key_package_standing(&self, user: &UserId) -> Result<KeyPackageStanding, Error> {
        let (store, policy, tag, now) = (self.store.clone(), self.pool_policy(), self.tag(user), self.now());
        let reading = tokio::task::spawn_blocking(move || {
            let snapshot = store.snapshot()?;
            let view = PoolView::new(&[], &*snapshot);
            pool::standing(&view, &tag, &policy, now)
        });
        Ok(reading.await.map_err(|_| Error::NoThread)??)
    }

    /// Hands out KeyPackages: one of each matching client for every request, by position.
    ///
    /// `mark` is written together with what is handed out.
    ///
    /// # Errors
    /// When nothing is known of what was handed out. What is refused is a result, not an error.
    pub async fn fetch_key_packages(
        &self,
        requests: &[KeyPackageRequest],
        mark: Option<ReplayMark>,
    ) -> Result<KeyPackageResults, Error> {
        let results = self.fetch(requests, CLIENTS_FOR_EACH, mark).await?;
        Ok(KeyPackageResults { results })
    }

    /// Hands out one KeyPackage, of whichever client has the shortest that is for one group only, or the shortest if none
    /// has one.
    ///
    /// # Errors
    /// As [`Service::fetch_key_packages`].
    pub async fn fetch_key_package(
        &self,
        request: &KeyPackageRequest,
        mark: Option<ReplayMark>,
    ) -> Result<Result<WireKeyPackage, KeyPackageStatus>, Error> {
        let results = self.fetch(std::slice::from_ref(request), 1, mark).await?;
        let Some(KeyPackageResult { status, key_packages }) = results.into_iter().next() else {
            return Err(Error::ShuttingDown);
        };
        Ok(key_packages.into_iter().next().ok_or(status))
    }

    async fn fetch(
        &self,
        requests: &[KeyPackageRequest],
        clients: usize,
        mark: Option<ReplayMark>,
    ) -> Result<Vec<KeyPackageResult>, Error> {
        let secret = self.store.user_tag_secret();
        let fetches = requests.iter().map(|request| Fetch {
            user: UserId::tag_of(&request.user_id, secret),
            user_id: Zeroizing::new(request.user_id.clone()),
            token: decode(&request.bearer_token).unwrap_or_else(|_| Fetch::no_token()),
            version: request.version,
            cipher_suite: request.cipher_suite,
            clients,
            bytes: BYTES_FOR_EACH,
        });
        let PoolOutcome::Fetched(results) = self.lanes.submit_pool(PoolTask::Fetch(fetches.collect(), mark)).await?
        else {
            return Err(Error::ShuttingDown);
        };
        let count = |wanted| results.iter().filter(|(status, _)| *status == wanted).count();
        tracing::trace!(
            ok = count(KeyPackageStatus::Ok),
            denied = count(KeyPackageStatus::Denied),
            exhausted = count(KeyPackageStatus::Exhausted),
            incompatible = count(KeyPackageStatus::Incompatible),
            "KeyPackages fetched"
        );
        let result = |(status, packages): (KeyPackageStatus, Vec<bytes::Bytes>)| {
            let decoded: Result<Vec<WireKeyPackage>, _> = packages.iter().map(|bytes| decode(bytes)).collect();
            let key_packages = decoded.map_err(|_| crate::store::Error::Corrupt("KeyPackage"))?;
            Ok(KeyPackageResult { status, key_packages })
        };
        results.into_iter().map(result).collect()
    }

    /// What is remembered of requests that were answered, so that their repetitions are known after a restart. Blocks.
    ///
    /// # Errors
    /// When the store cannot read.
    pub fn answered_requests(&self) -> Result<AnsweredRequests, Error> {
        const PAGE: usize = 4096;
        let (snapshot, now) = (self.store.snapshot()?, self.now());
        let lapsed = snapshot.lapsed_marks(now)?.map(|lapsed| lapsed.last_ms);
        let forgotten_ms = snapshot.marks_lapsed()?.max(lapsed.unwrap_or(0));
        let mut marks: Vec<ReplayMark> = Vec::new();
        // What has expired may be many times what has not.
        let mut after = ReplayMark { digest: [0xff; 32], expires_ms: now };
        loop {
            let page = snapshot.replay_marks(Some(&after), PAGE)?;
            let ends = page.len() < PAGE;
            marks.extend(page);
            match marks.last() {
                Some(last) if !ends => after = *last,
                _ => return Ok(AnsweredRequests { marks, forgotten_ms }),
            }
        }
    }
}

/// What is remembered of requests that came through the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweredRequests {
    /// Those of their marks that have not expired.
    pub marks: Vec<ReplayMark>,
    /// Requests whose marks would have lapsed by then may have been answered and forgotten, whatever the clock says
    /// now: it may have gone back.
    pub forgotten_ms: UnixMillis,
}

fn check(at: usize, package: &WireKeyPackage, policy: &pool::Policy, now: u64) -> Result<Package, Error> {
    if package.bytes().len() > policy.key_package_bytes {
        return Err(Error::KeyPackageTooLarge(policy.key_package_bytes));
    }
    let invalid = |reason| Error::InvalidKeyPackage { at, reason };
    let valid = ValidKeyPackage::check(package, now / 1000).map_err(invalid)?;
    // RFC 9420 §7.2 wants a longest lifetime, which it leaves to the application.
    let expires_ms = valid.not_after_s.saturating_mul(1000);
    if expires_ms > now.saturating_add(policy.lifetime_ms) {
        return Err(invalid(crate::client::InvalidKeyPackage::Lifetime));
    }
    Ok(Package {
        bytes: package.bytes().clone(),
        reference: ReferenceKey::of(&valid.reference.0),
        version: ProtocolVersion::MLS10,
        cipher_suite: package.cipher_suite(),
        expires_ms,
        last_resort: valid.is_last_resort,
    })
}
