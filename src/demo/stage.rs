//! The two providers and what lies around them.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    Failure,
    provider::{Addresses, Provider},
};
use crate::{
    client::http::{Limits, PeerChannel, ProviderClient, ProviderIdentity},
    dev_pki::{self, Existing, IssuedProvider},
    wire::ServiceProviderId,
};

/// The provider where the groups are created.
pub(super) const HUB: &str = "hub.example";
/// The provider that forwards for its users.
pub(super) const FOLLOWER: &str = "follower.example";

/// A provider that nobody configured as a peer.
const STRANGER: &str = "stranger.example";

/// Both providers, once they are set up.
pub(super) struct Stage {
    program: PathBuf,
    folder: PathBuf,
    providers: Option<Providers>,
    intruders: Vec<IssuedProvider>,
}

/// Both providers.
pub(super) struct Providers {
    pub(super) hub: Provider,
    pub(super) follower: Provider,
}

impl Stage {
    pub(super) fn new(program: &Path, folder: &Path) -> Self {
        Self { program: program.to_owned(), folder: folder.to_owned(), providers: None, intruders: Vec::new() }
    }

    /// Issues certificates, writes configurations and starts the processes.
    ///
    /// # Errors
    /// What went wrong first.
    pub(super) async fn set_up(&mut self, now: SystemTime) -> Result<&mut Providers, Failure> {
        let [hub, follower, stranger] = [HUB, FOLLOWER, STRANGER].map(str::parse::<ServiceProviderId>);
        let (hub, follower, stranger) = (hub?, follower?, stranger?);
        let ids = [hub, follower.clone(), stranger];
        let mut issued = dev_pki::issue(&self.folder.join("pki"), &ids, Existing::Refuse, now)?.providers;
        self.intruders.extend(issued.pop());
        let another_authority = self.folder.join("another-authority");
        self.intruders.extend(dev_pki::issue(&another_authority, &[follower], Existing::Refuse, now)?.providers);

        let [hub, follower] = free_addresses()?;
        let set_up = |id, own: Addresses, peer| Provider::set_up(&self.program, self.folder.join(id), id, own, peer);
        let providers = Providers {
            hub: set_up(HUB, hub, (FOLLOWER, follower.provider))?,
            follower: set_up(FOLLOWER, follower, (HUB, hub.provider))?,
        };
        let providers = self.providers.insert(providers);
        providers.hub.start().await?;
        providers.follower.start().await?;
        Ok(providers)
    }

    /// The providers.
    ///
    /// # Errors
    /// Before [`Stage::set_up`].
    pub(super) fn providers(&mut self) -> Result<&mut Providers, Failure> {
        self.providers.as_mut().ok_or_else(|| "the providers are not set up".into())
    }

    /// Channels to the provider listener of the hub that nobody allowed: of a provider that is no peer, and of one that
    /// says with a certificate of its own making that it is the follower.
    ///
    /// # Errors
    /// Before [`Stage::set_up`], or when a file is gone.
    pub(super) fn intruders(&self) -> Result<[PeerChannel; 2], Failure> {
        let [stranger, impostor] = self.intruders.as_slice() else { return Err("nobody intrudes".into()) };
        Ok([self.intrude(stranger)?, self.intrude(impostor)?])
    }

    fn intrude(&self, own: &IssuedProvider) -> Result<PeerChannel, Failure> {
        let ca = fs::read(self.folder.join("pki/ca.pem"))?;
        let (certificates, key) = (fs::read(&own.cert_file)?, fs::read(&own.key_file)?);
        let identity = ProviderIdentity { ca: &ca, certificates: &certificates, key: &key };
        let hub: ServiceProviderId = HUB.parse()?;
        let address = self.providers.as_ref().ok_or("the providers are not set up")?.hub.addresses.provider;
        let peers = [(hub.clone(), format!("https://{address}").parse()?)];
        let client = ProviderClient::new(identity, peers, Limits::default())?;
        client.peer(&hub).ok_or_else(|| "the hub is no peer".into())
    }

    /// Ends both processes.
    pub(super) async fn clear(&mut self) {
        if let Some(Providers { hub, follower }) = &mut self.providers {
            for provider in [hub, follower] {
                if provider.kill().await.is_err() {
                    tracing::warn!("a process of the demo could not be ended");
                }
            }
        }
    }
}

/// Ports that nobody uses now: all are held together, so that they differ.
fn free_addresses() -> io::Result<[Addresses; 2]> {
    let hold = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let held = [hold()?, hold()?, hold()?, hold()?];
    let address = |number: usize| -> io::Result<SocketAddr> { held[number].local_addr() };
    Ok([
        Addresses { provider: address(0)?, local: address(1)? },
        Addresses { provider: address(2)?, local: address(3)? },
    ])
}
