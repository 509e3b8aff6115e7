//! What is wrong with a text, where, and how that is shown.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;

use unicode_width::UnicodeWidthChar;

use crate::error::MonitoringError;

use super::fields::Value;

/// Faults that are shown at most; the others are counted.
const SHOWN: usize = 50;
/// Faults that are kept at most, to find the first ones among.
const KEPT: usize = 1_000;
/// Characters of a line that are shown, and how many of them stand before the fault.
const LINE: (usize, usize) = (100, 60);
/// Characters of a value that a message repeats.
const GIVEN: usize = 40;

/// Everything that is wrong with one text.
pub(super) struct Faults<'a> {
    name: &'a str,
    text: &'a str,
    list: Vec<(Range<usize>, String)>,
    more: usize,
    /// What may be a secret: shown as asterisks.
    secrets: Vec<Range<usize>>,
    /// Where lines begin that are no TOML: what was made of them is nobody's words.
    broken: BTreeSet<usize>,
}

impl<'a> Faults<'a> {
    pub(super) fn of(name: &'a str, text: &'a str) -> Self {
        Self { name, text, list: Vec::new(), more: 0, secrets: Vec::new(), broken: BTreeSet::new() }
    }

    /// The last part of the name of the file.
    pub(super) fn file_name(&self) -> &'a str {
        self.name.rsplit(['/', '\\']).next().unwrap_or_default()
    }

    /// A place that is no TOML. `is_public` says of the first word of a line whether what follows it is no secret.
    pub(super) fn add_broken(&mut self, at: Range<usize>, message: &str, is_public: impl Fn(&str) -> bool) {
        if self.is_full() {
            self.more += 1;
            return;
        }
        let line = self.line_around(at.start);
        if !self.broken.insert(line.start) {
            // What else is wrong with the line mostly follows from the first.
            return;
        }
        let secret = line.start + public_part(&self.text[line.clone()], is_public)..line.end;
        self.secrets.push(secret);
        self.push(at, message.to_owned());
    }

    /// A fault of what can be read.
    pub(super) fn add(&mut self, at: &Range<usize>, message: impl Into<String>) {
        if self.is_full() {
            self.more += 1;
            return;
        }
        let line = self.line_around(at.start);
        // What stands for a value that could not be read has no place.
        let is_a_stand_in = !self.broken.is_empty() && *at == (0..0);
        if !is_a_stand_in && !self.broken.contains(&line.start) {
            self.push(at.clone(), message.into());
        }
    }

    /// Something that should be there and is not; it may be so because of what could not be read.
    pub(super) fn add_missing(&mut self, at: &Range<usize>, message: impl Into<String>) {
        if self.broken.is_empty() {
            self.add(at, message);
        }
    }

    /// A value that the core does not take under this name.
    pub(super) fn refuse(&mut self, key: &str, value: &Value<'_>, error: &MonitoringError) {
        match error.argument_and_accepted() {
            Some((_, accepted)) => self.wrong(key, &in_toml(accepted), value),
            None => self.add(&value.span(), in_toml(&error.to_string())),
        }
    }

    /// "`key` must be `accepted`, got" what stands there.
    pub(super) fn wrong(&mut self, key: &str, accepted: &str, value: &Value<'_>) {
        let given = self.given(value);
        self.add(&value.span(), format!("{key} must be {accepted}, got {given}"));
    }

    /// Whether there are so many that another one is only counted: looking into it would be for nothing.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= KEPT
    }

    /// Never shows what stands there.
    pub(super) fn keep_secret(&mut self, at: Range<usize>) {
        self.secrets.push(at);
    }

    /// The text of a place.
    pub(super) fn text(&self, at: &Range<usize>) -> &'a str {
        self.text.get(at.clone()).unwrap_or_default()
    }

    /// The number of the line of a place, from 1 on.
    pub(super) fn line_number(&self, at: usize) -> usize {
        self.text[..at].bytes().filter(|byte| *byte == b'\n').count() + 1
    }

    /// All of them, in the order of the text.
    pub(super) fn into_error(mut self) -> Option<MonitoringError> {
        if self.list.is_empty() {
            return None;
        }
        self.list.sort_by_key(|(at, _)| at.start);
        let number = self.list.len() + self.more;
        let plural = if number == 1 { "" } else { "s" };
        let mut words = format!("{} cannot be used: {number} fault{plural}", self.name);
        for (at, message) in self.list.iter().take(SHOWN) {
            words.push('\n');
            self.show(&mut words, at, message);
        }
        if number > SHOWN {
            let _ = write!(words, "\nand {} more", number - SHOWN);
        }
        Some(MonitoringError::Configuration(words))
    }

    fn push(&mut self, at: Range<usize>, message: String) {
        // Wherever a parser points to, it is a place of the text.
        let start = self.text.floor_char_boundary(at.start);
        self.list.push((start..at.end.max(start), message));
    }

    fn line_around(&self, at: usize) -> Range<usize> {
        let at = self.text.floor_char_boundary(at);
        let start = self.text[..at].rfind('\n').map_or(0, |before| before + 1);
        let end = self.text[at..].find('\n').map_or(self.text.len(), |length| at + length);
        start..end
    }

    fn given(&self, value: &Value<'_>) -> String {
        use toml::de::DeValue;
        let at = value.span();
        match value.get_ref() {
            DeValue::Table(_) => "a table".to_owned(),
            _ if self.secrets.iter().any(|secret| secret.start < at.end && at.start < secret.end) => {
                "something else".to_owned()
            }
            DeValue::Datetime(_) => format!("the date or time {}", shortened(self.text(&at))),
            _ => shortened(self.text(&at)),
        }
    }

    /// `name:line:column: message`, the line, and a caret under the fault.
    fn show(&self, words: &mut String, at: &Range<usize>, message: &str) {
        let line = self.line_around(at.start);
        let (number, column) = (self.line_number(at.start), self.text[line.start..at.start].chars().count());
        let _ = write!(words, "{}:{number}:{}: {message}", self.name, column + 1);
        let text = self.text[line.clone()].trim_end_matches('\r');
        let is_near = |secret: &&Range<usize>| secret.start < line.end && line.start < secret.end;
        let secrets: Vec<&Range<usize>> = self.secrets.iter().filter(is_near).collect();
        let length = text.chars().count();
        // A part of a long line, with the fault in it.
        let first = if length > LINE.0 { column.saturating_sub(LINE.1).min(length - LINE.0) } else { 0 };
        let mut shown = String::from(if first > 0 { "…" } else { "" });
        let (mut before, mut under) = (usize::from(first > 0), 0);
        for (offset, character) in text.char_indices().skip(first).take(LINE.0) {
            let place = line.start + offset;
            let is_secret = secrets.iter().any(|secret| secret.contains(&place));
            let character = match character {
                ' ' | '"' | '\'' | '=' => character,
                _ if is_secret => '*',
                _ => visible(character),
            };
            shown.push(character);
            let width = character.width().unwrap_or(0);
            if place < at.start {
                before += width;
            } else if place < at.end {
                under += width;
            }
        }
        if first + LINE.0 < length {
            shown.push('…');
        }
        let gutter = number.to_string();
        let _ = write!(words, "\n  {gutter} | {}", shown.trim_end());
        let _ = write!(words, "\n  {:1$} | {2:3$}", "", gutter.len(), "", before);
        words.extend(std::iter::repeat_n('^', under.max(1)));
    }
}

