//! The arguments of `cargo xtask deb`.

use std::path::PathBuf;

use crate::failure::Failure;

/// What is packed, how, and where the package goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arguments {
    /// The folder of programs that are there already.
    pub(super) programs: Option<PathBuf>,
    /// Whether these may be such as only tests are made with.
    pub(super) although_faults: bool,
    /// The folder of documents about the programs (`cargo xtask sbom`).
    pub(super) documents: Option<PathBuf>,
    /// The folder of the package.
    pub(super) output: Option<PathBuf>,
    /// As `dpkg-deb -Z` has it.
    pub(super) compression: String,
}

impl Arguments {
    pub(super) fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut parsed = Self {
            programs: None,
            although_faults: false,
            documents: None,
            output: None,
            compression: "xz".to_owned(),
        };
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| Failure::usage(format!("deb: {name} takes a value")));
            match name.as_str() {
                "--programs" => parsed.programs = Some(value()?.into()),
                "--although-faults" => parsed.although_faults = true,
                "--sbom" => parsed.documents = Some(value()?.into()),
                "--output" => parsed.output = Some(value()?.into()),
                "--compression" => value()?.clone_into(&mut parsed.compression),
                _ => {
                    return Err(Failure::usage(format!(
                        "deb does not know `{name}`; it takes --programs DIR, with programs that are built, \
                         --although-faults, if they are a test's, --sbom DIR, with what `cargo xtask sbom` wrote, \
                         --output DIR, for the package, and --compression xz|zstd|gzip|none"
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
    fn arguments_have_their_values_and_others_are_refused() {
        let parsed = parse(&["--programs", "a", "--compression", "none"]).unwrap();
        assert_eq!((parsed.programs, parsed.output), (Some("a".into()), None));
        assert_eq!(parsed.compression, "none");
        let usual = parse(&[]).unwrap();
        assert_eq!((usual.compression.as_str(), usual.although_faults, usual.documents), ("xz", false, None));
        let of_a_test = parse(&["--although-faults", "--sbom", "c"]).unwrap();
        assert_eq!((of_a_test.although_faults, of_a_test.documents), (true, Some("c".into())));
        for words in [&["--programs"][..], &["a"], &["--output", "b", "--comp", "xz"]] {
            assert_eq!(format!("{:?}", parse(words).unwrap_err().exit_code()), "ExitCode(unix_exit_status(2))");
        }
    }
}
