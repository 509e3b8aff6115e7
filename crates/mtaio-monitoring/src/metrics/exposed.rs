//! Names and units as Prometheus wants them: base units at the end of the name, and no character that would end it.
//!
//! A scrape and the rules that Prometheus holds against it must call a metric the same, so both ask here.

use std::borrow::Cow;

use super::catalogue::{BuiltIn, Kind};

/// What becomes of a unit: the word that ends the name, and what a value is multiplied and divided by to get there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BaseUnit {
    /// Empty where the name says nothing of a unit.
    pub(crate) word: &'static str,
    times: f64,
    /// Beside `times`, because 300 / 1000 is the number nearest to 0.3, and 300 * 0.001 is not.
    per: f64,
}

impl BaseUnit {
    /// None.
    pub(crate) const NONE: Self = Self { word: "", times: 1.0, per: 1.0 };

    /// Of a unit in UCUM notation. One that Prometheus has no word for leaves the name as it is.
    pub(crate) fn of(unit: &str) -> Self {
        let base = |word| Self { word, ..Self::NONE };
        let times = |word, times| Self { word, times, per: 1.0 };
        let per = |word, per| Self { word, times: 1.0, per };
        match unit {
            "s" => base("seconds"),
            "ms" => per("seconds", 1e3),
            "us" => per("seconds", 1e6),
            "ns" => per("seconds", 1e9),
            "min" => times("seconds", 60.0),
            "h" => times("seconds", 3_600.0),
            "d" => times("seconds", 86_400.0),
            "By" => base("bytes"),
            "bit" => per("bytes", 8.0),
            "kBy" => times("bytes", 1e3),
            "MBy" => times("bytes", 1e6),
            "GBy" => times("bytes", 1e9),
            "KiBy" => times("bytes", 1_024.0),
            "MiBy" => times("bytes", 1_048_576.0),
            "GiBy" => times("bytes", 1_073_741_824.0),
            "%" => per("ratio", 100.0),
            "s/s" => base("seconds_per_second"),
            "By/s" => base("bytes_per_second"),
            "Cel" => base("celsius"),
            "m" => base("meters"),
            "g" => base("grams"),
            "J" => base("joules"),
            "V" => base("volts"),
            "A" => base("amperes"),
            "Hz" => base("hertz"),
            _ => Self::NONE,
        }
    }

    pub(crate) fn convert(&self, value: f64) -> f64 {
        value * self.times / self.per
    }

    /// What becomes `value` in the base unit.
    pub(crate) fn convert_back(&self, value: f64) -> f64 {
        value * self.per / self.times
    }

    /// The name with the unit at its end, once. What a program has called a percentage is a ratio over there.
    pub(crate) fn at_the_end_of(&self, name: &str) -> String {
        if self.word.is_empty() || ends_with_word(name, self.word) {
            return name.to_owned();
        }
        let other_words: &[&str] = match self.word {
            "ratio" => &["percent"],
            "seconds" => {
                &["milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "days", "ms", "us", "ns"]
            }
            "bytes" => &["bits", "kilobytes", "megabytes", "gigabytes", "kib", "mib", "gib", "kb", "mb", "gb"],
            _ => &[],
        };
        let stem = other_words.iter().find(|word| ends_with_word(name, word));
        let stem = stem.map_or(name, |word| &name[..name.len() - word.len() - 1]);
        format!("{stem}_{}", self.word)
    }
}

/// Endings that the samples of counters and histograms have over there, and that no gauge may have.
const PARTS: [&str; 5] = ["_total", "_count", "_sum", "_bucket", "_created"];

/// What a metric is called over there, without the endings of its samples (`_total`, `_bucket`, …): that of a counter
/// has no `_total`, and each has its unit at the end.
pub(crate) fn family_name(name: &str, kind: Kind, unit: BaseUnit) -> String {
    unit.at_the_end_of(&stem(name, kind))
}

/// The same before its unit is put at the end.
pub(crate) fn stem(name: &str, kind: Kind) -> Cow<'_, str> {
    let sound = metric_name(name);
    match kind {
        Kind::Counter => match sound.strip_suffix("_total") {
            Some("") => Cow::Borrowed("_"),
            Some(stem) => Cow::Owned(stem.to_owned()),
            None => sound,
        },
        Kind::Gauge if reads_as_another(&sound) => Cow::Owned(format!("{sound}_value")),
        Kind::Gauge | Kind::Histogram | Kind::Untyped => sound,
    }
}

/// Whether a gauge of this name would be taken for a part of something else: `thread_count` for one of a histogram, and
/// `container_oom_kills` for the family of `container_oom_kills_total`.
fn reads_as_another(name: &str) -> bool {
    PARTS.iter().any(|part| name.ends_with(part)) || BuiltIn::from_name(&format!("{name}_total")).is_some()
}

