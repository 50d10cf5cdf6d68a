//! That nothing is packed that can be told to end.

use std::path::PathBuf;

use crate::deb::tree::read;
use crate::failure::Failure;

/// The environment variable that such a program reads (`faults/src/point.rs`). Its name is in it, and in no other.
const MARK: &[u8] = b"FAULTS_POINT";

/// Refuses programs that are compiled with the feature `faults`, as those of `cargo xtask test` are: whoever sets their
/// environment can have them end at any point, or put their clocks ahead.
pub(super) fn refuse(programs: &[PathBuf]) -> Result<(), Failure> {
    for program in programs {
        if has_mark(&read(program)?) {
            return Err(Failure::new(format!(
                "{} is compiled for tests, with the feature `faults`: pack a release build, or say --although-faults \
                 for a package that nobody is to install",
                program.display()
            )));
        }
    }
    Ok(())
}

fn has_mark(program: &[u8]) -> bool {
    program.windows(MARK.len()).any(|window| window == MARK)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cargo::Cargo;

    #[test]
    fn the_mark_is_found_wherever_it_stands() {
        for program in [&b"FAULTS_POINT"[..], b"\x7fELF FAULTS_POINT", b"FAULTS_POINT\0\0"] {
            assert!(has_mark(program));
        }
        assert!(!has_mark(b"FAULTS_POIN") && !has_mark(b""));
    }

    #[test]
    fn a_program_with_the_mark_is_refused() {
        let folder = std::env::temp_dir().join(format!("restante-faults-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let [shipped, of_a_test] = ["shipped", "of_a_test"].map(|name| folder.join(name));
        fs::write(&shipped, b"\x7fELF").unwrap();
        fs::write(&of_a_test, b"\x7fELF FAULTS_POINT").unwrap();
        let refused = [refuse(std::slice::from_ref(&shipped)), refuse(&[shipped, of_a_test])];
        fs::remove_dir_all(&folder).unwrap();
        let [Ok(()), Err(failure)] = refused else { panic!("one is refused") };
        assert!(failure.to_string().contains("of_a_test is compiled for tests"), "{failure}");
    }

    #[test]
    fn the_mark_is_the_variable_s_name() {
        let source = fs::read(Cargo::here().unwrap().root().join("faults/src/point.rs")).unwrap();
        let line = [&b"pub const POINT: &str = \""[..], MARK, b"\";"].concat();
        assert!(source.windows(line.len()).any(|window| window == line));
    }
}
