//! A relay's log of key lists, as those read it who do not take the relay's word for it. In front of the text stand the
//! digest of the list in use and the time.

use restante::{client::oblivious::KeyLogMark, fuzzing::check_key_log};

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    let Some((in_use, rest)) = input.split_first_chunk::<32>() else { return };
    let Some((now, text)) = rest.split_first_chunk::<8>() else { return };
    let Ok(report) = check_key_log(text, *in_use, u64::from_be_bytes(*now)) else { return };
    assert!(report.lists >= 1);
    assert!(report.mark.lines() >= report.lists);
    assert_eq!(report.mark.to_string().parse::<KeyLogMark>(), Ok(report.mark));
}
