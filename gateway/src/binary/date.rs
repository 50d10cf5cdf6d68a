//! The `Date` field (RFC 9110 §5.6.7, §6.6.1).

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, header};

/// The time that the one `Date` of the fields tells, in milliseconds since the Unix epoch. `None` when there is none, when
/// there are several, and when it is no date.
#[must_use]
pub(crate) fn date_of(fields: &HeaderMap) -> Option<u64> {
    let mut values = fields.get_all(header::DATE).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let time = httpdate::parse_http_date(value.to_str().ok()?).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// The year 9999 ends then: a date has four digits for it.
const LAST_MS: u64 = 253_402_300_799_000;

/// `IMF-fixdate` of a time, or of the last one that it can tell.
#[must_use]
pub(crate) fn imf_fixdate(time_ms: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(time_ms.min(LAST_MS)))
}

/// The same as the value of a field.
#[must_use]
pub(crate) fn format_date(now_ms: u64) -> HeaderValue {
    HeaderValue::try_from(imf_fixdate(now_ms)).unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}
