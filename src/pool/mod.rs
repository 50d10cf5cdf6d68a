//! KeyPackages that wait for whoever may fetch them, the tokens that say who may, and the Welcomes that come of it:
//! decisions as pure functions.
//!
//! Each command has a file. It is given what is known ([`State`]), the operator's numbers ([`Policy`]) and the time, and
//! returns everything that changes ([`Transition`]) or why nothing does ([`Refusal`]). It writes nothing: one lane
//! carries all commands out, one after another, so that choosing a KeyPackage and marking it as handed out is one step.
//!
//! This layer has no clock, no randomness, no I/O and no `async`: time and random bytes are passed in.
//!
//! # Privacy
//! Users are known by keyed hashes, clients by random numbers that they chose themselves.

mod account;
mod day;
mod expire;
mod fetch;
mod forget;
mod handle;
mod inbox;
mod join_token;
mod meter;
mod meters;
mod mint;
mod policy;
mod reference;
mod refusal;
mod revoke;
mod standing;
mod state;
mod stock;
#[cfg(test)]
mod tests;
mod token;
mod transition;
mod upload;

pub use account::{Account, Shelf};
pub use expire::expire;
pub use fetch::{Fetch, Fetched, fetch};
pub use forget::{Forget, forget};
pub use handle::Handle;
pub use inbox::{
    Acknowledge, Addressed, Deliver, Delivered, Delivery, DeliveryKey, HubRoom, HubShare, InboxChanges, InboxPolicy,
    InboxState, Issue, Letter, LetterKey, Mailbox, Room, Taken, Ticket, TicketKey, Welcomed, acknowledge, deliver,
    has_room, issue, judge,
};
pub use meter::{Meter, Rate};
pub use meters::Meters;
pub use mint::{Mint, mint};
pub use policy::Policy;
pub use reference::{Reference, ReferenceKey};
pub use refusal::{Refusal, Rejection};
pub use revoke::{Revoke, revoke};
pub use standing::standing;
pub use state::State;
pub use stock::{Item, LastResort, Place, Stock, StockKey};
pub use token::TokenSecret;
pub use transition::{Expiry, ExpiryOf, LapsedMarks, ReplayMark, Transition};
pub use upload::{Package, Upload, upload};
