//! What a message costs its provider, and what it gives back to others (specs/protocol.md B1 to B9).

use std::sync::Arc;

use super::{
    super::{
        Announcement, Charge, Partition, Refusal, Rejection, Sign, State, Usage,
        budget::give_back,
        dominance::{WALK_MAX, descends, dominant_child, is_outnumbered_nowhere},
    },
    Change, Entering,
};
use crate::{mls::ContentType, wire::ServiceProviderId};

impl<S: State + ?Sized> Change<'_, S> {
    /// Takes what an adopted partition had cost out of its record, if it is to be given back: when the commit is free, and
    /// the first that something follows. Others adopt what is off the dominant branch, as far as anybody knows.
    pub(super) fn refund(&self, partition: &mut Partition) -> Vec<Charge> {
        if !self.exempt || !self.target.is_head() {
            return Vec::new();
        }
        partition.debtors.clear();
        std::mem::take(&mut partition.charges)
    }

    fn in_group(&self, provider: &ServiceProviderId) -> Result<Usage, S::Error> {
        match self.transition.budgets.iter().find(|(whose, _)| whose == provider) {
            Some((_, usage)) => Ok(*usage),
            None => Ok(self.state.budget(provider)?.in_group),
        }
    }

    fn set_in_group(&mut self, provider: &ServiceProviderId, usage: Usage) {
        match self.transition.budgets.iter_mut().find(|(whose, _)| whose == provider) {
            Some((_, old)) => *old = usage,
            None => self.transition.budgets.push((provider.clone(), usage)),
        }
    }

    /// Whether it is a member's commit, one of the first of its provider in a partition on a branch that no other
    /// outnumbers: honest races never hit a budget, whatever others have sent before. What one provider makes and uses
    /// alone, in a group that others use, is free up to some length: there is no race in it.
    pub(super) fn is_exempt(&self, entering: &Entering<'_>) -> Result<bool, S::Error> {
        let is_member_commit = entering.announcement.is_some() && !entering.is_external();
        let sent = self.before.commits_of(entering.submitter);
        let is_alone = self.before.unshared >= self.policy.free_chain
            && self.before.announced_by.as_ref() == Some(entering.submitter)
            && !self.before.is_used_beside(entering.submitter)
            && self.group.users.len() > 1;
        if !is_member_commit || sent >= self.policy.free_commits || is_alone {
            return Ok(false);
        }
        // While a branch is being ended, nobody outruns that for free. What is deeper than walks go may be on it.
        if let Some(ending) = self.group.spreading.filter(|spread| !spread.restores)
            && self.before.epoch >= Some(ending.epoch)
            && descends(self.state, (&entering.partition, &self.before), &ending.top)? != Some(false)
        {
            return Ok(false);
        }
        is_outnumbered_nowhere(self.state, &entering.partition, &self.before)
    }

    /// What the send costs the submitter's budget: for the target, and for the partition that it announces.
    fn cost(&mut self, entering: &Entering<'_>, opens: bool, created_child: bool) -> Result<(Usage, Usage), S::Error> {
        let attached = entering.announcement.map_or(0, attached_bytes);
        let message = entering.message.bytes().len() as u64;
        let child = Usage { partitions: u64::from(created_child), bytes: 0 };
        if !self.before.is_connected() {
            let target = Usage { partitions: u64::from(opens), bytes: message + attached };
            return Ok((target, child));
        }
        let late = self.is_late()?;
        if late && entering.message.content_type() != ContentType::Application {
            self.note(Sign::LateHandshake);
        }
        if self.exempt {
            return Ok((Usage::default(), Usage::default()));
        }
        let bytes = if late || entering.is_external() { message + attached } else { attached };
        Ok((Usage { partitions: 0, bytes }, child))
    }

    /// Whether the dominant child has been in use, as a child, for longer than honest stragglers need.
    fn is_late(&self) -> Result<bool, S::Error> {
        let Some(child) = dominant_child(self.state, &self.before)? else { return Ok(false) };
        let first_used = self.state.partition(&child.key)?.and_then(|child| child.first_used_ms());
        // It may have been used as an orphan, before anybody here could know of it.
        let since = first_used.map(|first_used| first_used.max(child.announced_ms));
        Ok(since.is_some_and(|since| self.now > since.saturating_add(self.policy.late_after_ms)))
    }

    pub(super) fn charge(
        &mut self,
        entering: &Entering<'_>,
        opens: bool,
        created_child: bool,
    ) -> Result<(), Refusal<S::Error>> {
        let (target, child) = self.cost(entering, opens, created_child).map_err(Refusal::State)?;
        let cost = target.plus(child);
        if cost.is_nothing() {
            return Ok(());
        }
        let budget = self.state.budget(entering.submitter).map_err(Refusal::State)?;
        let in_group = self.in_group(entering.submitter).map_err(Refusal::State)?.plus(cost);
        let in_all = budget.in_all.minus(budget.in_group).plus(in_group);
        if !in_group.fits(self.policy.budget_in_group) || !in_all.fits(self.policy.budget_in_all) {
            let retry_after_seconds = self.policy.retry_after_seconds;
            return Err(Rejection::RateLimited { retry_after_seconds }.into());
        }
        self.set_in_group(entering.submitter, in_group);
        self.target.record_charge(entering.submitter, target);
        if let Some(record) = self.opened(entering) {
            record.record_charge(entering.submitter, child);
        }
        Ok(())
    }

    /// A member's free commit shows that members follow what leads to its partition: everybody gets back what that had
    /// cost, joins from outside above all. Whoever joined cannot say so of itself; of the hub's own users, who are limited
    /// one by one, it is believed.
    pub(super) fn vouch(&mut self, entering: &Entering<'_>) -> Result<(), S::Error> {
        if self.exempt {
            let policy = self.policy;
            let is_vouched =
                |of: &ServiceProviderId| of != entering.submitter || policy.hub.as_ref().is_some_and(|hub| hub == of);
            let mut refunds = self.target.forgive(is_vouched);
            let mut parent = self.target.parent.filter(|_| refunds.is_some());
            for _step in 0..WALK_MAX {
                let Some(up) = parent else { break };
                let Some(above) = self.transition.newest(self.state, &up.key)? else { break };
                let mut above = Arc::unwrap_or_clone(above);
                let Some(given_back) = above.forgive(is_vouched) else { break };
                refunds.get_or_insert_default().extend(given_back);
                parent = above.parent;
                self.transition.change(up.key, above);
            }
            give_back(self.state, refunds.into_iter().flatten(), &mut self.transition)?;
        }
        let debtors = self.target.debtors.clone();
        if let Some(child) = self.opened(entering).filter(|_| !debtors.is_empty()) {
            debtors.iter().for_each(|debtor| child.owe(debtor));
        }
        Ok(())
    }
}

/// Bytes of the GroupInfo and the Welcome of a commit.
fn attached_bytes(announcement: &Announcement) -> u64 {
    let group_info = announcement.group_info.as_ref().map_or(0, |group_info| group_info.bytes().len());
    let welcome = announcement.welcome_data.as_ref().map_or(0, |data| data.welcome.bytes().len());
    (group_info + welcome) as u64
}
