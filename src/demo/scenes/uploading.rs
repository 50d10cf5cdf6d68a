//! Devices at follower.example leave KeyPackages with their provider.

use crate::{
    demo::{
        Failure,
        device::Newcomer,
        mode::Mode,
        narrator::Narrator,
        newcomers::Newcomers,
        stage::{FOLLOWER, Stage},
    },
    mls::WireKeyPackage,
    wire::{BearerTokenKind, MintTokenRequest, encode},
};

/// One-time KeyPackages of each device: one for each scene that fetches, and one to spare.
const EACH: usize = 4;

/// What was left there, and what was told to Alice.
pub(in crate::demo) struct Stocks {
    pub(in crate::demo) newcomers: Newcomers,
    pub(in crate::demo) phone: Vec<WireKeyPackage>,
    pub(in crate::demo) laptop: Vec<WireKeyPackage>,
    pub(in crate::demo) dave: Vec<WireKeyPackage>,
    /// Tokens that open the KeyPackages, encoded.
    pub(in crate::demo) carols_token: Vec<u8>,
    pub(in crate::demo) daves_token: Vec<u8>,
}

pub(in crate::demo) async fn play(stage: &mut Stage, narrator: &mut Narrator) -> Result<Stocks, Failure> {
    narrator.scene("Devices leave KeyPackages with their provider");
    narrator.tell(
        "To add somebody to a group one needs a KeyPackage of each of their devices. Carol's phone and laptop and Dave's \
         device upload some to follower.example, over its own service's listener. Each is handed out once. The last one \
         of a device is for when the others are used up, and may be handed out again.",
    );
    let stocks = fill(Mode::BOTH[0], stage).await?;
    for (name, newcomer) in [("Carol", &stocks.newcomers.phone), ("Dave", &stocks.newcomers.dave)] {
        let standing = newcomer.service().key_package_status().await?;
        let good = standing.stocks.iter().all(|stock| stock.available as usize == EACH && stock.has_last_resort);
        narrator.check(
            format!("{FOLLOWER} has {EACH} one-time KeyPackages and a last-resort one of each of {name}'s devices"),
            good && !standing.stocks.is_empty(),
        );
    }
    narrator.tell(
        "Each of the two has their provider make a bearer token, and gives it to Alice when they meet. Whoever shows it \
         may fetch their KeyPackages. Carol's is the one for all her contacts, so it tells nobody from anybody; Dave's is \
         one of its own for Alice, which he can take back.",
    );
    Ok(stocks)
}

/// New devices with new KeyPackages, and tokens.
pub(super) async fn fill(mode: Mode, stage: &mut Stage) -> Result<Stocks, Failure> {
    let newcomers = Newcomers::make(mode, stage.providers()?)?;
    Ok(Stocks {
        phone: newcomers.phone.upload(EACH).await?,
        laptop: newcomers.laptop.upload(EACH).await?,
        dave: newcomers.dave.upload(EACH).await?,
        carols_token: mint(&newcomers.phone, BearerTokenKind::Shared).await?,
        daves_token: mint(&newcomers.dave, BearerTokenKind::Unique).await?,
        newcomers,
    })
}

async fn mint(newcomer: &Newcomer, kind: BearerTokenKind) -> Result<Vec<u8>, Failure> {
    let minted = newcomer.service().mint_token(&MintTokenRequest { kind }).await?;
    Ok(encode(&minted.token)?)
}
