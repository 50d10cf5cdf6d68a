//! What keys mean, one by one.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use figment::value::magic::RelativePathBuf;
use serde::de::DeserializeOwned;

use super::{Layers, LocalAddress, Problems, parse_tcp};

/// Reads single keys of what was written as `W`, and reports what is wrong with them or missing.
///
/// A reading that gives nothing has reported why.
pub struct Reader<'a, W> {
    layers: &'a Layers<W>,
    problems: &'a mut Problems,
}

impl<'a, W: DeserializeOwned> Reader<'a, W> {
    /// Reads from these layers. Problems are added to those that are known already.
    pub fn new(layers: &'a Layers<W>, problems: &'a mut Problems) -> Self {
        Self { layers, problems }
    }

    /// Reports what is wrong with a key.
    pub fn refuse(&mut self, key: &str, sentence: impl Into<String>) {
        self.problems.add(self.layers.place(key), sentence.into());
    }

    /// Reports that a key must be given, unless something was said about it already.
    pub fn missing(&mut self, key: &str, sentence: &str) {
        self.layers.missing(key, sentence, self.problems);
    }

    /// A value that must be given.
    pub fn required<T>(&mut self, key: &str, sentence: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.missing(key, sentence);
        }
        value
    }

    /// What a text stands for; `what` it is not is said before the reason, as in "`…` is no provider: …".
    pub fn parse<T: FromStr<Err: fmt::Display>>(&mut self, key: &str, what: &str, text: &str) -> Option<T> {
        text.parse().map_err(|why| self.refuse(key, format!("`{text}` is no {what}: {why}"))).ok()
    }

    /// A file or folder that must be given: `what` it is follows "is missing; name" and "is empty; name".
    pub fn path(&mut self, key: &str, what: &str, written: Option<RelativePathBuf>) -> Option<PathBuf> {
        let path = self.required(key, &format!("is missing; name {what}"), written)?;
        if path.original().as_os_str().is_empty() {
            self.refuse(key, format!("is empty; name {what}"));
            return None;
        }
        Some(path.relative())
    }

    /// The file with the authorities that the certificate of `whose` server comes from, at `url` in this table: one with
    /// TLS needs it, one without has no use for it.
    pub fn authorities(
        &mut self,
        table: &str,
        whose: &str,
        is_tls: bool,
        written: Option<RelativePathBuf>,
    ) -> Option<Option<PathBuf>> {
        let key = format!("{table}.ca_file");
        match (is_tls, written) {
            (true, None) => {
                let sentence = format!(
                    "is missing; name the PEM file with the authorities that the {whose}'s certificate comes from; for \
                     public ones that is the system's bundle, such as /etc/ssl/certs/ca-certificates.crt"
                );
                self.missing(&key, &sentence);
                None
            }
            (false, Some(_)) => {
                self.refuse(&key, format!("has no use: {table}.url has no https"));
                None
            }
            (true, Some(path)) => Some(Some(path.relative())),
            (false, None) => Some(None),
        }
    }

    /// An address and a port.
    pub fn tcp(&mut self, key: &str, text: &str) -> Option<SocketAddr> {
        parse_tcp(text).map_err(|sentence| self.refuse(key, sentence)).ok()
    }

    /// A loopback address or a unix socket, whose path starts at the folder of the file that it is written in.
    pub fn local(&mut self, key: &str, written: &RelativePathBuf) -> Option<LocalAddress> {
        let folder = written.metadata_path().and_then(Path::parent).unwrap_or(Path::new(""));
        let address = LocalAddress::parse(&written.original().to_string_lossy(), folder);
        address.map_err(|sentence| self.refuse(key, sentence)).ok()
    }
}

impl<W> fmt::Debug for Reader<'_, W> {
    /// Without the settings.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reader").field("problems", &self.problems.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU8;

    use serde::Deserialize;

    use super::*;
    use crate::config::{Program, Sources};

    #[derive(Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Written {
        table: Table,
    }

    #[derive(Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Table {
        listen: Option<String>,
        local: Option<RelativePathBuf>,
        file: Option<RelativePathBuf>,
        number: Option<String>,
    }

    const PROGRAM: Program =
        Program { name: "test", sample: "test.toml", prefix: "TEST_", siblings: &[], table: "table", others: &[] };

    /// What can be made of a file, and how its folder and what is said about it begin and go on.
    fn read<T>(text: &str, read: impl FnOnce(Table, &mut Reader<'_, Written>) -> T) -> (T, PathBuf, String) {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("test.toml");
        std::fs::write(&file, text).unwrap();
        let sources = Sources { file: &file, environment: Vec::new(), flags: Vec::new() };
        let mut problems = Problems::default();
        let mut layers = Layers::<Written>::read(PROGRAM, &sources, &mut problems).unwrap();
        let written = layers.extract(&mut problems).unwrap();
        let read = read(written.table, &mut Reader::new(&layers, &mut problems));
        (read, folder.path().to_owned(), problems.to_string())
    }

    #[test]
    fn what_is_written_is_read() {
        let text = "[table]\nlisten = \"127.0.0.1:1\"\nlocal = \"unix:sock\"\nfile = \"a/b\"\nnumber = \"7\"";
        let (read, folder, problems) = read(text, |table, reader| {
            (
                reader.tcp("table.listen", &table.listen.unwrap()),
                reader.local("table.local", &table.local.unwrap()),
                reader.path("table.file", "a file", table.file),
                reader.parse::<NonZeroU8>("table.number", "number", &table.number.unwrap()),
            )
        });
        assert_eq!(problems, "");
        assert_eq!(read.0, Some(SocketAddr::from(([127, 0, 0, 1], 1))));
        assert_eq!(read.1, Some(LocalAddress::Unix(folder.join("sock"))));
        assert_eq!((read.2, read.3), (Some(folder.join("a/b")), NonZeroU8::new(7)));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_nothing_is_read() {
        let text = "[table]\nlisten = \"here\"\nlocal = \"192.0.2.1:1\"\nnumber = \"0\"";
        let (read, _, problems) = read(text, |table, reader| {
            reader.tcp("table.listen", &table.listen.unwrap()).is_some()
                || reader.local("table.local", &table.local.unwrap()).is_some()
                || reader.path("table.file", "a file", table.file).is_some()
                || reader.parse::<NonZeroU8>("table.number", "number", &table.number.unwrap()).is_some()
        });
        assert!(!read);
        let wanted = [
            "table.listen: ",
            "table.local: 192.0.2.1:1 can",
            "table.file: is missing; name a file",
            "`0` is no number: ",
        ];
        assert_eq!(problems.lines().count(), wanted.len(), "{problems}");
        for (line, wanted) in problems.lines().zip(wanted) {
            assert!(line.contains("test.toml: table.") && line.contains(wanted), "{line}");
        }
    }
}
