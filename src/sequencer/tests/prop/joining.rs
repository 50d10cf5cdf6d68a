//! Joins from outside, done to the model and to the hub.

use super::{
    super::{
        handmade::{self, Kind},
        *,
    },
    GROUPS, ROOT_EPOCH,
    model::{Asked, Found, Verdict},
    operation::Joining,
    run::{Run, masked, name, receipt},
};
use crate::{mls::ExternalCommit, wire::MaskedPartitionKey};

/// All are of one length: a few texts are to come again often.
const LENGTH: usize = 110;
const GROUP_INFO_LENGTH: usize = 300;

impl Run {
    pub(super) fn join(&mut self, group: usize, joining: Joining) {
        let Joining { by, found, .. } = joining;
        let (partition, next) = (self.key(group, joining.partition), self.key(group, joining.next));
        let (group_id, group_key) = (GROUPS[group].as_bytes(), GroupKey::of(GROUPS[group].as_bytes()));
        let epoch = self.models[group].epoch(partition).unwrap_or(ROOT_EPOCH) + joining.epoch_off;
        let message = handmade::message(Kind::ExternalCommit, group_id, epoch, &joining.text.to_string(), LENGTH);
        let asked = Asked {
            provider: by,
            partition,
            content: (u64::from_be_bytes(message.digest()[..8].try_into().unwrap()), Some(next), false),
            presents: false,
            is_handshake: true,
            is_external: true,
            names_epoch: epoch,
            expects: None,
            has_group_info: joining.group_info,
            message_bytes: LENGTH as u64,
            attached_bytes: if joining.group_info { GROUP_INFO_LENGTH as u64 } else { 0 },
        };
        let group_info = || handmade::group_info(group_id, epoch + 1, handmade::SUITE, true, GROUP_INFO_LENGTH);
        let join = Join {
            submitter: name(by),
            partition: masked(partition),
            ground: self.ground(group_key, partition, found),
            commit: ExternalCommit::of(&message).unwrap(),
            announcement: Announcement {
                next: masked(next),
                group_info: joining.group_info.then(group_info),
                welcome_data: None,
                preflight: Preflight::NotAsked,
            },
            sight: self.look(group_key, Some(&masked(partition)), joining.look, joining.text),
        };
        let before = self.hub.clone();
        let elsewhere = self.models[1 - group].used(by);
        let verdict = self.models[group].join(&asked, found, elsewhere, &self.policy, self.now);
        let outcome = self.decide(group_key, &Command::Join(Box::new(join)));
        match (verdict, outcome) {
            (Verdict::Sequenced { at, index, commits_before }, Ok(transition)) => {
                let receipt = receipt(at, index, commits_before);
                assert_eq!(transition.outcome, Outcome::Sent(receipt));
                let repeat = (MaskedPartitionKey::NONE, RepeatKey::in_group(&message), receipt);
                assert_eq!(transition.repeat, Some(repeat), "it is known again wherever it is placed");
                self.saw("joined");
                self.saw_change(&before, group_key, &transition);
            }
            (Verdict::Repeated { at, index, commits_before }, Ok(transition)) => {
                let receipt = receipt(at, index, commits_before);
                assert_eq!(transition, Transition::unchanged(Outcome::Sent(receipt)));
                self.saw("joined again");
            }
            (Verdict::Stale, Err(Rejection::StaleJoin)) => self.saw("stale join"),
            (Verdict::OverBudget, Err(Rejection::RateLimited { .. })) => self.saw("join over budget"),
            (Verdict::Deleted, Err(Rejection::GroupDeleted)) => self.saw("joined after the end"),
            (verdict, outcome) => panic!("the model says {verdict:?}, the sequencer {outcome:?}"),
        }
        if !matches!(verdict, Verdict::Sequenced { .. }) {
            assert_eq!(self.hub, before);
        }
    }

    /// What whoever looked for the partition found there.
    fn ground(&self, group: GroupKey, partition: u8, found: Found) -> Ground {
        let record = self.hub.rows(&group).partitions.get(&masked(partition));
        let published = record.and_then(|record| record.group_info);
        match found {
            Found::GroupInfo => Ground::Proof(published.unwrap_or(BlobKey([0; 32]))),
            Found::Token => Ground::Dominance { token: true, group_info: published },
            Found::Changed => Ground::Dominance { token: true, group_info: Some(BlobKey([0; 32])) },
        }
    }
}
