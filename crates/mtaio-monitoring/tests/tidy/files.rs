//! Names and lengths of files.

use super::{files_below, hold, text, with_ending};

/// Lines from which a file needs a reason, and lines that none may have.
const LONG: usize = 400;
const TOO_LONG: usize = 600;

#[test]
fn no_file_is_named_after_nothing() {
    let nothing = ["utils", "util", "common", "helpers", "helper", "manager", "managers", "misc"];
    let files = files_below("");
    let breaches: Vec<String> = files
        .iter()
        .filter(|file| file.split('/').any(|part| nothing.contains(&part.split('.').next().unwrap_or(part))))
        .cloned()
        .collect();
    hold(
        "A file is named after a noun of the field; `utils` is where anything goes and nothing is found.",
        &breaches,
    );
}

#[test]
fn long_files_say_why_and_very_long_ones_are_split() {
    let files = files_below("");
    let mut breaches = Vec::new();
    for file in with_ending(&files, &[".rs", ".py"]) {
        let text = text(file);
        let lines = text.lines().count();
        let says_why = text.lines().take(20).any(|line| line.contains("Long because "));
        if lines > TOO_LONG {
            breaches.push(format!("{file} has {lines} lines, more than {TOO_LONG}: split it"));
        } else if lines > LONG && !says_why {
            breaches.push(format!("{file} has {lines} lines: split it, or say \"Long because …\" in its header"));
        }
    }
    hold("Who opens a file reads it top-down: beyond 400 lines that takes a reason.", &breaches);
}
