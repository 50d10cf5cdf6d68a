//! The three providers, the relay, and what lies around them.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    Failure,
    provider::{Addresses, Provider},
    relay::{RELAY, Relay, RelayAddresses},
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
/// Another one, whose user comes later.
pub(super) const THIRD: &str = "third.example";

/// A provider that nobody configured as a peer.
const STRANGER: &str = "stranger.example";

/// The providers, once they are set up.
pub(super) struct Stage {
    program: PathBuf,
    folder: PathBuf,
    providers: Option<Providers>,
    intruders: Vec<IssuedProvider>,
}

/// The providers, and the relay of the first one's operator.
pub(super) struct Providers {
    pub(super) hub: Provider,
    pub(super) follower: Provider,
    pub(super) third: Provider,
    pub(super) relay: Relay,
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
        let ids = [HUB, FOLLOWER, THIRD, RELAY, STRANGER].map(str::parse::<ServiceProviderId>);
        let ids = ids.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut issued = dev_pki::issue(&self.folder.join("pki"), &ids, Existing::Refuse, now)?.providers;
        self.intruders.extend(issued.pop());
        let another_authority = self.folder.join("another-authority");
        self.intruders
            .extend(dev_pki::issue(&another_authority, &[FOLLOWER.parse()?], Existing::Refuse, now)?.providers);

        let Free { hub, follower, third, relay, gateway } = free_addresses()?;
        let relay = Relay::set_up(&self.program, &self.folder, relay, gateway).await?;
        let all = [(HUB, hub.provider), (FOLLOWER, follower.provider), (THIRD, third.provider)];
        let set_up = |id, own: Addresses| {
            let peers: Vec<_> = all.into_iter().filter(|(peer, _)| *peer != id).collect();
            Provider::set_up(&self.program, self.folder.join(id), id, own, &peers)
        };
        let providers = Providers {
            hub: set_up(HUB, hub)?,
            follower: set_up(FOLLOWER, follower)?,
            third: set_up(THIRD, third)?,
            relay,
        };
        let providers = self.providers.insert(providers);
        providers.hub.start().await?;
        providers.follower.start().await?;
        providers.third.start().await?;
        providers.relay.start().await?;
        Ok(providers)
    }

    /// The providers.
    ///
    /// # Errors
    /// Before [`Stage::set_up`].
    pub(super) fn providers(&mut self) -> Result<&mut Providers, Failure> {
        self.providers.as_mut().ok_or_else(|| "the providers are not set up".into())
    }

    /// Puts a drawing beside the providers' folders.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn keep(&self, name: &str, drawing: &str) -> io::Result<()> {
        fs::write(self.folder.join(name), drawing)
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

    /// Ends all processes.
    pub(super) async fn clear(&mut self) {
        let Some(Providers { hub, follower, third, relay }) = &mut self.providers else { return };
        for ended in [relay.kill().await, hub.kill().await, follower.kill().await, third.kill().await] {
            if ended.is_err() {
                tracing::warn!("a process of the demo could not be ended");
            }
        }
    }
}

struct Free {
    hub: Addresses,
    follower: Addresses,
    third: Addresses,
    relay: RelayAddresses,
    gateway: SocketAddr,
}

/// Ports that nobody uses now: all are held together, so that they differ.
fn free_addresses() -> io::Result<Free> {
    let held = (0..9).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<io::Result<Vec<_>>>()?;
    let address = |number: usize| -> io::Result<SocketAddr> { held[number].local_addr() };
    let gateway = address(4)?;
    Ok(Free {
        hub: Addresses { provider: address(0)?, local: address(1)?, public: None },
        follower: Addresses { provider: address(2)?, local: address(3)?, public: Some(gateway) },
        third: Addresses { provider: address(7)?, local: address(8)?, public: None },
        relay: RelayAddresses { users: address(5)?, admin: address(6)? },
        gateway,
    })
}