/// How much of a line that is no TOML may be shown: a header, a word that is a key. What follows cannot be known, and the
/// slip may be in the quotes of a password.
fn public_part(line: &str, is_public: impl Fn(&str) -> bool) -> usize {
    let text = line.trim_start();
    let indent = line.len() - text.len();
    let belongs = |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
    let brackets = text.len() - text.trim_start_matches('[').len();
    let rest = text[brackets..].trim_start_matches(belongs);
    let word = &text[brackets..text.len() - rest.len()];
    if brackets > 0 {
        line.len() - rest.trim_start_matches(']').len()
    } else if is_public(word) {
        line.len()
    } else if rest.trim_start().starts_with('=') {
        indent + word.len()
    } else {
        0
    }
}

/// What the core says for both languages, in words of TOML: it has no None, and its arrays have brackets.
fn in_toml(accepted: &str) -> String {
    accepted
        .replace(", or None", "")
        .replace("(n, m)", "[n, m]")
        .replace("level='critical'", "level = \"critical\"")
}

/// A value as it was written, on one line and not too long.
fn shortened(text: &str) -> String {
    let shown: String = text.chars().take(GIVEN).map(visible).collect();
    if text.chars().nth(GIVEN).is_some() { shown + "…" } else { shown }
}

/// A character that takes its room on the line and does nothing else there: it does not move what stands below, and
/// turns no direction of writing.
pub(super) fn visible(character: char) -> char {
    if character.is_control() {
        return ' ';
    }
    let mut pair = [0; 5];
    pair[0] = b'a';
    let length = 1 + character.encode_utf8(&mut pair[1..]).len();
    // Behind a letter, where a mark is no escape of its own.
    let escaped = std::str::from_utf8(&pair[..length]).map_or(0, |pair| pair.escape_debug().count());
    if escaped == 2 || "\"'\\".contains(character) { character } else { '\u{fffd}' }
}
