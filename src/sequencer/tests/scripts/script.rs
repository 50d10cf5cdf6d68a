//! The form of the scripts in `testdata/`.
//!
//! A script is a row of blocks with empty lines between them. A block is some commands and, if they print anything, a
//! line `----` and what they print. Lines that begin with `#` are comments. [`super::play`] says what commands there
//! are.

/// A part of a script.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Comment lines, or an empty line.
    Text(String),
    /// The number of its first line, and its commands. What they are expected to print is compared as text.
    Block(usize, Vec<String>),
}

/// Splits a script into its parts.
pub(super) fn parse(script: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = script.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        if line.is_empty() || line.starts_with('#') {
            parts.push(Part::Text(line.into()));
            continue;
        }
        let mut commands = vec![line.to_owned()];
        let block = std::iter::from_fn(|| lines.next_if(|(_, line)| !line.is_empty())).map(|(_, line)| line.to_owned());
        commands.extend(block.take_while(|line| line != "----"));
        while lines.next_if(|(_, line)| !line.is_empty()).is_some() {}
        parts.push(Part::Block(number + 1, commands));
    }
    parts
}

/// The script again, with what the commands printed.
pub(super) fn write(parts: &[Part], mut print: impl FnMut(usize, &[String]) -> String) -> String {
    let mut script = String::new();
    for part in parts {
        match part {
            Part::Text(line) => script += &format!("{line}\n"),
            Part::Block(line, commands) => {
                let printed = print(*line, commands);
                let dashes = if printed.is_empty() { "" } else { "----\n" };
                script += &format!("{}\n{dashes}{printed}", commands.join("\n"));
            }
        }
    }
    script
}
