//! Where bearer tokens come from: a file, standard input or the command line.

use std::{
    io::{self, Read},
    path::Path,
};

use anyhow::{Context, anyhow, bail};
use restante_process::config::{read, refuse_public};
use zeroize::Zeroizing;

use crate::cli::Token;

/// The longest text of tokens that is read: as many as a bundle holds, and white space.
const TEXT_MAX: usize = 64 * 1024;

/// The lines of a file, which nobody else may read, or of standard input for `-`.
pub(super) fn from_file(file: &Path) -> anyhow::Result<Vec<Token>> {
    if file == Path::new("-") {
        return from_text(&standard_input(io::stdin().lock())?, "standard input");
    }
    refuse_public(file).map_err(|sentence| anyhow!(sentence))?;
    let text = Zeroizing::new(read(file).map_err(|sentence| anyhow!(sentence))?);
    from_text(&text, &file.display().to_string())
}

fn standard_input(input: impl Read) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    // Room for everything: memory that grew would leave copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(TEXT_MAX + 1));
    input.take(TEXT_MAX as u64 + 1).read_to_end(&mut text).context("standard input cannot be read")?;
    Ok(text)
}

fn from_text(text: &[u8], place: &str) -> anyhow::Result<Vec<Token>> {
    if text.len() > TEXT_MAX {
        bail!("{place} is too large for tokens");
    }
    let text = str::from_utf8(text).map_err(|_| anyhow!("{place} is not text"))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Token::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_token_and_their_number_is_bounded() {
        let decoded = |text: &[u8]| {
            let tokens = from_text(text, "here").unwrap();
            tokens.iter().map(|token| token.decode().unwrap().to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(decoded(b"Ym9i\n\n  Y2Fyb2w=  \r\nYQ"), [&b"bob"[..], b"carol", b"a"]);
        assert!(from_text(b"\xff", "here").unwrap_err().to_string().contains("here is not text"));
        let endless = standard_input(io::repeat(b'A')).unwrap();
        assert_eq!((endless.len(), endless.capacity()), (TEXT_MAX + 1, TEXT_MAX + 1));
        assert!(from_text(&endless, "here").unwrap_err().to_string().contains("too large"));
    }
}
