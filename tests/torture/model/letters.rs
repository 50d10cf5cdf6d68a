//! Welcomes, each for one KeyPackage, and how far they have come.

use std::collections::HashMap;

/// By reference to the KeyPackage.
#[derive(Default)]
pub(crate) struct Letters {
    letters: HashMap<Vec<u8>, Letter>,
}

struct Letter {
    label: String,
    /// Whether the commit that it came with was acknowledged.
    is_promised: bool,
    /// The number that its user's provider gave it.
    number: Option<u64>,
    /// Whether the user has acknowledged it, and that was acknowledged.
    is_done: bool,
}

impl Letters {
    /// Somebody is about to send it.
    pub(crate) fn send(&mut self, reference: Vec<u8>, label: String) {
        self.letters.insert(reference, Letter { label, is_promised: false, number: None, is_done: false });
    }

    /// Its commit was acknowledged.
    pub(crate) fn promise(&mut self, reference: &[u8]) {
        self.letters.get_mut(reference).expect("it was sent").is_promised = true;
    }

    /// It is shown to its user.
    pub(crate) fn show(&mut self, reference: &[u8], number: u64) -> Result<(), String> {
        let Some(letter) = self.letters.get_mut(reference) else {
            return Err("a Welcome came that nobody sent".to_owned());
        };
        if letter.is_done {
            return Err(format!("{} was acknowledged and comes again, as {number}", letter.label));
        }
        match letter.number.replace(number) {
            Some(before) if before != number => Err(format!("{} came twice: {before}, {number}", letter.label)),
            _ => Ok(()),
        }
    }

    /// Its user has acknowledged it, and was told that this is kept.
    pub(crate) fn finish(&mut self, reference: &[u8]) {
        self.letters.get_mut(reference).expect("it was shown").is_done = true;
    }

    /// Those that were promised and have not come.
    pub(crate) fn awaited(&self) -> Vec<String> {
        let awaited = self.letters.values().filter(|letter| letter.is_promised && !letter.is_done);
        awaited.map(|letter| letter.label.clone()).collect()
    }

    /// Those that have not come, also of commits whose answer nobody has yet: a hub may have sequenced them.
    pub(crate) fn under_way(&self) -> Vec<String> {
        self.letters.values().filter(|letter| !letter.is_done).map(|letter| letter.label.clone()).collect()
    }

    pub(super) fn summary(&self) -> String {
        let count = |what: fn(&Letter) -> bool| self.letters.values().filter(|letter| what(letter)).count();
        format!(
            "{} Welcomes sent, {} promised, {} taken",
            self.letters.len(),
            count(|letter| letter.is_promised),
            count(|letter| letter.is_done)
        )
    }
}
