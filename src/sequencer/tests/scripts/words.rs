//! The words of a script's command.

use std::collections::HashMap;

use super::super::notation;

/// A command's words: what stands before the first option, and the options.
pub(super) struct Words<'a> {
    pub(super) plain: Vec<&'a str>,
    pub(super) options: HashMap<&'a str, &'a str>,
}

impl<'a> Words<'a> {
    pub(super) fn of(command: &'a str) -> Self {
        let (options, plain) = command.split_whitespace().partition::<Vec<_>, _>(|word| word.contains('='));
        Self { plain, options: options.into_iter().filter_map(|option| option.split_once('=')).collect() }
    }

    pub(super) fn plain(&self, place: usize) -> &'a str {
        self.plain.get(place).copied().unwrap_or_else(|| panic!("word {place} is missing"))
    }

    pub(super) fn take(&mut self, option: &str) -> Option<&'a str> {
        self.options.remove(option)
    }

    pub(super) fn must(&mut self, option: &str) -> &'a str {
        self.take(option).unwrap_or_else(|| panic!("{option}= is missing"))
    }

    pub(super) fn size(&mut self, option: &str, usual: usize) -> usize {
        self.take(option).map_or(usual, |size| usize::try_from(notation::size(size)).unwrap())
    }
}
