//! Bans and mutes: what was acknowledged is in force, what was lifted is not, and of what was not answered nobody knows.

use std::collections::{HashMap, HashSet};

use crate::world::Provider;

/// What is forbidden to somebody, as the server calls it.
pub(crate) type Sanction = &'static str;

/// Whom a hub bans: whose user, by what name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    pub(crate) hub: Provider,
    pub(crate) provider: Provider,
    pub(crate) name: &'static str,
}

#[derive(Default)]
pub(crate) struct Bans {
    /// What may be in force: what was acknowledged last, and what was asked for since and not answered. For others
    /// nothing is.
    possible: HashMap<Subject, HashSet<Option<Sanction>>>,
    changed: usize,
    compared: usize,
}

impl Bans {
    /// Somebody is about to ask for that; `None` lifts whatever there is.
    pub(crate) fn ask(&mut self, subject: Subject, sanction: Option<Sanction>) {
        self.possible.entry(subject).or_insert_with(|| HashSet::from([None])).insert(sanction);
    }

    /// It was acknowledged.
    pub(crate) fn settle(&mut self, subject: Subject, sanction: Option<Sanction>) {
        self.possible.insert(subject, HashSet::from([sanction]));
        self.changed += 1;
    }

    /// The hub says that this is in force.
    pub(crate) fn compare(&mut self, subject: Subject, found: Option<&str>) -> Result<(), String> {
        self.compared += 1;
        let nothing = HashSet::from([None]);
        let possible = self.possible.get(&subject).unwrap_or(&nothing);
        if possible.iter().any(|sanction| *sanction == found) {
            return Ok(());
        }
        Err(format!("{subject:?} is {found:?}, and by what was acknowledged one of {possible:?}"))
    }

    /// The hub says that it has so many bans in all.
    pub(crate) fn count(&self, hub: Provider, found: usize) -> Result<(), String> {
        let of_hub = || self.possible.iter().filter(|(subject, _)| subject.hub == hub).map(|(_, possible)| possible);
        let least = of_hub().filter(|possible| !possible.contains(&None)).count();
        let most = of_hub().filter(|possible| possible.iter().any(Option::is_some)).count();
        if (least..=most).contains(&found) {
            return Ok(());
        }
        Err(format!("{hub:?} has {found} bans, and by what was acknowledged from {least} to {most}"))
    }

    /// At the end.
    pub(crate) fn expect_some(&self) -> Result<(), String> {
        if self.changed > 0 && self.compared > 0 { Ok(()) } else { Err("no ban was compared".to_owned()) }
    }

    pub(super) fn summary(&self) -> String {
        format!("{} bans and mutes set or lifted, {} times compared", self.changed, self.compared)
    }
}

mod tests {
    use super::*;

    #[test]
    fn what_was_acknowledged_is_in_force_and_what_was_not_may_be() {
        let subject = Subject { hub: Provider::Hub, provider: Provider::Follower, name: "somebody" };
        let mut bans = Bans::default();
        assert_eq!(bans.compare(subject, None), Ok(()));
        assert!(bans.compare(subject, Some("banned")).is_err(), "nobody asked for that");
        bans.ask(subject, Some("banned"));
        assert!(bans.compare(subject, None).is_ok() && bans.compare(subject, Some("banned")).is_ok());
        assert!(bans.count(Provider::Hub, 0).is_ok() && bans.count(Provider::Hub, 1).is_ok());
        bans.settle(subject, Some("banned"));
        assert!(bans.compare(subject, Some("banned")).is_ok());
        assert!(bans.compare(subject, None).is_err() && bans.compare(subject, Some("muted")).is_err());
        assert!(bans.count(Provider::Hub, 0).is_err() && bans.count(Provider::Hub, 2).is_err());
        bans.ask(subject, None);
        assert!(bans.compare(subject, None).is_ok() && bans.compare(subject, Some("banned")).is_ok());
        bans.settle(subject, None);
        assert!(bans.compare(subject, Some("banned")).is_err(), "it was lifted");
        assert!(bans.count(Provider::Hub, 1).is_err() && bans.count(Provider::Follower, 1).is_err());
    }
}
