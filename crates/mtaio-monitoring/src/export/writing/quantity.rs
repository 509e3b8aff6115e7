//! Numbers with their units, rounded for the eye. What was not measured is `–`, never 0.

use crate::metrics::catalogue::BuiltIn;

/// What stands for a value that there is none of.
pub const NOTHING: &str = "–";

/// What a number counts, as far as it changes the writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `%`.
    Percent,
    /// Bytes, in powers of 1024.
    Bytes,
    /// Bytes a second, in powers of 1000.
    BytesPerSecond,
    /// Events a second.
    PerSecond,
    /// A duration.
    Seconds,
    /// A bare number.
    Plain,
}

impl Unit {
    /// The unit of a metric: the catalogue's, else what the ending of its name says. A `…_duration` and a `…_time`
    /// are seconds, since that is what every clock of Python and the reference's own examples give.
    #[must_use]
    pub fn of_metric(name: &str) -> Self {
        if let Some(metric) = BuiltIn::from_name(name) {
            return match metric.description().unit {
                "%" => Self::Percent,
                "By" => Self::Bytes,
                "By/s" => Self::BytesPerSecond,
                "s" => Self::Seconds,
                unit if unit.ends_with("/s") => Self::PerSecond,
                _ => Self::Plain,
            };
        }
        let endings = [
            ("_bytes_per_second", Self::BytesPerSecond),
            ("_per_second", Self::PerSecond),
            ("_percent", Self::Percent),
            ("_bytes", Self::Bytes),
            ("_seconds", Self::Seconds),
            ("_duration", Self::Seconds),
            ("_time", Self::Seconds),
        ];
        endings.iter().find(|(ending, _)| name.ends_with(ending)).map_or(Self::Plain, |(_, unit)| *unit)
    }
}

/// A value with its unit, `–` for none.
#[must_use]
pub fn quantity(value: Option<f64>, unit: Unit) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else {
        return NOTHING.to_owned();
    };
    match unit {
        Unit::Percent if value.abs() < 1e6 => format!("{:.1} %", positive_zero(value, 1)),
        Unit::Percent => format!("{} %", number(value)),
        Unit::Bytes => scaled(value, &BINARY_BYTES),
        Unit::BytesPerSecond => scaled(value, &DECIMAL_BYTES_PER_SECOND),
        Unit::PerSecond => format!("{} /s", number(value)),
        Unit::Seconds => scaled(value, &SECONDS),
        Unit::Plain => number(value),
    }
}

/// [`quantity`] of a whole number.
#[must_use]
pub fn whole(value: Option<u64>, unit: Unit) -> String {
    quantity(value.map(|value| value as f64), unit)
}

/// With two decimals, as load averages are written everywhere.
#[must_use]
pub fn hundredths(value: Option<f64>) -> String {
    match value.filter(|value| value.is_finite()) {
        Some(value) if value.abs() < 1e6 => format!("{:.2}", positive_zero(value, 2)),
        value => quantity(value, Unit::Plain),
    }
}

/// A bare number: whole ones below a million exactly, others with four digits that count.
#[must_use]
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        "0".to_owned()
    } else if !(1e-4..1e18).contains(&size) {
        format!("{value:.2e}")
    } else if size >= 1e6 {
        scaled(value, &MAGNITUDES).replace(' ', "")
    } else if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        let decimals = (3 - size.log10().floor() as i32).clamp(0, 7) as usize;
        let text = format!("{value:.decimals$}");
        if decimals == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
    }
}

