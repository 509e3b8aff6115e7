//! What can be read here, what it costs and what is missing, for people and for programs.

use std::fmt::Write;

use mtaio_monitoring::export::writing::columns::{Align, pad};
use mtaio_monitoring::export::writing::printable::{fit, printable};
use mtaio_monitoring::export::writing::quantity::{Unit, quantity};
use mtaio_monitoring::sampling::{Cost, Diagnosis, Section, SectionHealth, State};
use serde_json::{Value, json};

/// No line is longer: that is as wide as a terminal surely is. A path that is longer by itself is not broken.
const COLUMNS: usize = 80;

/// The report as text, with a line feed at its end. With `color` the words for states have colours.
#[must_use]
pub fn diagnosis_text(diagnosis: &Diagnosis, color: bool) -> String {
    let mut text = heading(diagnosis);
    text.push('\n');
    let names = diagnosis.sections.iter().map(|section| section.section.name().len()).max().unwrap_or(0).max(7);
    let row = |name: &str, state: &str, read: &str, median: &str, worst: &str| {
        let name = pad(name, names, Align::Left);
        let read = pad(read, 17, Align::Left);
        format!("{name}  {state}  {read}{}{}\n", pad(median, 10, Align::Right), pad(worst, 10, Align::Right))
    };
    text += &row("SECTION", "STATE  ", "READ", "MEDIAN", "WORST");
    for section in &diagnosis.sections {
        let seconds = |part: fn(&Cost) -> f64| quantity(section.cost.as_ref().map(part), Unit::Seconds);
        let (median, worst) = (seconds(|cost| cost.median_seconds), seconds(|cost| cost.worst_seconds));
        text += &row(section.section.name(), &state_word(section.state, color), &pace(section), &median, &worst);
        for (word, said) in details(section) {
            wrapped(&mut text, &format!("{word}: {}", printable(&said)), "  ", "    ");
        }
    }
    text.push('\n');
    wrapped(&mut text, &cost_sentence(diagnosis), "", "  ");
    wrapped(&mut text, &verdict(diagnosis), "", "  ");
    text
}

/// The report as one JSON value.
#[must_use]
pub fn diagnosis_json(diagnosis: &Diagnosis) -> Value {
    let cost = |cost: Option<Cost>| {
        cost.map(|cost| {
            json!({
                "median_seconds": cost.median_seconds,
                "worst_seconds": cost.worst_seconds,
                "readings": cost.readings,
            })
        })
    };
    let section = |section: &SectionHealth| {
        json!({
            "section": section.section.name(),
            "gives": section.section.gives(),
            "origin": section.origin,
            "every_seconds": section.every_seconds,
            "state": section.state.name(),
            "missing": section.missing,
            "reason": reason(section),
            "hint": section.hint,
            "cost": cost(section.cost),
            "reads": section.reads,
            "failures": section.failures,
        })
    };
    json!({
        "kernel": diagnosis.surroundings.kernel,
        "pid": diagnosis.surroundings.pid,
        "cgroups": diagnosis.surroundings.cgroups,
        "hints": diagnosis.surroundings.hints,
        "interval_seconds": diagnosis.interval_seconds,
        "sections": diagnosis.sections.iter().map(section).collect::<Vec<_>>(),
        "sample": cost(diagnosis.sample),
        "fullest_sample": cost(diagnosis.fullest_sample),
        "core_percent": diagnosis.core_percent,
        "usable": diagnosis.is_usable(),
        "verdict": verdict(diagnosis),
    })
}

fn heading(diagnosis: &Diagnosis) -> String {
    let surroundings = &diagnosis.surroundings;
    let kernel = surroundings.kernel.as_deref().unwrap_or("an unknown kernel");
    let cgroups =
        surroundings.cgroups.map_or("no cgroups mounted".to_owned(), |version| format!("cgroups {version}"));
    let mut text = format!("{}, process {}, {cgroups}\n", fit(kernel, 40), surroundings.pid);
    if surroundings.hints.is_empty() {
        text.push_str("No sign of a container.\n");
    }
    for hint in &surroundings.hints {
        wrapped(&mut text, &format!("Sign: {}", printable(hint)), "", "  ");
    }
    text
}

