//! KeyPackages that are for one group, and the requests that were given some.

use std::collections::{HashMap, HashSet};

/// What is known of all of them.
#[derive(Default)]
pub(crate) struct Packages {
    users: HashMap<String, Stock>,
    /// Requests of which a copy was refused.
    pub(crate) copies_refused: u64,
    /// Fetches with a revoked token that were denied.
    pub(crate) denied: u64,
}

#[derive(Default)]
struct Stock {
    uploaded: HashSet<Vec<u8>>,
    last_resort: HashSet<Vec<u8>>,
    handed_out: HashSet<Vec<u8>>,
    /// Fetches whose answers were lost: what they were given is gone.
    lost_max: usize,
}

impl Packages {
    fn stock(&mut self, user: &str) -> &mut Stock {
        self.users.entry(user.to_owned()).or_default()
    }

    /// The user is about to upload these.
    pub(crate) fn upload(&mut self, user: &str, one_time: impl IntoIterator<Item = Vec<u8>>) {
        self.stock(user).uploaded.extend(one_time);
    }

    pub(crate) fn upload_last_resort(&mut self, user: &str, package: Vec<u8>) {
        self.stock(user).last_resort.insert(package);
    }

    /// Somebody was given that one.
    pub(crate) fn hand_out(&mut self, user: &str, package: Vec<u8>) -> Result<(), String> {
        let stock = self.stock(user);
        if stock.last_resort.contains(&package) {
            return Ok(());
        }
        if !stock.uploaded.contains(&package) {
            return Err(format!("a KeyPackage of {user} was handed out that nobody uploaded"));
        }
        if stock.handed_out.insert(package) {
            Ok(())
        } else {
            Err(format!("a KeyPackage of {user} was handed out twice"))
        }
    }

    /// Whether it is the one that is given when no other is left.
    pub(crate) fn is_last_resort(&self, user: &str, package: &[u8]) -> bool {
        self.users.get(user).is_some_and(|stock| stock.last_resort.contains(package))
    }

    /// Somebody asked and was not answered.
    pub(crate) fn lose(&mut self, user: &str, at_most: usize) {
        self.stock(user).lost_max += at_most;
    }

    /// So many of them nobody has been given, as far as is known: some may have been lost on the way.
    pub(crate) fn left(&self, user: &str) -> usize {
        self.users.get(user).map_or(0, |stock| stock.uploaded.len() - stock.handed_out.len())
    }

    /// What is left and what was handed out are all that there were, but for what was lost on the way.
    pub(crate) fn account(&mut self, user: &str, available: usize) -> Result<(), String> {
        let Stock { uploaded, handed_out, lost_max, .. } = self.stock(user);
        let (uploaded, handed_out, lost_max) = (uploaded.len(), handed_out.len(), *lost_max);
        let known = handed_out + available;
        if known > uploaded || known + lost_max < uploaded {
            return Err(format!(
                "of {uploaded} KeyPackages of {user} {handed_out} were handed out, {available} are left and {lost_max} may \
                 be lost"
            ));
        }
        Ok(())
    }

    pub(super) fn summary(&self) -> String {
        let sum = |what: fn(&Stock) -> usize| self.users.values().map(what).sum::<usize>();
        format!(
            "{} KeyPackages uploaded, {} handed out, {} copies of requests refused, {} revoked tokens denied",
            sum(|stock| stock.uploaded.len()),
            sum(|stock| stock.handed_out.len()),
            self.copies_refused,
            self.denied
        )
    }
}
