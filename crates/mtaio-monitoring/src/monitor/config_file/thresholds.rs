//! Thresholds out of their tables.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::DeValue;

use crate::alerts::{Expression, Level, NoData, Rule, RuleOptions};

use super::faults::Faults;
use super::fields::{Fields, Value, number, place_in, whole};

/// The keys of a threshold: the keywords of `set_threshold`.
pub(super) const KEYS: [&str; 15] = [
    "metric",
    "value",
    "below",
    "clear",
    "for_seconds",
    "repeat_seconds",
    "critical",
    "level",
    "keep_firing_seconds",
    "window_seconds",
    "samples",
    "no_data",
    "grace_seconds",
    "cool_down_seconds",
    "annotations",
];

/// The places of the thresholds so far, by what they watch: a monitor has one of each.
pub(super) type Places = BTreeMap<String, Range<usize>>;

/// The rule of a table, if nothing is wrong with it.
pub(super) fn rule(fields: &Fields<'_>, places: &mut Places, faults: &mut Faults<'_>) -> Option<Rule> {
    let metric =
        fields.needed("metric", "metric = \"cpu_usage\"", faults).and_then(|it| metric(it, places, faults));
    let given = fields.needed("value", "value = 80.0", faults);
    let value = given.and_then(|value| {
        let finite = Some(number(value)).filter(|number| number.is_finite());
        if finite.is_none() {
            faults.wrong("value", "a finite number", value);
        }
        finite
    });
    let options = options(fields, value, faults);
    let annotations = annotations(fields, faults)?;
    let rule = Rule::new(&metric?, value?, options?).ok()?;
    Some(rule.with_annotations(annotations))
}

fn metric(value: &Value<'_>, places: &mut Places, faults: &mut Faults<'_>) -> Option<String> {
    let Some(text) = value.get_ref().as_str().filter(|text| !text.is_empty()) else {
        faults.wrong("metric", "a name or an expression, in quotes", value);
        return None;
    };
    if let Some((character, accepted)) = Expression::fault_of(text) {
        let at = place_in(faults, &value.span(), character);
        faults.add(&at, format!("metric must be a name or an expression: {accepted}"));
        return None;
    }
    if let Some(earlier) = places.get(text) {
        let line = faults.line_number(earlier.start);
        faults
            .add(&value.span(), format!("this metric has a threshold already, in line {line}; there may be one"));
        return None;
    }
    places.insert(text.to_owned(), value.span());
    Some(text.to_owned())
}

/// The options, if each of them is sound beside the others. The rule itself checks them, and says what it takes. It stops
/// at the first fault; so that one is told, put right and forgotten, until there is none.
fn options(fields: &Fields<'_>, value: Option<f64>, faults: &mut Faults<'_>) -> Option<RuleOptions> {
    let optional = |key: &str| fields.get(key).map(number);
    let or = |key: &str, default: f64| optional(key).unwrap_or(default);
    let default = RuleOptions::default();
    let mut sound = true;
    let mut options = RuleOptions {
        clear: optional("clear"),
        for_seconds: or("for_seconds", 0.0),
        repeat_seconds: optional("repeat_seconds"),
        critical: optional("critical"),
        keep_firing_seconds: or("keep_firing_seconds", 0.0),
        window_seconds: or("window_seconds", default.window_seconds),
        samples: fields.get("samples").map_or(default.samples, samples),
        grace_seconds: or("grace_seconds", 0.0),
        cool_down_seconds: or("cool_down_seconds", 0.0),
        ..default
    };
    if fields.get("below").is_some() {
        let below = fields.truth("below", faults);
        sound &= below.is_some();
        options.below = below.unwrap_or_default();
    }
    if let Some(value) = fields.get("level") {
        match Level::from_name(value.get_ref().as_str().unwrap_or_default()) {
            Ok(level) => options.level = level,
            Err(error) => {
                sound = false;
                faults.refuse("level", value, &error);
            }
        }
    }
    if let Some(value) = fields.get("no_data") {
        match NoData::from_name(value.get_ref().as_str().unwrap_or_default()) {
            Ok(no_data) => options.no_data = no_data,
            Err(error) => {
                sound = false;
                faults.refuse("no_data", value, &error);
            }
        }
    }
    if value.is_none() || (!sound && fields.get("below").is_some()) {
        // On which side of it they should be cannot be said.
        for (key, level) in [("clear", &mut options.clear), ("critical", &mut options.critical)] {
            if let Some(given) = fields.get(key)
                && level.take().is_some_and(|level| !level.is_finite())
            {
                sound = false;
                faults.wrong(key, "a finite number", given);
            }
        }
    }
    while let Err(error) = Rule::new("x", value.unwrap_or_default(), options) {
        sound = false;
        let argument = error.argument_and_accepted().map_or("critical", |(argument, _)| argument);
        let Some(given) = fields.get(argument) else { break };
        faults.refuse(argument, given, &error);
        match argument {
            "clear" => options.clear = None,
            "for_seconds" => options.for_seconds = 0.0,
            "repeat_seconds" => options.repeat_seconds = None,
            "critical" => options.critical = None,
            "keep_firing_seconds" => options.keep_firing_seconds = 0.0,
            "window_seconds" => options.window_seconds = default.window_seconds,
            "samples" => options.samples = default.samples,
            "grace_seconds" => options.grace_seconds = 0.0,
            "cool_down_seconds" => options.cool_down_seconds = 0.0,
            _ => break,
        }
    }
    sound.then_some(options)
}

/// Two whole numbers; (0, 0), which no rule takes, for anything else.
fn samples(value: &Value<'_>) -> (u32, u32) {
    let pair = match value.get_ref() {
        DeValue::Array(array) if array.len() == 2 => {
            let mut numbers = array.iter().map(|number| whole(number).and_then(|it| u32::try_from(it).ok()));
            numbers.next().flatten().zip(numbers.next().flatten())
        }
        _ => None,
    };
    pair.unwrap_or_default()
}

fn annotations(fields: &Fields<'_>, faults: &mut Faults<'_>) -> Option<Vec<(String, String)>> {
    let Some(value) = fields.get("annotations") else { return Some(Vec::new()) };
    let DeValue::Table(table) = value.get_ref() else {
        faults.wrong("annotations", "a table of texts, such as { runbook = \"https://…\" }", value);
        return None;
    };
    let mut texts = Some(Vec::new());
    for (name, value) in table {
        match (value.get_ref().as_str(), &mut texts) {
            (Some(text), Some(texts)) => texts.push((name.get_ref().to_string(), text.to_owned())),
            (Some(_), None) => {}
            (None, _) => {
                texts = None;
                faults.wrong("an annotation", "a text in quotes", value);
            }
        }
    }
    texts
}
