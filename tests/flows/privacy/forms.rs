//! The forms in which somebody might have written something down, and the search for all of them at once.

use std::collections::{BTreeSet, HashMap};

use base64::{Engine, engine::general_purpose::STANDARD};

/// How something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// Byte for byte.
    Raw,
    /// Hexadecimal, in small or capital letters.
    Hex,
    /// Base64 or base64url, padded or not, beginning at any of the three places of a quantum.
    Base64,
    /// As Rust's `Debug` shows bytes: a list of numbers, or a text with escapes.
    Listed,
}

/// All forms of it. Each is what does not depend on what stands before or behind.
pub(crate) fn forms(secret: &[u8]) -> Vec<(Form, Vec<u8>)> {
    let mut forms = vec![
        (Form::Raw, secret.to_vec()),
        (Form::Hex, hex::encode(secret).into_bytes()),
        (Form::Hex, hex::encode_upper(secret).into_bytes()),
        (Form::Listed, format!("{secret:?}").trim_matches(['[', ']']).as_bytes().to_vec()),
        (Form::Listed, secret.escape_ascii().to_string().into_bytes()),
    ];
    for offset in 0..3 {
        let standard = base64_middle(secret, offset);
        let url_safe = standard.iter().map(|letter| match letter {
            b'+' => b'-',
            b'/' => b'_',
            letter => *letter,
        });
        forms.push((Form::Base64, url_safe.collect()));
        forms.push((Form::Base64, standard));
    }
    let mut known = BTreeSet::new();
    forms.retain(|(_, form)| known.insert(form.clone()));
    forms
}

/// In the middle of something longer the letters depend on where it begins; those at the edges are shared.
fn base64_middle(secret: &[u8], offset: usize) -> Vec<u8> {
    let padded = STANDARD.encode([&vec![0; offset][..], secret].concat());
    let start = if offset == 0 { 0 } else { 4 };
    // What is padded has a last letter that the next byte would change.
    let letters = padded.trim_end_matches('=');
    let end = if letters.len() == padded.len() { letters.len() } else { letters.len() - 1 };
    padded.as_bytes()[start..end].to_vec()
}

/// Things to look for, each in all its forms.
pub(crate) struct Search<K> {
    /// By their first bytes.
    needles: HashMap<[u8; HEAD], Vec<Needle<K>>>,
    /// Whether one begins with these two, which is soon asked.
    begins: Vec<bool>,
}

struct Needle<K> {
    bytes: Vec<u8>,
    kind: K,
    form: Form,
}

/// What is shorter is not looked for: it would be found everywhere.
const HEAD: usize = 6;

impl<K: Copy + Ord> Search<K> {
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = (K, &'a [u8])>) -> Self {
        let mut search = Self { needles: HashMap::new(), begins: vec![false; 1 << 16] };
        for (kind, secret) in secrets {
            for (form, bytes) in forms(secret) {
                let head = bytes.first_chunk::<HEAD>().copied().expect("nothing so short is looked for");
                search.begins[usize::from(u16::from_be_bytes([head[0], head[1]]))] = true;
                search.needles.entry(head).or_default().push(Needle { bytes, kind, form });
            }
        }
        search
    }

    /// What of them stands there, and how.
    pub(crate) fn found_in(&self, content: &[u8]) -> BTreeSet<(K, Form)> {
        let mut found = BTreeSet::new();
        for (at, window) in content.windows(HEAD).enumerate() {
            if !self.begins[usize::from(u16::from_be_bytes([window[0], window[1]]))] {
                continue;
            }
            let needles = self.needles.get(window).into_iter().flatten();
            let here = needles.filter(|needle| content[at..].starts_with(&needle.bytes));
            found.extend(here.map(|needle| (needle.kind, needle.form)));
        }
        found
    }
}

/// Every form is found wherever it begins, and in whatever it is wrapped.
#[test]
fn whatever_form_a_secret_has_it_is_found() {
    let secret: Vec<u8> = (0xb0..0xd0).collect();
    let search = Search::new([((), &secret[..])]);
    let found = |text: &[u8]| search.found_in(text).into_iter().map(|((), form)| form).collect::<Vec<_>>();
    assert_eq!(found(&[b"before", &secret[..], b"after"].concat()), [Form::Raw]);
    assert_eq!(found(format!("key={}!", hex::encode(&secret)).as_bytes()), [Form::Hex]);
    assert_eq!(found(format!("key={}!", hex::encode_upper(&secret)).as_bytes()), [Form::Hex]);
    assert_eq!(found(format!("Key({secret:?})").as_bytes()), [Form::Listed]);
    assert_eq!(found(format!("b\"{}\"", secret.escape_ascii()).as_bytes()), [Form::Listed]);
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
    for before in 0..5 {
        for after in 0..4 {
            let wrapped = [&vec![0xa7; before][..], &secret, &vec![0x5c; after]].concat();
            for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
                assert_eq!(found(engine.encode(&wrapped).as_bytes()), [Form::Base64], "{before} {after}");
            }
        }
    }
    let mut other = secret.clone();
    other[16] ^= 1;
    assert_eq!(found(&[&other[..], STANDARD.encode(&other).as_bytes(), hex::encode(&other).as_bytes()].concat()), []);
}
