//! Dates as the commands print them.

use std::time::{Duration, UNIX_EPOCH};

/// The year 9999 ends then: an IMF-fixdate has four digits for it.
const LAST_MS: u64 = 253_402_300_799_000;

/// The IMF-fixdate (RFC 9110 §5.6.7) of a time, in milliseconds since the Unix epoch.
pub(crate) fn imf_fixdate(time_ms: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(time_ms.min(LAST_MS)))
}

/// The day of it, for what is known no better: `Tue, 14 Nov 2023`.
pub(crate) fn day(time_ms: u64) -> String {
    const LENGTH: usize = "Tue, 14 Nov 2023".len();
    let mut date = imf_fixdate(time_ms);
    date.truncate(LENGTH);
    date
}

/// The same without the day of the week, where a line has no room for it: `14 Nov 2023`.
pub(crate) fn short_day(time_ms: u64) -> String {
    day(time_ms).split_off("Tue, ".len())
}

/// The time without the day of the week and the zone, which is GMT: `14 Nov 2023 22:13:20`.
pub(crate) fn short_time(time_ms: u64) -> String {
    imf_fixdate(time_ms).trim_end_matches(" GMT").to_owned().split_off("Tue, ".len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_date() {
        assert_eq!(imf_fixdate(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(imf_fixdate(1_700_000_000_999), "Tue, 14 Nov 2023 22:13:20 GMT");
        assert_eq!(imf_fixdate(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(short_time(1_700_000_000_999), "14 Nov 2023 22:13:20");
        assert_eq!(day(1_700_000_000_999), "Tue, 14 Nov 2023");
        assert_eq!((short_day(0).as_str(), short_day(u64::MAX).as_str()), ("01 Jan 1970", "31 Dec 9999"));
    }
}