/// Steps of a unit, largest first, each with its name and the decimals that it takes below 10.
type Steps = [(f64, &'static str, usize)];

const KIBI: f64 = 1024.0;

const BINARY_BYTES: [(f64, &str, usize); 6] = [
    (KIBI * KIBI * KIBI * KIBI * KIBI, "PiB", 2),
    (KIBI * KIBI * KIBI * KIBI, "TiB", 2),
    (KIBI * KIBI * KIBI, "GiB", 2),
    (KIBI * KIBI, "MiB", 1),
    (KIBI, "KiB", 1),
    (1.0, "B", 0),
];

const DECIMAL_BYTES_PER_SECOND: [(f64, &str, usize); 5] =
    [(1e12, "TB/s", 1), (1e9, "GB/s", 1), (1e6, "MB/s", 1), (1e3, "kB/s", 1), (1.0, "B/s", 0)];

const SECONDS: [(f64, &str, usize); 7] = [
    (86_400.0, "d", 2),
    (3_600.0, "h", 2),
    (60.0, "min", 2),
    (1.0, "s", 2),
    (1e-3, "ms", 2),
    (1e-6, "µs", 2),
    (1e-9, "ns", 0),
];

const MAGNITUDES: [(f64, &str, usize); 5] =
    [(1e18, "E", 2), (1e15, "P", 2), (1e12, "T", 2), (1e9, "G", 2), (1e6, "M", 2)];

fn scaled(value: f64, steps: &Steps) -> String {
    let size = value.abs();
    // A step is taken a little early: 999.96 kB is not to read "1000 kB".
    let step = steps.iter().find(|(factor, ..)| size >= factor * 0.9995);
    let &(factor, name, most) = step.unwrap_or(&steps[steps.len() - 1]);
    let value = value / factor;
    if value.abs() >= 1e6 {
        return format!("{value:.2e} {name}");
    }
    let decimals = match value.abs() {
        size if size < 9.995 => most,
        size if size < 99.95 => most.min(1),
        _ => 0,
    };
    format!("{:.decimals$} {name}", positive_zero(value, decimals))
}

/// Without a minus in front of what rounds to nothing.
fn positive_zero(value: f64, decimals: usize) -> f64 {
    let rounds_to_zero = value.abs() < 0.5 / 10_f64.powi(decimals as i32);
    if rounds_to_zero { 0.0 } else { value }
}

#[cfg(test)]
mod tests {
    use super::{Unit, number, quantity};

    #[test]
    fn numbers_are_rounded_for_the_eye() {
        let values = [0.0, -0.0, 17.0, 999_999.0, 1_234_567.0, 12.3456, 0.04217, 3.2e-7, 4e20, -2.5, 123_456.7];
        let texts = values.map(number);
        let expected =
            ["0", "0", "17", "999999", "1.23M", "12.35", "0.04217", "3.20e-7", "4.00e20", "-2.5", "123457"];
        assert_eq!(texts, expected);
    }

    #[test]
    fn units_step_before_they_show_four_digits() {
        let check = |unit, value: f64, expected: &str| assert_eq!(quantity(Some(value), unit), expected);
        check(Unit::BytesPerSecond, 0.0, "0 B/s");
        check(Unit::BytesPerSecond, 999.0, "999 B/s");
        check(Unit::BytesPerSecond, 999.96, "1.0 kB/s");
        check(Unit::BytesPerSecond, 1_234_567.0, "1.2 MB/s");
        check(Unit::Bytes, 1024.0 * 1024.0 * 1024.0 * 7.7, "7.70 GiB");
        check(Unit::Bytes, -2048.0, "-2.0 KiB");
        check(Unit::Seconds, 0.0123, "12.3 ms");
        check(Unit::Seconds, 0.000_35, "350 µs");
        check(Unit::Seconds, 0.0, "0 ns");
        check(Unit::Seconds, 59.99, "1.00 min");
        check(Unit::Seconds, 59.9, "59.9 s");
        check(Unit::Seconds, 7_200.0, "2.00 h");
        check(Unit::Percent, -0.01, "0.0 %");
        check(Unit::PerSecond, 12.0, "12 /s");
        assert_eq!(quantity(None, Unit::Bytes), "–");
        assert_eq!(quantity(Some(f64::NAN), Unit::Bytes), "–");
    }

    #[test]
    fn names_tell_units() {
        let check = |name, unit| assert_eq!(Unit::of_metric(name), unit);
        check("cpu_usage", Unit::Percent);
        check("host_disk_reads_per_second", Unit::PerSecond);
        check("request_duration", Unit::Seconds);
        check("upload_bytes", Unit::Bytes);
        check("queue_depth", Unit::Plain);
    }
}
