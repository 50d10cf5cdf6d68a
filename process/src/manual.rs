//! Man pages and shell completions of a program, from the words that its command line has: for whoever packages it.

use std::{fs, io, path::PathBuf};

use clap::{Args, Command};
use clap_complete::{Shell, generate_to};

/// Where they go.
#[derive(Debug, Args)]
pub struct Manual {
    /// The folder: below it are man1, bash, zsh and fish
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

impl Manual {
    /// Writes a page for the program and each of its commands, and a file for each shell.
    ///
    /// # Errors
    /// A folder or file cannot be written.
    pub fn write(&self, program: &Command) -> io::Result<()> {
        let name = program.get_name().to_owned();
        let pages = self.folder.join("man1");
        fs::create_dir_all(&pages)?;
        clap_mangen::generate_to(program.clone(), pages)?;
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let folder = self.folder.join(shell.to_string());
            fs::create_dir_all(&folder)?;
            generate_to(shell, &mut program.clone(), &name, folder)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    #[test]
    fn each_command_has_a_page_and_each_shell_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let serve = Command::new("serve").about("Serve, until told to end").arg(Arg::new("config").long("config"));
        let hidden = Command::new("write-manual").hide(true);
        let program = Command::new("server").about("Serves").subcommand(serve).subcommand(hidden);
        Manual { folder: folder.path().to_owned() }.write(&program).unwrap();
        let files = |name: &str| -> Vec<_> {
            let entries = fs::read_dir(folder.path().join(name)).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(files("man1"), ["server-serve.1", "server.1"]);
        assert_eq!([files("bash"), files("zsh"), files("fish")], [["server.bash"], ["_server"], ["server.fish"]]);
        let page = fs::read_to_string(folder.path().join("man1/server-serve.1")).unwrap();
        assert!(page.contains(".TH") && page.contains("\\-\\-config"), "{page}");
        assert!(fs::read_to_string(folder.path().join("bash/server.bash")).unwrap().contains("--config"));
    }
}
