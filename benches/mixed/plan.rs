//! How long it takes, and how much there is of everything.

use std::time::Duration;

pub(crate) struct Plan {
    /// Rows.
    pub(crate) minutes: usize,
    /// How long each of them is.
    pub(crate) minute: Duration,
    /// How long the most is measured, after four times as long of the same.
    pub(crate) maximum: Duration,
    /// Operations in a second, instead of a share of the most.
    pub(crate) rate: Option<f64>,
    /// Groups, each with a sender at the hub, another one at the follower, and a reader there.
    pub(crate) groups: usize,
    /// Whether the follower asks the hub to push.
    pub(crate) push: bool,
}

impl Plan {
    /// What the words ask for.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn of(words: &[String]) -> Result<Self, String> {
        let minute = Duration::from_secs(60);
        let mut plan = Self { minutes: 60, minute, maximum: minute, rate: None, groups: 200, push: false };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut number = || {
                let given = words.next().and_then(|word| word.parse::<u32>().ok()).filter(|given| *given > 0);
                given.ok_or_else(|| format!("{word} takes a number"))
            };
            match word.as_str() {
                "--minutes" => plan.minutes = usize::try_from(number()?).map_err(|error| error.to_string())?,
                "--groups" => plan.groups = usize::try_from(number()?).map_err(|error| error.to_string())?,
                "--rate" => plan.rate = Some(number()?.into()),
                "--push" => plan.push = true,
                _ => return Err(format!("mixed takes no `{word}`")),
            }
        }
        // A short run is for looking whether it works.
        plan.maximum = minute.min(minute * u32::try_from(plan.minutes).unwrap_or(u32::MAX) / 6);
        Ok(plan)
    }

    /// After so many rows memory and latencies are to be steady.
    pub(crate) fn warm_up(&self) -> usize {
        if self.minutes > 20 { 10 } else { self.minutes / 3 }
    }
}
