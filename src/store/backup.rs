//! A backup, as it is spoken of.

/// A copy of the whole database at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its number: later ones have greater ones.
    pub id: u32,
    /// When it was made, in milliseconds since 1970, to the second.
    pub made_ms: u64,
    /// What it consists of, in bytes; parts of it may belong to others as well.
    pub bytes: u64,
    /// In so many files.
    pub files: u32,
}

/// One that is there and cannot be put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedBackup {
    /// Its number.
    pub id: u32,
    /// What is wrong with it: part of a sentence that names a file at most.
    pub why: String,
}

/// What is in a folder of backups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backups {
    /// Those that are whole as far as names and lengths of their files show, oldest first.
    pub whole: Vec<Backup>,
    /// All others, oldest first.
    pub damaged: Vec<DamagedBackup>,
}
