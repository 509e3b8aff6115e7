//! Holds the tree to its rules by reading it, so that ARCHITECTURE.md stays true and a room stays what it is for. Each
//! rule is a function, and its message says why there is such a rule.

mod contents;
mod crates;
mod files;
mod ladder;
mod page;

use std::fs;
use std::path::{Path, PathBuf};

/// The top of the checkout.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the checkout is there")
}

/// Every file below `folder` of the checkout, as `/`-separated paths from its top, in order. What builds and
/// environments leave behind is no part of the house.
fn files_below(folder: &str) -> Vec<String> {
    let root = root();
    let mut files = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the checkout").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let made = matches!(&*name, "target" | "dist" | "build" | "__pycache__" | "node_modules");
            if is_folder && !made && !name.starts_with('.') {
                folders.push(path);
            } else if !is_folder {
                let path = path.strip_prefix(&root).expect("below the top");
                files.push(path.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    files.sort();
    files
}

fn with_ending<'a>(files: &'a [String], endings: &[&str]) -> impl Iterator<Item = &'a String> {
    files.iter().filter(move |file| endings.iter().any(|ending| file.ends_with(ending)))
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The lines of a Rust file that are code, with their numbers: comments may speak of whatever they like.
fn code(file: &str) -> Vec<(usize, String)> {
    let text = text(file);
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    let code = numbered.filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.map(|(number, line)| (number, line.split(" // ").next().unwrap_or(line).to_owned())).collect()
}

/// Fails with every breach of a rule at once.
fn hold(rule: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{rule}\n  {}\n", breaches.join("\n  "));
}
