//! A user of the follower whose KeyPackage users of the hub fetch.

use restante::{
    client::oblivious::KeyPackageFetcher,
    mls::{CipherSuite, ProtocolVersion, WireKeyPackage},
    wire::{
        BearerTokenKind, ClientId, KeyPackageRequest, KeyPackageStatus, MintTokenRequest, UploadKeyPackagesRequest,
        decode, encode,
    },
};

use super::{
    newcomer::now_s,
    site::{FOLLOWER, User},
};
use crate::key_packages::Device;

const SUITE: u16 = 1;

pub(crate) struct Contact {
    name: String,
    token: Vec<u8>,
    key_package: WireKeyPackage,
}

impl Contact {
    /// Uploads a last-resort KeyPackage, and has a token minted.
    pub(crate) async fn new(user: &User, name: String) -> Self {
        let key_package: WireKeyPackage = decode(&Device::new(SUITE).last_resort(now_s())).unwrap();
        let key_packages = vec![key_package.clone()];
        user.upload_key_packages(&UploadKeyPackagesRequest { client_id: ClientId::new([1; 16]), key_packages })
            .await
            .unwrap();
        let minted = user.mint_token(&MintTokenRequest { kind: BearerTokenKind::Shared }).await.unwrap();
        Self { name, token: encode(&minted.token).unwrap(), key_package }
    }

    /// Fetches it. What is wrong with what came.
    pub(crate) async fn fetch(&self, fetcher: &KeyPackageFetcher) -> Result<(), String> {
        let (status, key_packages) = self.ask(fetcher, self.token.clone()).await?;
        match status {
            KeyPackageStatus::Ok if key_packages == [self.key_package.clone()] => Ok(()),
            KeyPackageStatus::Ok => Err("another KeyPackage came".to_owned()),
            other => Err(format!("{other:?}")),
        }
    }

    /// Asks with a token that is not good.
    pub(crate) async fn be_denied(&self, fetcher: &KeyPackageFetcher) -> Result<(), String> {
        let mut wrong = self.token.clone();
        *wrong.last_mut().unwrap() ^= 1;
        match self.ask(fetcher, wrong).await? {
            (KeyPackageStatus::Denied, key_packages) if key_packages.is_empty() => Ok(()),
            (other, _) => Err(format!("{other:?}")),
        }
    }

    async fn ask(
        &self,
        fetcher: &KeyPackageFetcher,
        bearer_token: Vec<u8>,
    ) -> Result<(KeyPackageStatus, Vec<WireKeyPackage>), String> {
        let request = KeyPackageRequest {
            user_id: self.name.clone().into_bytes(),
            bearer_token,
            version: ProtocolVersion::MLS10,
            cipher_suite: CipherSuite(SUITE),
        };
        let provider = FOLLOWER.parse().unwrap();
        let mut fetched = fetcher.fetch(&provider, vec![request]).await.map_err(|error| error.to_string())?;
        let result = fetched.pop().filter(|_| fetched.is_empty()).ok_or("another number of results")?;
        Ok((result.status, result.key_packages))
    }
}
