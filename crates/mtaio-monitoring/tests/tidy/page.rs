//! ARCHITECTURE.md and the folders that exist, both ways.

use std::collections::BTreeSet;

use super::{files_below, hold, root, text};

/// The paths that the block marked `tree` lists, folders with a slash at their end. A line is a path, two spaces a
/// level, and after two spaces or more what it is for.
fn listed() -> Vec<String> {
    let page = text("ARCHITECTURE.md");
    let block = page.split("```tree\n").nth(1).expect("a block marked `tree`");
    let block = block.split("```").next().unwrap_or_default();
    let mut above: Vec<String> = Vec::new();
    let mut listed = Vec::new();
    for line in block.lines().filter(|line| !line.trim().is_empty()) {
        let level = (line.len() - line.trim_start().len()) / 2;
        let path = line.trim_start().split("  ").next().unwrap_or_default();
        assert!(level <= above.len(), "ARCHITECTURE.md: {line:?} is indented below nothing");
        above.truncate(level);
        let whole = above.concat() + path;
        above.push(path.to_owned());
        listed.push(whole);
    }
    listed
}

/// Folders of the checkout that hold a file, with a slash at their end.
fn folders() -> BTreeSet<String> {
    let files = files_below("");
    let parents =
        |file: &String| -> Vec<String> { file.match_indices('/').map(|(at, _)| file[..=at].to_owned()).collect() };
    files.iter().flat_map(parents).collect()
}

#[test]
fn everything_on_the_page_exists() {
    let root = root();
    let missing: Vec<String> = listed()
        .into_iter()
        .filter(|path| {
            let there = root.join(path);
            if path.ends_with('/') { !there.is_dir() } else { !there.is_file() }
        })
        .collect();
    hold("ARCHITECTURE.md lists what is not there: a reader would look for it in vain.", &missing);
}

#[test]
fn every_folder_that_matters_is_on_the_page() {
    const CORE: &str = "crates/mtaio-monitoring/src/";
    let listed: BTreeSet<String> = listed()
        .iter()
        // `a/b/` on one line lists both.
        .flat_map(|path| path.match_indices('/').map(|(at, _)| path[..=at].to_owned()).collect::<Vec<_>>())
        .collect();
    let matters = |folder: &String| {
        let depth = folder.matches('/').count();
        depth == 1 || (folder.starts_with("crates/") && depth == 2) || folder.starts_with(CORE)
    };
    let missing: Vec<String> = folders().into_iter().filter(matters).filter(|it| !listed.contains(it)).collect();
    hold("A folder that ARCHITECTURE.md does not list is one whose purpose nobody has said.", &missing);
}

#[test]
fn every_page_and_manifest_at_the_top_is_on_the_page() {
    let listed = listed();
    let missing: Vec<String> = files_below("")
        .into_iter()
        .filter(|file| !file.contains('/') && !file.starts_with('.') && !file.ends_with(".lock"))
        .filter(|file| !listed.contains(file))
        .collect();
    hold("What lies at the top is what a newcomer sees first: ARCHITECTURE.md says what it is.", &missing);
}
