//! The answer of a collector to which metrics are pushed. In front of it stands its status, in two bytes.

use restante_process::{export::ExportOutcome, fuzzing::export_outcome};

/// A field that no message of OTLP has: its number and type, and a zero.
const UNKNOWN: [u8; 2] = [15 << 3, 0];

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    let Some((status, answer)) = input.split_first_chunk::<2>() else { return };
    let status = u16::from_be_bytes(*status);
    let Some(outcome) = export_outcome(status, answer) else { return };
    match outcome {
        // A later version may say more.
        ExportOutcome::Done | ExportOutcome::Partial => {
            assert_eq!(export_outcome(status, &[answer, &UNKNOWN].concat()), Some(outcome));
        }
        ExportOutcome::Broken => assert_ne!(status, 204, "there is nothing to be read"),
        other => panic!("{other:?} says nothing of an answer"),
    }
}
