//! The rooms of the core see downwards only.

use super::{code, files_below, hold, with_ending};

const SOURCE: &str = "crates/mtaio-monitoring/src/";

/// The rungs, lowest first.
const LADDER: [&[&str]; 7] = [
    &["error", "clock", "lock", "thread"],
    &["sampling", "metrics"],
    &["rates", "history", "profiler"],
    &["alerts"],
    &["monitor"],
    &["snapshot"],
    &["export"],
];

fn rung(room: &str) -> Option<usize> {
    LADDER.iter().position(|rooms| rooms.contains(&room))
}

/// The modules that a file is in, room first: `monitor/core.rs` → `monitor core`, `rates/mod.rs` → `rates`.
fn modules(file: &str) -> Vec<&str> {
    let inner = file.trim_start_matches(SOURCE).trim_end_matches(".rs").trim_end_matches("/mod");
    inner.split('/').collect()
}

/// The names that follow each `prefix` of a line: one, or those at the top of a group in braces.
fn names_after(line: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in line.match_indices(prefix) {
        let before = line[..at].chars().next_back();
        if before.is_some_and(|before| before.is_alphanumeric() || before == '_' || before == ':') {
            continue;
        }
        let after = &line[at + prefix.len()..];
        let group = after.strip_prefix('{').map_or_else(
            || vec![after.to_owned()],
            |group| {
                // Inner groups belong to the name before them.
                let mut depth = 0;
                let flat: String = group
                    .chars()
                    .filter(|character| {
                        depth += i32::from(*character == '{') - i32::from(*character == '}');
                        depth == 0
                    })
                    .collect();
                flat.split(',').map(|name| name.trim().to_owned()).collect()
            },
        );
        let identifier = |name: String| -> String {
            name.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
        };
        names.extend(group.into_iter().map(identifier).filter(|name| !name.is_empty()));
    }
    names
}

/// The code of a file with each `use` on one line, and the number of the line on which it begins.
fn statements(file: &str) -> Vec<(usize, String)> {
    let mut statements: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in code(file) {
        match statements.last_mut() {
            Some((_, statement)) if open => statement.push_str(line.trim()),
            _ => statements.push((number, line.clone())),
        }
        let last = &statements.last().expect("just pushed").1;
        let imports = last.trim_start().trim_start_matches("pub ").starts_with("use ");
        open = imports && !last.contains(';');
    }
    statements
}

#[test]
fn every_room_of_the_core_stands_on_the_ladder() {
    let files = files_below(SOURCE);
    let unknown: Vec<String> = with_ending(&files, &[".rs"])
        .filter(|file| modules(file)[0] != "lib" && rung(modules(file)[0]).is_none())
        .cloned()
        .collect();
    hold("A room without a rung could import anything: give it one, here and in ARCHITECTURE.md.", &unknown);
}

#[test]
fn rooms_import_downwards_only_and_never_a_neighbour() {
    let files = files_below(SOURCE);
    let mut breaches = Vec::new();
    for file in with_ending(&files, &[".rs"]).filter(|file| !file.ends_with("src/lib.rs")) {
        let modules = modules(file);
        let room = modules[0];
        for (number, statement) in statements(file) {
            let mut imports = names_after(&statement, "crate::");
            // As many `super` as there are modules around lead to the top as well.
            let to_the_top = "super::".repeat(modules.len());
            let above = names_after(&statement, &to_the_top);
            imports.extend(above.into_iter().filter(|name| rung(name).is_some()));
            for import in imports.into_iter().filter(|import| import != room) {
                match (rung(&import), rung(room)) {
                    (None, _) => {
                        breaches.push(format!("{file}:{number}: `crate::{import}` names no room"));
                    }
                    (Some(theirs), Some(own)) if theirs >= own => {
                        breaches.push(format!("{file}:{number}: `{room}` may not see `{import}`"));
                    }
                    _ => {}
                }
            }
        }
    }
    hold(
        "A lower room that knows a higher one, or its neighbour, cannot be understood or tested alone.",
        &breaches,
    );
}

#[test]
fn paths_are_found_wherever_they_stand() {
    assert_eq!(names_after("use crate::rates::{Interval, SystemStats};", "crate::"), ["rates"]);
    assert_eq!(names_after("use crate::{clock::Clock, rates::{A, b::C}};", "crate::"), ["clock", "rates"]);
    assert_eq!(names_after("x: crate::monitor::Core, y: &crate::error::E", "crate::"), ["monitor", "error"]);
    assert_eq!(names_after("use other_crate::a; use super::super::rates;", "crate::"), [""; 0]);
    assert_eq!(names_after("use super::super::rates;", "super::super::"), ["rates"]);
    assert_eq!(modules("crates/mtaio-monitoring/src/sampling/linux/mod.rs"), ["sampling", "linux"]);
}
