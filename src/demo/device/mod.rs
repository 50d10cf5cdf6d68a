//! A device: an MLS client and what an app around it would do.
//!
//! With the saboteur, whose cryptography one of these clients runs on, the only part of the demo that names the MLS library.

mod branching;
mod client;
mod newcomer;

use std::time::Duration;

use mls_rs::{Client, client_builder::MlsConfig};

pub(super) use client::{Honest, Malicious};
pub(super) use newcomer::Newcomer;

use super::{
    Failure,
    cast::Seat,
    mode::Mode,
    tap::Tap,
    transcript::{Line, Transcript},
};
use crate::{
    client::{Event, Member, MemoryKeep, Participant, Progress, TokioPace, http::DeliveryService},
    mls::{ContentType, EpochNumber, WireGroupInfo},
    wire::{MaskedPartitionKey, ReceiveRequest, SendRequest},
};

type Jitter = Box<dyn FnMut() -> u64 + Send>;

/// A member of the group.
pub(super) struct Device<C: MlsConfig = Honest> {
    pub(super) seat: &'static Seat,
    pub(super) tap: Tap,
    pub(super) transcript: Transcript,
    mode: Mode,
    client: Client<C>,
    keep: MemoryKeep,
    member: Member<C, Tap, TokioPace<Jitter>, MemoryKeep>,
}

impl<C: MlsConfig> Device<C> {
    pub(super) fn epoch(&self) -> EpochNumber {
        self.member.group().epoch()
    }

    pub(super) fn group_id(&self) -> &[u8] {
        self.member.group().group_id()
    }

    /// The masked partition key of the device's epoch.
    pub(super) fn partition(&self) -> MaskedPartitionKey {
        self.member.group().masked_partition_key()
    }

    /// What it would ask the hub next: with the partition key in it.
    pub(super) fn request(&self) -> ReceiveRequest {
        self.member.group().receive_request()
    }

    pub(super) fn service(&self) -> &DeliveryService<Tap> {
        self.member.service()
    }

    pub(super) fn is_removed(&self) -> bool {
        self.member.group().is_removed()
    }

    /// Whether something is not said or done yet.
    pub(super) fn has_work(&self) -> bool {
        self.member.has_work()
    }

    /// Says something and waits until the hub has sequenced it.
    ///
    /// # Errors
    /// When the hub does not.
    pub(super) async fn say(&mut self, text: &str) -> Result<(), Failure> {
        self.want_to_say(text)?;
        self.flush().await
    }

    /// Queues something to say.
    ///
    /// # Errors
    /// When the queue is full.
    pub(super) fn want_to_say(&mut self, text: &str) -> Result<(), Failure> {
        self.member.send(text.as_bytes())?;
        self.transcript.unread.push_back(text.to_owned());
        Ok(())
    }

    /// Queues a commit with fresh keys.
    ///
    /// # Errors
    /// When the queue is full.
    pub(super) fn want_fresh_keys(&mut self) -> Result<(), Failure> {
        self.member.update()?;
        Ok(())
    }

    /// Queues a commit that removes somebody.
    ///
    /// # Errors
    /// When the queue is full.
    pub(super) fn want_removed(&mut self, seat: &Seat) -> Result<(), Failure> {
        self.member.remove(seat.identity.as_bytes())?;
        Ok(())
    }

    /// Queues a proposal to be removed.
    ///
    /// # Errors
    /// When the queue is full.
    pub(super) fn want_to_leave(&mut self) -> Result<(), Failure> {
        self.member.leave()?;
        Ok(())
    }

    /// The GroupInfo of the device's epoch, for somebody who wants to join from outside.
    ///
    /// # Errors
    /// The MLS library's.
    pub(super) fn group_info(&self) -> Result<WireGroupInfo, Failure> {
        Ok(self.member.group().group_info()?)
    }

    /// Works off the queue; a commit is read back.
    ///
    /// # Errors
    /// [`crate::client::MemberError`]
    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        while self.member.has_work() {
            let flushed = self.member.flush().await;
            self.take_notes()?;
            flushed?;
        }
        Ok(())
    }

    /// Reads all there is.
    ///
    /// # Errors
    /// [`crate::client::MemberError`]
    pub(super) async fn read(&mut self) -> Result<(), Failure> {
        self.wait(Duration::ZERO).await
    }

    /// Reads all there is, and waits for something if there is nothing.
    ///
    /// # Errors
    /// [`crate::client::MemberError`]
    pub(super) async fn wait(&mut self, wait: Duration) -> Result<(), Failure> {
        let read = self.member.read(wait).await;
        self.take_notes()?;
        Ok(read?)
    }

    /// Does all of it: works off the queue, reads, and looks now and then where it stands, after a commit was passed over.
    ///
    /// # Errors
    /// [`crate::client::MemberError`]
    pub(super) async fn sync(&mut self) -> Result<(), Failure> {
        let synced = self.member.sync(Duration::ZERO).await;
        self.take_notes()?;
        Ok(synced?)
    }

    /// Encrypts something past the queue, to be sent later.
    ///
    /// # Errors
    /// The MLS library's.
    pub(super) fn encrypt(&mut self, text: &str) -> Result<SendRequest, Failure> {
        Ok(self.member.group_mut().application(text.as_bytes(), Vec::new())?)
    }

    fn take_notes(&mut self) -> Result<(), Failure> {
        while let Some(progress) = self.member.next_progress() {
            match progress {
                Progress::Group(event) => self.take_note(event),
                Progress::Done { .. } => self.transcript.done += 1,
                Progress::Forked(fork) => self.transcript.forks.push(*fork),
                Progress::Accepted { .. } | Progress::Moot { .. } => {}
                Progress::Dropped { cause, .. } => {
                    return Err(format!("{} gave up what it was to do: {cause:?}", self.seat.name).into());
                }
            }
        }
        Ok(())
    }

    fn take_note(&mut self, event: Event) {
        let transcript = &mut self.transcript;
        match event {
            Event::Message { place, sender, data, .. } => {
                let text = String::from_utf8_lossy(&data).into_owned();
                transcript.hear(place, Line { by: identity(&sender), text });
            }
            // MLS cannot decrypt one's own messages: the app remembers what it said, in order.
            Event::Sent { place, content_type: ContentType::Application, .. } => {
                let text = transcript.unread.pop_front().unwrap_or_default();
                transcript.hear(place, Line { by: self.seat.identity.to_owned(), text });
            }
            Event::Ignored { place, reason } => transcript.ignored.push((place, reason)),
            Event::Superseded { place } => transcript.superseded.push(place),
            Event::Lost { .. } => transcript.lost += 1,
            Event::Removed { committer, .. } => {
                transcript.removed_by = Some(committer.as_ref().map(identity).unwrap_or_default());
            }
            Event::Sent { .. } | Event::Proposal { .. } | Event::Committed(_) | Event::Gap { .. } => {}
        }
    }
}

fn identity(participant: &Participant) -> String {
    let credential = participant.signing_identity.credential.as_basic();
    credential.map(|basic| String::from_utf8_lossy(&basic.identifier).into_owned()).unwrap_or_default()
}
