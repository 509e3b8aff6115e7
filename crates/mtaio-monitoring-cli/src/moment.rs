//! Times of day and lengths of time, in words.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `12:00:01`, of seconds since the epoch; `–` for what is no time.
pub(crate) fn time_of_day(epoch_seconds: f64, zone: &TimeZone) -> String {
    let milliseconds = (epoch_seconds * 1e3).round();
    // A cast of a float saturates, and what is not a number becomes 1970: neither is a time that anybody meant.
    if !milliseconds.is_finite() {
        return "–".to_owned();
    }
    match Timestamp::from_millisecond(milliseconds as i64) {
        Ok(time) => time.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string(),
        Err(_) => "–".to_owned(),
    }
}

/// `12s`, `1m 12s`, `3h 05m`, `2d 04h`: two units, since nobody asks for the seconds of yesterday.
pub(crate) fn length(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {:02}s", seconds % 60),
        (0, _, _) => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{days}d {:02}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{length, time_of_day};

    #[test]
    fn times_and_lengths() {
        assert_eq!(time_of_day(1_767_225_600.0, &TimeZone::UTC), "00:00:00");
        assert_eq!(time_of_day(1_767_225_600.999_7, &TimeZone::UTC), "00:00:01");
        assert_eq!(time_of_day(f64::NAN, &TimeZone::UTC), "–");
        assert_eq!(time_of_day(1e300, &TimeZone::UTC), "–");
        let texts = [0.0, 59.9, 72.0, 11_100.0, 187_200.0].map(length);
        assert_eq!(texts, ["0s", "59s", "1m 12s", "3h 05m", "2d 04h"]);
    }
}
