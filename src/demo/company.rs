//! Who plays where a group forks.

use super::{
    Failure,
    device::{Device, Malicious},
    record::Record,
    saboteur::Saboteur,
    tap::Tap,
};

/// The members of the group, and what went over their wires.
pub(super) struct Company {
    pub(super) record: Record,
    pub(super) alice: Device,
    pub(super) bob: Device,
    pub(super) carol: Device,
    pub(super) dave: Device,
    pub(super) erin: Device,
    pub(super) frank: Device,
    /// Means ill.
    pub(super) trudy: Device<Malicious>,
    /// Her client once more, as it was before she split the group.
    pub(super) copy: Option<Device<Malicious>>,
    /// What Trudy encrypts with.
    pub(super) saboteur: Saboteur,
    /// What the operator's program has printed.
    pub(super) printed: String,
}

impl Company {
    /// Those whom Trudy shuts out.
    pub(super) fn shut_out(&mut self) -> [&mut Device; 4] {
        [&mut self.alice, &mut self.bob, &mut self.carol, &mut self.dave]
    }

    /// Those who are on her branch with her, and cannot know it.
    pub(super) fn misled(&mut self) -> [&mut Device; 2] {
        [&mut self.erin, &mut self.frank]
    }

    /// Everybody reads all there is.
    ///
    /// # Errors
    /// [`crate::client::MemberError`]
    pub(super) async fn read(&mut self) -> Result<(), Failure> {
        for device in self.shut_out() {
            device.read().await?;
        }
        for device in self.misled() {
            device.read().await?;
        }
        self.trudy.read().await
    }

    /// The wire of each device.
    pub(super) fn taps(&self) -> [&Tap; 7] {
        let Self { alice, bob, carol, dave, erin, frank, trudy, .. } = self;
        [&alice.tap, &bob.tap, &carol.tap, &dave.tap, &erin.tap, &frank.tap, &trudy.tap]
    }

    /// Everything that was said, as far as anybody has read it.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        let Self { alice, bob, carol, dave, erin, frank, trudy, .. } = self;
        let honest = [alice, bob, carol, dave, erin, frank].into_iter().flat_map(|device| device.transcript.texts());
        honest.chain(trudy.transcript.texts())
    }
}
