//! The arguments of `cargo xtask deb`.

use std::path::PathBuf;

use crate::failure::Failure;

/// What is packed, how, and where the package goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arguments {
    /// The folder of programs that are there already.
    pub(super) programs: Option<PathBuf>,
    /// The folder of the package.
    pub(super) output: Option<PathBuf>,
    /// As `dpkg-deb -Z` has it.
    pub(super) compression: String,
}

impl Arguments {
    pub(super) fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut parsed = Self { programs: None, output: None, compression: "xz".to_owned() };
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| Failure::usage(format!("deb: {name} takes a value")));
            match name.as_str() {
                "--programs" => parsed.programs = Some(value()?.into()),
                "--output" => parsed.output = Some(value()?.into()),
                "--compression" => value()?.clone_into(&mut parsed.compression),
                _ => {
                    return Err(Failure::usage(format!(
                        "deb does not know `{name}`; it takes --programs DIR, with programs that are built, --output \
                         DIR, for the package, and --compression xz|zstd|gzip|none"
                    )));
                }
            }
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments, Failure> {
        Arguments::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn each_argument_has_a_value_and_others_are_refused() {
        let parsed = parse(&["--programs", "a", "--compression", "none"]).unwrap();
        assert_eq!((parsed.programs, parsed.output), (Some("a".into()), None));
        assert_eq!(parsed.compression, "none");
        assert_eq!(parse(&[]).unwrap().compression, "xz");
        for words in [&["--programs"][..], &["a"], &["--output", "b", "--comp", "xz"]] {
            assert_eq!(format!("{:?}", parse(words).unwrap_err().exit_code()), "ExitCode(unix_exit_status(2))");
        }
    }
}
