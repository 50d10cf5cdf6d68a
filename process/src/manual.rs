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

/// Lines of a program's help, and of that of its commands, which a terminal of 80 columns breaks: for the programs' tests.
/// Usage is one line, whatever it takes.
pub fn too_wide(mut program: Command) -> Vec<String> {
    program.build();
    let (mut commands, mut lines) = (vec![program], Vec::new());
    while let Some(mut command) = commands.pop() {
        let help = command.render_long_help().to_string();
        let wide = help.lines().filter(|line| !line.starts_with("Usage:") && line.chars().count() > 80);
        lines.extend(wide.map(|line| format!("{}: {line}", command.get_name())));
        commands.extend(command.get_subcommands().cloned());
    }
    lines
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

    #[test]
    fn wide_lines_are_found_in_commands_of_commands() {
        let wide = "x".repeat(81);
        let inner = Command::new("inner").after_long_help(wide.clone());
        let program = Command::new("server").subcommand(Command::new("outer").subcommand(inner));
        assert_eq!(too_wide(program), [format!("inner: {wide}")]);
        assert!(too_wide(Command::new("server").after_long_help("x".repeat(80))).is_empty());
    }
}
