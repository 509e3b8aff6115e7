//! Both text formats: their lines, numbers and foreign text.

use std::borrow::Cow;
use std::fmt::Write;

use super::bounds::Bounds;
use super::names::Family;
use super::sound::{APART, is_obeyed, pairs};
use super::{Exposition, Form, Told};
use crate::metrics::catalogue::Kind;
use crate::metrics::exposed::label_name;
use crate::metrics::{Labels, SeriesSnapshot};

/// Whole numbers up to here are written without a fraction: 2^53, up to which every one of them is an f64.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// A text as it grows.
pub(super) struct Text {
    format: Exposition,
    text: String,
}

impl Text {
    pub(super) fn new(format: Exposition, room: usize) -> Self {
        Self { format, text: String::with_capacity(room) }
    }

    /// The whole.
    pub(super) fn finish(mut self) -> String {
        if self.format == Exposition::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    fn line(&mut self, family: &Family, ending: &str, labels: &str, value: f64) {
        self.text.extend([&*family.name, ending]);
        if !labels.is_empty() {
            self.text.extend(["{", labels, "}"]);
        }
        self.text.push(' ');
        push_value(&mut self.text, value);
        self.text.push('\n');
    }

    fn bucket(&mut self, family: &Family, labels: &str, bound: &str, count: u64) {
        let separator = if labels.is_empty() { "" } else { "," };
        let parts = [&*family.name, "_bucket{", labels, separator, "le=\"", bound, "\"} "];
        self.text.extend(parts);
        self.text.push_str(itoa::Buffer::new().format(count));
        self.text.push('\n');
    }
}

impl Form for Text {
    /// As they stand between braces: `route="/x",status="200"`.
    type Labels = String;

    fn labels(labels: &Labels, into: &mut String) -> bool {
        into.clear();
        push_labels(into, labels)
    }

    fn labels_of(series: &impl Told, into: &mut String) -> bool {
        into.clear();
        let kept = |labels: &Labels| {
            let mut text = String::new();
            push_labels(&mut text, labels).then(|| text.into())
        };
        series.labels_text(kept).is_some_and(|text| {
            into.push_str(&text);
            true
        })
    }

    fn told_apart(labels: &String, number: usize) -> Option<String> {
        told_apart(labels, number)
    }

    fn begin(&mut self, family: &Family, help: &str) {
        let is_open = self.format == Exposition::OpenMetrics;
        let kind = match family.kind {
            Kind::Untyped if is_open => "unknown",
            kind => kind.name(),
        };
        let ending = if family.kind == Kind::Counter && !is_open { "_total" } else { "" };
        let mut line = |word: &str, says: &dyn Fn(&mut String)| {
            self.text.extend(["# ", word, " ", &*family.name, ending, " "]);
            says(&mut self.text);
            self.text.push('\n');
        };
        line("TYPE", &|text| text.push_str(kind));
        if is_open && family.has_unit() {
            line("UNIT", &|text| text.push_str(family.unit.word));
        }
        line("HELP", &|text| _ = push_escaped(text, help, is_open));
    }

    fn sample(&mut self, family: &Family, labels: &String, value: f64) {
        let ending = if family.kind == Kind::Counter { "_total" } else { "" };
        self.line(family, ending, labels, value);
    }

    fn histogram(&mut self, family: &Family, labels: &String, series: &SeriesSnapshot, bounds: &mut Bounds) {
        let classic = bounds.counts(series, family.unit);
        for (_, bound, count) in bounds.told(&classic) {
            self.bucket(family, labels, bound, count);
        }
        self.bucket(family, labels, "+Inf", classic.count);
        // OpenMetrics: a sum that can go down is no counter, and count and sum come together.
        if self.format == Exposition::OpenMetrics && bounds.are_negative() {
            return;
        }
        self.line(family, "_sum", labels, family.unit.convert(classic.sum));
        self.line(family, "_count", labels, classic.count as f64);
    }

    fn position(&self) -> usize {
        self.text.len()
    }

    fn rewind(&mut self, position: usize) {
        self.text.truncate(position);
    }
}

/// Appends the value of a sample.
fn push_value(text: &mut String, value: f64) {
    if value.fract() == 0.0 && value.abs() <= WHOLE {
        text.push_str(itoa::Buffer::new().format(value as i64));
    } else {
        push_bound(text, value);
    }
}

/// Appends the bound of a bucket, which is part of what identifies a series: always with a fraction, in either format.
pub(super) fn push_bound(text: &mut String, bound: f64) {
    if bound.is_nan() {
        text.push_str("NaN");
    } else if bound.is_infinite() {
        text.push_str(if bound > 0.0 { "+Inf" } else { "-Inf" });
    } else {
        // The shortest text that is read back as this number, 1.0 and 1e300, which both formats know.
        write!(text, "{bound:?}").expect("a String takes everything");
    }
}

/// Appends text with what would end it escaped, and with nothing in it that a terminal would obey. Says whether nothing had
/// to be replaced, so that who reads it back has the same.
fn push_escaped(text: &mut String, foreign: &str, with_quotes: bool) -> bool {
    // Most text needs nothing of this.
    if foreign.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\' && byte != b'"') {
        text.push_str(foreign);
        return true;
    }
    let mut is_kept = true;
    for character in foreign.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if with_quotes => text.push_str("\\\""),
            character if is_obeyed(character) => {
                text.push(char::REPLACEMENT_CHARACTER);
                is_kept = false;
            }
            character => text.push(character),
        }
    }
    is_kept
}

