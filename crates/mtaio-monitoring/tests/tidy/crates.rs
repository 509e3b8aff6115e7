//! The crates see only what stands before them, and each heavy dependency has one home.

use std::process::Command;

use serde_json::Value;

use super::{hold, root};

/// Who may depend on whom: each crate on those before it.
const ORDER: [&str; 5] = [
    "mtaio-monitoring-macros",
    "mtaio-monitoring",
    "mtaio-monitoring-server",
    "mtaio-monitoring-cli",
    "mtaio-monitoring-python",
];

/// Dependencies that one crate alone may have.
const HOMES: [(&str, &[&str]); 4] = [
    // Of the core an optional one: a service posts its alerts by itself, and who does not want that builds no client.
    ("mtaio-monitoring", &["ureq"]),
    ("mtaio-monitoring-python", &["pyo3", "pyo3-ffi", "pyo3-build-config", "numpy"]),
    ("mtaio-monitoring-cli", &["ratatui", "crossterm", "clap"]),
    ("mtaio-monitoring-server", &["hyper", "axum", "tiny_http", "warp", "actix-web", "reqwest", "h2"]),
];

/// Dependencies that no crate which the host's process loads may name, and why.
const BANNED: [(&str, &str); 1] =
    [("parking_lot", "its locks share one global table, in which the child of a fork hangs or crashes")];

/// What another crate may have too: the command asks servers, with the client that it builds for the core's destinations anyway.
const ALSO: [(&str, &str); 1] = [("mtaio-monitoring-cli", "ureq")];

/// What tests alone may have beside its home, since no service builds it.
const OF_TESTS: [(&str, &str); 1] = [("mtaio-monitoring", "axum")];

/// Every crate of the workspace with its folder and its dependencies, those of tests and builds included.
fn workspace() -> Vec<(String, String, Vec<String>)> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let manifest = string(&package["manifest_path"]);
            let folder = manifest.rsplit(['/', '\\']).nth(1).unwrap_or_default().to_owned();
            let name = string(&package["name"]);
            let dependencies = package["dependencies"].as_array().expect("dependencies").iter();
            let of_tests =
                |one: &&Value| one["kind"] == "dev" && OF_TESTS.contains(&(&*name, &*string(&one["name"])));
            let dependencies = dependencies.filter(|one| !of_tests(one)).map(|one| string(&one["name"])).collect();
            (name, folder, dependencies)
        })
        .collect()
}

#[test]
fn crates_depend_on_those_before_them() {
    let place = |name: &str| ORDER.iter().position(|known| *known == name);
    let mut breaches = Vec::new();
    for (name, folder, dependencies) in workspace() {
        let Some(own) = place(&name) else {
            breaches.push(format!("{name} has no place in the order of crates"));
            continue;
        };
        if folder != name {
            breaches.push(format!("{name} lies in a folder named {folder}"));
        }
        for dependency in dependencies.iter().filter(|dependency| place(dependency).is_some_and(|it| it >= own)) {
            breaches.push(format!("{name} depends on {dependency}"));
        }
    }
    hold("macros → core → server → cli → python: each crate sees only what stands before it.", &breaches);
}

#[test]
fn python_the_terminal_and_http_have_one_home_each() {
    let mut breaches = Vec::new();
    for (name, _, dependencies) in workspace() {
        for (home, theirs) in HOMES.iter().filter(|(home, _)| *home != name) {
            let is_foreign = |dependency: &&String| {
                theirs.contains(&dependency.as_str()) && !ALSO.contains(&(name.as_str(), dependency.as_str()))
            };
            for dependency in dependencies.iter().filter(is_foreign) {
                breaches.push(format!("{name} depends on {dependency}, which belongs to {home}"));
            }
        }
    }
    hold(
        "Who uses the core in a service must not build a terminal, a web server or Python along with it.",
        &breaches,
    );
}

#[test]
fn what_a_forked_child_cannot_bear_is_not_used() {
    let mut breaches = Vec::new();
    for (name, _, dependencies) in workspace() {
        for (banned, why) in BANNED.iter().filter(|(banned, _)| dependencies.iter().any(|it| it == banned)) {
            breaches.push(format!("{name} depends on {banned}: {why}"));
        }
    }
    hold("A service that forks workers must not hang in the monitor's locks: see src/lock.rs.", &breaches);
}
