//! What a client has done with a Welcome.

use super::{
    InboxState, Letter, LetterKey,
    hub_share::{HubShare, Shares},
};
use crate::pool::{Refusal, Transition};

/// A client has seen a letter and wants it no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledge {
    /// Which.
    pub letter: LetterKey,
    /// Whether it joined with it. If so, its KeyPackage is used up, unless it is a last-resort one.
    pub joined: bool,
}

/// Removes a letter. One that is not there was acknowledged before, or has expired.
///
/// # Errors
/// [`Refusal::State`] when the state cannot be read.
pub fn acknowledge<S: InboxState + ?Sized>(
    state: &S,
    acknowledge: &Acknowledge,
) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition::default();
    if let Some(letter) = state.letter(&acknowledge.letter).map_err(Refusal::State)? {
        transition.cleared_expiries.push(acknowledge.letter.expiry(&letter));
        remove(state, &acknowledge.letter, &letter, acknowledge.joined, &mut transition).map_err(Refusal::State)?;
    }
    Ok(transition)
}

/// Removes a letter, and with the last one what was delivered.
pub(in crate::pool) fn remove<S: InboxState + ?Sized>(
    state: &S,
    key: &LetterKey,
    letter: &Letter,
    joined: bool,
    transition: &mut Transition,
) -> Result<(), S::Error> {
    transition.inbox.letters.push((*key, None));
    for addressed in &letter.addressed {
        let Some(mut reference) = state.reference(&addressed.reference)? else { continue };
        let Some(mut welcomed) = state.welcomed(&addressed.reference)? else { continue };
        if joined && !reference.last_resort {
            // Nothing more is taken: nobody needs to know any more from whom it came.
            reference.joined = true;
            transition.references.push((addressed.reference, Some(reference)));
            transition.inbox.welcomed.push((addressed.reference, None));
        } else {
            welcomed.settle(&letter.delivery);
            transition.inbox.welcomed.push((addressed.reference, Some(welcomed)));
        }
    }
    let mut delivery = state.delivery(&letter.delivery)?.ok_or_else(|| state.missing("delivery"))?;
    let mut mailbox = state.mailbox(&key.user)?.unwrap_or_default();
    let mut shares = Shares::read(state, &delivery.hub)?;
    mailbox.remove(&delivery.hub, delivery.bytes.into());
    transition.inbox.mailboxes.push((key.user, mailbox.into_row()));
    shares.remove(HubShare::LETTER_BYTES);
    delivery.letters = delivery.letters.saturating_sub(1);
    if delivery.letters == 0 {
        shares.remove(delivery.bytes.into());
        transition.inbox.contents.push((letter.delivery, None));
    }
    shares.write(&delivery.hub, transition);
    transition.inbox.deliveries.push((letter.delivery, (delivery.letters > 0).then_some(delivery)));
    Ok(())
}