/// Appends the labels as they stand between braces: `route="/x",status="200"`. Says whether they leave as they are, so that
/// two that differ here differ there.
fn push_labels(text: &mut String, labels: &Labels) -> bool {
    let (begin, mut are_kept) = (text.len(), true);
    for (name, value) in labels.iter() {
        if !matches!(label_name(name), Cow::Borrowed(_)) {
            text.truncate(begin);
            push_sound_labels(text, labels);
            return false;
        }
        text.extend([if text.len() == begin { "" } else { "," }, name, "=\""]);
        are_kept &= push_escaped(text, value, true);
        text.push('"');
    }
    are_kept
}

/// The same where names must be made sound.
fn push_sound_labels(text: &mut String, labels: &Labels) {
    let begin = text.len();
    for (name, value) in pairs(labels) {
        text.extend([if text.len() == begin { "" } else { "," }, &*name, "=\""]);
        push_escaped(text, &value, true);
        text.push('"');
    }
}

/// The same with a label more that tells it apart, by a number; `None` where there is such a label already.
fn told_apart(rendered: &str, number: usize) -> Option<String> {
    // A quote in a value is escaped, so that this is a name.
    let name = format!("{APART}=\"");
    if rendered.starts_with(&name) || rendered.contains(&format!(",{name}")) {
        return None;
    }
    let separator = if rendered.is_empty() { "" } else { "," };
    Some(format!("{rendered}{separator}{name}{number}\""))
}

#[cfg(test)]
mod tests {
    use super::{push_bound, push_escaped, push_labels, push_value, told_apart};
    use crate::metrics::Labels;

    #[test]
    fn numbers_are_read_back_as_they_were() {
        let check = |value: f64, expected: &str| {
            let mut text = String::new();
            push_value(&mut text, value);
            assert_eq!(text, expected);
            let back: f64 = text.parse().expect("a number");
            assert!(back == value || (back.is_nan() && value.is_nan()));
        };
        check(0.0, "0");
        check(-0.0, "0");
        check(17.0, "17");
        check(-3.0, "-3");
        check(0.1 + 0.2, "0.30000000000000004");
        check(9_007_199_254_740_992.0, "9007199254740992");
        check(1e300, "1e300");
        check(5e-324, "5e-324");
        check(f64::INFINITY, "+Inf");
        check(f64::NEG_INFINITY, "-Inf");
        check(f64::NAN, "NaN");
        let mut bound = String::new();
        push_bound(&mut bound, 10.0);
        assert_eq!(bound, "10.0");
    }

    #[test]
    fn foreign_text_stays_on_its_line_and_commands_nobody() {
        let escaped = |foreign: &str, with_quotes| {
            let mut text = String::new();
            push_escaped(&mut text, foreign, with_quotes);
            text
        };
        assert_eq!(escaped("a\"b\\c\nd", true), "a\\\"b\\\\c\\nd");
        assert_eq!(escaped("a\"b", false), "a\"b");
        assert_eq!(
            escaped("\u{1b}[2J\r\0\u{9b}\u{202e}x応", true),
            "\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}\u{fffd}x応"
        );
    }

    #[test]
    fn labels_that_become_the_same_are_joined_and_those_of_series_told_apart() {
        let labels = |pairs: &[(&str, &str)]| Labels::new(pairs.iter().copied());
        let check = |pairs: &[(&str, &str)], are_kept, expected: &str| {
            let mut text = String::from("{");
            assert_eq!(push_labels(&mut text, &labels(pairs)), are_kept, "{pairs:?}");
            assert_eq!(&text[1..], expected);
        };
        check(&[], true, "");
        check(&[("a", "1"), ("b", "\"\n応")], true, "a=\"1\",b=\"\\\"\\n応\"");
        check(&[("a.b", "1"), ("a-b", "2"), ("c", "3")], false, "a_b=\"2;1\",c=\"3\"");
        check(&[("c", "3"), ("le", "1")], false, "c=\"3\",exported_le=\"1\"");
        check(&[("a", "\u{1b}")], false, "a=\"\u{fffd}\"");
        check(&[("a", "\u{202e}\u{7f}")], false, "a=\"\u{fffd}\u{fffd}\"");
        assert_eq!(told_apart("a=\"1\"", 2).as_deref(), Some("a=\"1\",mtaio_series=\"2\""));
        assert_eq!(told_apart("", 2).as_deref(), Some("mtaio_series=\"2\""));
        for taken in ["mtaio_series=\"2\"", "a=\"1\",mtaio_series=\"2\""] {
            assert_eq!(told_apart(taken, 3), None);
        }
        let in_a_value = "a=\",mtaio_series=\\\"2\\\"\"";
        assert!(told_apart(in_a_value, 3).is_some());
    }
}
