//! How large the databases are, and how long each row is measured.

use std::{path::PathBuf, time::Duration};

/// Epochs of each group, and with them partitions: but for the last one, each ends with the commit that opens the next.
const EPOCHS: usize = 20;
/// The almost empty database.
const SMALL: Size = Size { groups: 64, epochs: EPOCHS, messages: 10 };

/// How much is in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) groups: usize,
    /// Partitions of each group.
    pub(crate) epochs: usize,
    /// Messages in each partition.
    pub(crate) messages: usize,
}

impl Size {
    pub(crate) fn partitions(self) -> usize {
        self.groups * self.epochs
    }

    pub(crate) fn all_messages(self) -> usize {
        self.partitions() * self.messages
    }
}

pub(crate) struct Plan {
    pub(crate) large: Size,
    pub(crate) small: Size,
    /// How long each row is measured, after a quarter of it as warm-up.
    pub(crate) length: Duration,
    /// How often each row is measured, on both databases in turn.
    pub(crate) rounds: usize,
    /// Where databases are built, and the large one is kept.
    pub(crate) folder: PathBuf,
    /// Whether the large one is removed at the end.
    pub(crate) delete: bool,
    /// `store.cache_bytes` of both servers, in MiB, if it is not to be the usual one.
    pub(crate) cache_mib: Option<usize>,
}

impl Plan {
    /// What the words ask for.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn of(words: &[String]) -> Result<Self, String> {
        let (mut partitions, mut messages, mut seconds, mut rounds, mut delete) = (1_000_000, 10_000_000, 4, 3, false);
        let mut cache_mib = None;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let number = match word.as_str() {
                "--delete" => {
                    delete = true;
                    continue;
                }
                "--partitions" => &mut partitions,
                "--messages" => &mut messages,
                "--seconds" => &mut seconds,
                "--rounds" => &mut rounds,
                "--cache-mib" => cache_mib.insert(0),
                _ => return Err(format!("full takes no `{word}`")),
            };
            let given = words.next().and_then(|word| word.parse().ok()).filter(|given| *given > 0);
            *number = given.ok_or_else(|| format!("{word} takes a number"))?;
        }
        let large = Size {
            groups: usize::div_ceil(partitions, EPOCHS),
            epochs: EPOCHS,
            // A commit, and something before it.
            messages: usize::div_ceil(messages, partitions).max(2),
        };
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench/full");
        let length = Duration::from_secs(u64::try_from(seconds).map_err(|error| error.to_string())?);
        Ok(Self { large, small: Size { messages: large.messages, ..SMALL }, length, rounds, folder, delete, cache_mib })
    }
}