/// Whether `_word` ends the name, with something before it.
fn ends_with_word(name: &str, word: &str) -> bool {
    name.strip_suffix(word).and_then(|stem| stem.strip_suffix('_')).is_some_and(|stem| !stem.is_empty())
}

/// A name that Prometheus allows: another character than a letter, a digit or `_` becomes `_`. A colon does too, since
/// colons are those of recording rules.
pub(crate) fn metric_name(name: &str) -> Cow<'_, str> {
    let is_sound =
        |at: usize, byte: u8| byte == b'_' || byte.is_ascii_alphabetic() || (at > 0 && byte.is_ascii_digit());
    if !name.is_empty() && name.bytes().enumerate().all(|(at, byte)| is_sound(at, byte)) {
        return Cow::Borrowed(name);
    }
    let mut sound: String =
        name.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '_' }).collect();
    if sound.is_empty() || sound.starts_with(|first: char| first.is_ascii_digit()) {
        sound.insert(0, '_');
    }
    Cow::Owned(sound)
}

/// The name of a label: as that of a metric, but never one that Prometheus keeps for itself (`__name__`) or that tells
/// the parts of a histogram and a summary apart.
pub(crate) fn label_name(name: &str) -> Cow<'_, str> {
    let sound = metric_name(name);
    if sound.starts_with("__") {
        return Cow::Owned(format!("_{}", sound.trim_start_matches('_')));
    }
    if matches!(&*sound, "le" | "quantile") {
        return Cow::Owned(format!("exported_{sound}"));
    }
    sound
}

#[cfg(test)]
mod tests {
    use super::{BaseUnit, family_name, label_name, metric_name};
    use crate::metrics::catalogue::Kind;

    #[test]
    fn a_family_has_a_sound_name_with_its_unit_and_without_the_endings_of_samples() {
        for (name, kind, unit, expected) in [
            ("http.requests", Kind::Counter, "{request}", "http_requests"),
            ("http.requests_total", Kind::Counter, "", "http_requests"),
            ("sent_bytes_total", Kind::Counter, "By", "sent_bytes"),
            ("_total", Kind::Counter, "", "_"),
            ("seats_total", Kind::Gauge, "", "seats_total_value"),
            ("thread_count", Kind::Gauge, "{thread}", "thread_count_value"),
            ("request_count", Kind::Untyped, "", "request_count"),
            ("container_oom_kills", Kind::Gauge, "{process}", "container_oom_kills_value"),
            ("container_oom_kills_total", Kind::Counter, "{process}", "container_oom_kills"),
            ("request.duration", Kind::Histogram, "ms", "request_duration_seconds"),
        ] {
            assert_eq!(family_name(name, kind, BaseUnit::of(unit)), expected, "{name}");
        }
    }

    #[test]
    fn a_unit_stands_at_the_end_of_the_name_once() {
        let check = |name: &str, unit: &str, expected: &str| {
            assert_eq!(BaseUnit::of(unit).at_the_end_of(name), expected, "{name} in {unit}");
        };
        check("request_duration", "s", "request_duration_seconds");
        check("request_duration_seconds", "s", "request_duration_seconds");
        check("request_duration_ms", "ms", "request_duration_seconds");
        check("ms", "ms", "ms_seconds");
        check("seconds", "s", "seconds_seconds");
        check("host_cpu_usage_percent", "%", "host_cpu_usage_ratio");
        check("cpu_usage", "%", "cpu_usage_ratio");
        check("rows", "{row}", "rows");
        check("ratio_of_things", "1", "ratio_of_things");
        check("x", "By/s", "x_bytes_per_second");
    }

    #[test]
    fn values_go_with_their_unit_and_come_back() {
        for (unit, given, expected) in [
            ("%", 12.5, 0.125),
            ("ms", 300.0, 0.3),
            ("KiBy", 2.0, 2_048.0),
            ("d", 1.0, 86_400.0),
            ("{x}", 7.0, 7.0),
        ] {
            let base = BaseUnit::of(unit);
            assert_eq!(base.convert(given), expected, "{unit}");
            assert_eq!(base.convert_back(expected), given, "{unit}");
        }
    }

    #[test]
    fn no_name_breaks_a_line_or_takes_one_that_is_prometheus_own() {
        for (given, expected) in [
            ("requests", "requests"),
            ("http.requests", "http_requests"),
            ("a:b", "a_b"),
            ("9lives", "_9lives"),
            ("", "_"),
            ("x{y=\"z\"} 1\n# HELP", "x_y__z___1___HELP"),
            ("応答", "__"),
        ] {
            assert_eq!(metric_name(given), expected);
        }
        for (given, expected) in [
            ("route", "route"),
            ("__name__", "_name__"),
            ("le", "exported_le"),
            ("otel.x", "otel_x"),
            ("応答", "_"),
        ] {
            assert_eq!(label_name(given), expected);
        }
    }
}
