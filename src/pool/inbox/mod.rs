//! Welcomes that wait for their new members (draft §4.3, specs/protocol.md "Welcomes"): which are taken, for whom they
//! are kept, and when they go.
//!
//! A hub first asks for decisions about KeyPackageRefs ([`judge`]) and is given a ticket ([`issue`]); with the ticket it
//! delivers ([`deliver`]). What was delivered is kept once, as a [`Delivery`], with a [`Letter`] for each client that it
//! is for, until that client acknowledges it ([`acknowledge`]) or it expires.
//!
//! What waits is never dropped to make room: what finds no room is refused, and the hub is told.
//!
//! # Privacy
//! Users stand here by their tags, tickets by their hashes. Which hub has sent somebody a Welcome is forgotten with what
//! it was sent for.

mod acknowledge;
mod changes;
mod deliver;
mod delivery;
mod expire;
mod hub_share;
mod issue;
mod judge;
mod letter;
mod mailbox;
mod policy;
mod state;
mod ticket;
mod welcomed;

pub use acknowledge::{Acknowledge, acknowledge};
pub use changes::InboxChanges;
pub use deliver::{Deliver, Delivered, deliver};
pub use delivery::{Delivery, DeliveryKey};
pub use hub_share::HubShare;
pub use issue::{Issue, issue};
pub use judge::{has_room, judge};
pub use letter::{Addressed, Letter, LetterKey};
pub use mailbox::{HubRoom, Mailbox, Room};
pub use policy::InboxPolicy;
pub use state::InboxState;
pub use ticket::{Ticket, TicketKey};
pub use welcomed::{Taken, Welcomed};

pub(super) use acknowledge::remove;
pub(super) use expire::{expire_letter, expire_ticket};
