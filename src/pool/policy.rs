//! The operator's numbers about KeyPackages, tokens and Welcomes that wait.

use super::{InboxPolicy, Rate};
use crate::sequencer::UnixMillis;

/// What the operator decides about KeyPackages, tokens and Welcomes that wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The longest KeyPackage, in bytes: one must fit into an answer with the rest of its class.
    pub key_package_bytes: usize,
    /// How many one-time KeyPackages a stock holds.
    pub stock_items: usize,
    /// How many clients a user has.
    pub clients: usize,
    /// How many stocks a user has, over all clients.
    pub stocks: usize,
    /// A stock with fewer KeyPackages than this is low.
    pub low_water_mark: u32,
    /// How many KeyPackages of a user are remembered by their references.
    pub references: u32,
    /// How many handles a user has.
    pub handles: u32,
    /// How long a KeyPackage's reference is kept after it expired.
    pub reference_ms: UnixMillis,
    /// How far a KeyPackage's lifetime may reach beyond the day of its upload.
    pub lifetime_ms: UnixMillis,
    /// KeyPackages that one user uploads.
    pub upload_rate: Rate,
    /// Fetches that one unique token opens.
    pub token_rate: Rate,
    /// Fetches of one user's one-time KeyPackages, over all tokens.
    pub target_rate: Rate,
    /// Welcomes that wait.
    pub inbox: InboxPolicy,
}

const HOUR: UnixMillis = 3_600_000;
const DAY: UnixMillis = 24 * HOUR;

impl Default for Policy {
    fn default() -> Self {
        Self {
            key_package_bytes: 7 * 1024,
            stock_items: 256,
            clients: 64,
            stocks: 256,
            low_water_mark: 20,
            references: 131_072,
            handles: 4096,
            reference_ms: 30 * DAY,
            lifetime_ms: 400 * DAY,
            upload_rate: Rate::each_ms(16_384, 2_000),
            token_rate: Rate::each_ms(16, 10 * 60_000),
            target_rate: Rate::each_ms(100, 60_000),
            inbox: InboxPolicy::default(),
        }
    }
}