fn state_word(state: State, color: bool) -> String {
    let word = pad(state.name(), 7, Align::Left);
    let code = match state {
        State::Ok => 32,
        State::Partial => 33,
        State::Missing => 31,
        State::Unread => 2,
    };
    if color { format!("\x1b[{code}m{word}\x1b[0m") } else { word }
}

fn pace(section: &SectionHealth) -> String {
    match section.every_seconds {
        Some(seconds) => format!("every {}", whole(&quantity(Some(seconds), Unit::Seconds))),
        None => "every sample".to_owned(),
    }
}

/// Without digits that say nothing: `5 s`, not `5.00 s`.
fn whole(quantity: &str) -> String {
    let Some((number, unit)) = quantity.split_once(' ') else { return quantity.to_owned() };
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{number} {unit}")
}

/// The lines below a section's own, each with the word that it begins with.
fn details(section: &SectionHealth) -> Vec<(&'static str, String)> {
    let mut details = vec![("gives", section.section.gives().to_owned()), ("from", section.origin.clone())];
    if !section.missing.is_empty() {
        details.push(("missing", section.missing.join(", ")));
    }
    details.extend(reason(section).map(|reason| ("why", reason.to_owned())));
    details.extend(section.hint.map(|hint| ("hint", hint.to_owned())));
    details
}

/// Why something is missing now; what failed once and is read well again is no reason.
fn reason(section: &SectionHealth) -> Option<&str> {
    let lacks = matches!(section.state, State::Partial | State::Missing);
    section.last_error.as_deref().filter(|_| lacks)
}

fn cost_sentence(diagnosis: &Diagnosis) -> String {
    let time = |seconds: f64| quantity(Some(seconds), Unit::Seconds);
    let (Some(sample), Some(fullest)) = (diagnosis.sample, diagnosis.fullest_sample) else {
        return "What a sample costs is not measured on this system.".to_owned();
    };
    let mut text = format!(
        "A sample takes {} (the worst of {}: {}), {} where all is due at once",
        time(sample.median_seconds),
        sample.readings,
        time(sample.worst_seconds),
        time(fullest.median_seconds),
    );
    if let Some(percent) = diagnosis.core_percent {
        // Two digits that count, whatever the size.
        let decimals = (1 - percent.max(1e-9).log10().floor() as i32).clamp(0, 6) as usize;
        let _ = write!(
            text,
            "; at an interval of {} that is {percent:.decimals$} % of one core",
            quantity(Some(diagnosis.interval_seconds), Unit::Seconds),
        );
    }
    text + "."
}

/// One line that says whether all is well.
fn verdict(diagnosis: &Diagnosis) -> String {
    let names = |state| diagnosis.in_state(state).map(Section::name).collect::<Vec<_>>();
    let (missing, partial) = (names(State::Missing), names(State::Partial));
    if !diagnosis.is_usable() {
        let core = diagnosis.in_state(State::Missing).filter(|section| section.is_core()).map(Section::name);
        return format!("mtaio does not work here: it cannot read {}.", core.collect::<Vec<_>>().join(", "));
    }
    let listed = |word: &str, names: &[&str]| {
        if names.is_empty() { String::new() } else { format!("; {word}: {}", names.join(", ")) }
    };
    if missing.is_empty() && partial.is_empty() {
        return "mtaio works here: everything can be read.".to_owned();
    }
    format!("mtaio works here{}{}.", listed("missing", &missing), listed("in part", &partial))
}

/// Appends the words in lines of at most [`COLUMNS`], the first after `first`, the others after `rest`.
fn wrapped(text: &mut String, words: &str, first: &str, rest: &str) {
    let mut line = first.to_owned();
    let mut is_begun = false;
    for word in words.split(' ') {
        if is_begun && width(&line) + 1 + width(word) > COLUMNS {
            text.push_str(line.trim_end());
            text.push('\n');
            rest.clone_into(&mut line);
        } else if is_begun {
            line.push(' ');
        }
        line.push_str(word);
        is_begun = true;
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}
