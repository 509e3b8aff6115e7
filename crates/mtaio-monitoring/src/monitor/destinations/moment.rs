//! Moments as HTTP and Alertmanager write them.

use std::time::Duration;

const DAY: i64 = 86_400;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since the epoch as RFC 3339 has them, in UTC and to the millisecond: `2026-01-01T00:00:00.000Z`. What is
/// outside the years 1 to 9999 is put to their edge.
pub(super) fn rfc_3339(seconds: f64) -> String {
    let milliseconds = (seconds * 1e3).round().clamp(-62_135_596_800_000.0, 253_402_300_799_999.0) as i64;
    let (seconds, fraction) = (milliseconds.div_euclid(1_000), milliseconds.rem_euclid(1_000));
    let (days, time) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z")
}

/// How long a `Retry-After` header asks to wait: seconds, or a date (`Sun, 06 Nov 1994 08:49:37 GMT`), which is held
/// against `now`, in seconds since the epoch. `None` for anything else.
///
/// ```
/// use std::time::Duration;
/// use mtaio_monitoring::monitor::retry_after;
/// assert_eq!(retry_after("120", 0.0), Some(Duration::from_secs(120)));
/// assert_eq!(retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 20.0), Some(Duration::from_secs(40)));
/// assert_eq!(retry_after("soon", 0.0), None);
/// ```
#[must_use]
pub fn retry_after(header: &str, now: f64) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(header.parse().unwrap_or(u64::MAX)));
    }
    let words: Vec<&str> = header.split(' ').collect();
    let [_weekday, day, month, year, time, "GMT"] = words[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)? as i64 + 1;
    let number = |text: &str, longest: usize| {
        let is_number = (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<i64>().ok()).flatten()
    };
    let times: Vec<i64> = time.split(':').map(|part| number(part, 2)).collect::<Option<_>>()?;
    let [hour, minute, second] = times[..] else { return None };
    let seconds = days(number(year, 4)?, month, number(day, 2)?) * DAY + hour * 3_600 + minute * 60 + second;
    Some(Duration::from_secs_f64((seconds as f64 - now).clamp(0.0, 1e9)))
}

/// Year, month and day of a day since the epoch, in the Gregorian calendar. Years begin in March here, so that the day
/// that is sometimes there is the last one.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

/// The day since the epoch; the other way round.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_others_write_them() {
        for (seconds, text) in [
            (0.0, "1970-01-01T00:00:00.000Z"),
            (1_767_225_600.0, "2026-01-01T00:00:00.000Z"),
            (951_782_399.999_6, "2000-02-29T00:00:00.000Z"),
            (951_868_799.25, "2000-02-29T23:59:59.250Z"),
            (-0.5, "1969-12-31T23:59:59.500Z"),
            (f64::INFINITY, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc_3339(seconds), text);
        }
    }

    #[test]
    fn every_day_of_four_centuries_is_found_again() {
        let mut before = date(-146_098);
        for day in -146_097..146_097 {
            let found = date(day);
            assert_eq!(days(found.0, found.1, found.2), day);
            assert!(found > before);
            before = found;
        }
    }

    #[test]
    fn dates_of_headers() {
        let moment = 784_111_777.0;
        let after = |header: &str| retry_after(header, moment - 30.0).map(|wait| wait.as_secs());
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(30));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:00 GMT"), Some(0), "in the past");
        assert_eq!(after(" 7 "), Some(7));
        assert_eq!(after("99999999999999999999999"), Some(u64::MAX));
        for wrong in
            ["", "-1", "1.5", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nox 1994 08:49:37 GMT", "a b c d e GMT"]
        {
            assert_eq!(after(wrong), None, "{wrong:?}");
        }
    }
}
