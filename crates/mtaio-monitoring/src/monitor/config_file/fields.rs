//! The keys of a table, and values of a type.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::faults::{Faults, visible};

/// A value and its place.
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// How much alike two keys are, of which one may be meant by the other.
const ALIKE: f64 = 0.75;

/// A table of which all keys are known.
pub(super) struct Fields<'a> {
    /// "a threshold".
    what: &'static str,
    /// Where it begins.
    at: Range<usize>,
    table: &'a DeTable<'a>,
}

impl<'a> Fields<'a> {
    /// Tells of keys that are not `known`. `elsewhere` says of a key where it belongs, if that is known.
    pub(super) fn of(
        what: &'static str,
        at: Range<usize>,
        table: &'a DeTable<'a>,
        known: &[&str],
        elsewhere: impl Fn(&str) -> Option<&'static str>,
        faults: &mut Faults<'_>,
    ) -> Self {
        for (key, value) in table.iter().filter(|(key, _)| !known.contains(&&**key.get_ref())) {
            if !super::is_public(key.get_ref()) {
                // Nobody knows what it is: a token, perhaps.
                keep_texts_secret(value, faults);
            }
            if faults.is_full() {
                faults.add(&key.span(), "");
                continue;
            }
            let name: String = key.get_ref().chars().take(64).map(visible).collect();
            let alike = |known: &&&str| strsim::jaro_winkler(known, &name);
            let nearest = known.iter().max_by(|one, other| alike(one).total_cmp(&alike(other)));
            let hint = match (elsewhere(&name), nearest.filter(|nearest| alike(nearest) > ALIKE)) {
                (Some(place), _) => place.to_owned(),
                (None, Some(nearest)) => format!("did you mean {nearest}?"),
                (None, None) => format!("it takes {}", known.join(", ")),
            };
            faults.add(&key.span(), format!("{what} has no key {name:?}: {hint}"));
        }
        Self { what, at, table }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Value<'a>> {
        self.table.get(key)
    }

    /// The value of a key that must be there.
    pub(super) fn needed(&self, key: &str, example: &str, faults: &mut Faults<'_>) -> Option<&'a Value<'a>> {
        let value = self.get(key);
        if value.is_none() {
            faults.add_missing(&self.at, format!("{} needs {key}, such as {example}", self.what));
        }
        value
    }

    pub(super) fn truth(&self, key: &str, faults: &mut Faults<'_>) -> Option<bool> {
        let value = self.get(key)?;
        let truth = value.get_ref().as_bool();
        if truth.is_none() {
            faults.wrong(key, "true or false", value);
        }
        truth
    }

    /// The tables of an array, each with the place where it begins.
    pub(super) fn tables(&self, key: &str, faults: &mut Faults<'_>) -> Vec<(Range<usize>, &'a DeTable<'a>)> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let accepted = format!("tables, each below a line [[{key}]]");
        let DeValue::Array(array) = value.get_ref() else {
            keep_texts_secret(value, faults);
            faults.wrong(key, &accepted, value);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in array {
            match item.get_ref() {
                DeValue::Table(table) => tables.push((item.span(), table)),
                _ => {
                    keep_texts_secret(item, faults);
                    faults.wrong(key, &accepted, item);
                }
            }
        }
        tables
    }
}

/// The number of a value; NaN for what is none, which nothing accepts that takes a number.
pub(super) fn number(value: &Value<'_>) -> f64 {
    let number = match value.get_ref() {
        DeValue::Integer(integer) => {
            i128::from_str_radix(integer.as_str(), integer.radix()).ok().map(|integer| integer as f64)
        }
        DeValue::Float(float) => float.as_str().parse().ok(),
        _ => None,
    };
    number.unwrap_or(f64::NAN)
}

/// The whole number of a value.
pub(super) fn whole(value: &Value<'_>) -> Option<i64> {
    let DeValue::Integer(integer) = value.get_ref() else { return None };
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// The place of a character of a text in the file: `at` is the place of the whole, quotes included.
pub(super) fn place_in(faults: &Faults<'_>, at: &Range<usize>, character: usize) -> Range<usize> {
    let raw = faults.text(at);
    let quote = raw.chars().next().unwrap_or_default();
    if !matches!(quote, '"' | '\'') || raw.starts_with("\"\"\"") || raw.starts_with("'''") {
        return at.clone();
    }
    let mut rest = raw[1..].char_indices().map(|(offset, character)| (offset + 1, character));
    for _ in 0..character {
        let Some((_, passed)) = rest.next() else { break };
        if quote == '"' && passed == '\\' {
            let digits = match rest.next() {
                Some((_, 'x')) => 2,
                Some((_, 'u')) => 4,
                Some((_, 'U')) => 8,
                _ => 0,
            };
            rest.by_ref().take(digits).for_each(drop);
        }
    }
    let start = at.start + rest.next().map_or(raw.len() - 1, |(offset, _)| offset).min(raw.len() - 1);
    start..start + 1
}

/// Every text in a value is a secret.
pub(super) fn keep_texts_secret(value: &Value<'_>, faults: &mut Faults<'_>) {
    match value.get_ref() {
        DeValue::Table(table) => table.iter().for_each(|(_, value)| keep_texts_secret(value, faults)),
        DeValue::Array(array) => array.iter().for_each(|value| keep_texts_secret(value, faults)),
        DeValue::String(_) => faults.keep_secret(value.span()),
        _ => {}
    }
}
