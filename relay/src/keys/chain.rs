//! What the lines of a key log say, and which line can follow: a function of the lines, without the file.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) digest: [u8; 32],
    pub(super) seen_ms: u64,
    pub(super) verdict: Verdict,
}

/// What became of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was served from then on.
    Served,
    /// It was refused: the one before was too young.
    TooSoon,
}

/// The list that was served last.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) digest: [u8; 32],
    /// Of its lines: one, unless the clock was put right.
    pub(super) seen_ms: Vec<u64>,
    /// Lists that were refused since.
    pub(super) refused: Vec<[u8; 32]>,
}

/// The lines of a log, and what they say.
#[derive(Debug, Default)]
pub(super) struct Chain {
    pub(super) text: Vec<u8>,
    lines: u64,
    pub(super) served: Option<Served>,
    last_line: [u8; 32],
}

impl Chain {
    /// Reads whole lines.
    ///
    /// # Errors
    /// Which of them, counted from 1, does not follow from those before it.
    pub(super) fn read(text: &[u8]) -> Result<Self, usize> {
        let mut chain = Self::default();
        for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let seen = chain.follows(line).ok_or(number + 1)?;
            chain.push(line, seen);
        }
        Ok(chain)
    }

    /// What the line says, if it is the next one of this log, letter for letter.
    fn follows(&self, line: &[u8]) -> Option<Seen> {
        let fields: Map<String, Value> = serde_json::from_slice(line).ok()?;
        let mut digest = [0; 32];
        hex::decode_to_slice(fields.get("sha256")?.as_str()?, &mut digest).ok()?;
        let verdict = if fields.contains_key("refused") { Verdict::TooSoon } else { Verdict::Served };
        let seen = Seen { digest, seen_ms: fields.get("seen_ms")?.as_u64()?, verdict };
        // There is nothing that the first list could have followed too soon.
        let is_possible = verdict == Verdict::Served || self.served.is_some();
        (is_possible && self.line(seen).as_bytes() == line).then_some(seen)
    }

    /// The next line.
    pub(super) fn line(&self, Seen { digest, seen_ms, verdict }: Seen) -> String {
        let refused = match verdict {
            Verdict::Served => "",
            Verdict::TooSoon => ",\"refused\":\"too_soon\"",
        };
        format!(
            "{{\"n\":{n},\"seen_ms\":{seen_ms},\"sha256\":\"{}\"{refused},\"previous\":\"{}\"}}\n",
            hex::encode(digest),
            hex::encode(self.last_line),
            n = self.lines,
        )
    }

    pub(super) fn push(&mut self, line: &[u8], Seen { digest, seen_ms, verdict }: Seen) {
        self.last_line = Sha256::digest(line.trim_ascii_end()).into();
        self.text.extend_from_slice(line);
        self.lines += 1;
        match (verdict, &mut self.served) {
            (Verdict::TooSoon, Some(served)) => served.refused.push(digest),
            (Verdict::Served, Some(served)) if served.digest == digest => served.seen_ms.push(seen_ms),
            (_, served) => *served = Some(Served { digest, seen_ms: vec![seen_ms], refused: Vec::new() }),
        }
    }
}
