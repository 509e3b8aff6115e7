//! All processes, read from recorded trees and from this machine.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::sampling::linux::LinuxSource;
use mtaio_monitoring::sampling::{MOST_PROCESSES, RawListed, RawProcessList, Source};

use super::recorded::root;

fn list(path: &Path) -> Option<RawProcessList> {
    let mut lister = LinuxSource::with_root(path).process_lister().expect("Linux has one");
    let mut list = RawProcessList::default();
    lister.list(&Clock::system(), &mut list).then_some(list)
}

/// `/proc/PID/stat` with what is looked at.
fn stat(pid: u32, name: &[u8], state: &str, pages: u64) -> Vec<u8> {
    let mut text = format!("{pid} (").into_bytes();
    text.extend_from_slice(name);
    text.extend_from_slice(
        format!(") {state} 1 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 3 0 700 4096 {pages} 0\n").as_bytes(),
    );
    text
}

fn write(root: &Path, folder: &str, text: &[u8]) {
    let folder = root.join("proc").join(folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("stat"), text).unwrap();
}

#[test]
fn a_recorded_tree_of_workers() {
    let list = list(&root("worker-tree")).expect("processes");
    let told: Vec<(u32, bool)> = list.processes.iter().map(|one| (one.pid, one.is_own)).collect();
    assert!(told.windows(2).all(|pair| pair[0].0 < pair[1].0), "{told:?}");
    assert_eq!(told.iter().filter(|(_, is_own)| *is_own).count(), 1, "{told:?}");
    assert!(told.len() > 3, "{told:?}");
    assert!(list.processes.iter().all(|one| one.started_ns.is_some() && one.cpu_ns.is_some()), "{list:?}");
}

#[test]
fn names_are_whatever_somebody_chose_and_the_buried_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "self", &stat(5, b"own", "R", 9));
    write(root, "5", &stat(5, b"own", "R", 9));
    write(root, "7", &stat(7, b"a) Z 1 (\n\x1b[2J\xff", "S", 2));
    write(root, "8", &stat(8, b"gone", "Z", 0));
    write(root, "11", &stat(11, &[b'k'; 200], "I", 0));
    write(root, "12", b"12 (cut) S 1");
    write(root, "sys", b"13 (no process) S 1");
    let list = list(root).expect("processes");
    let names: Vec<(u32, &str)> = list.processes.iter().map(|one| (one.pid, &*one.name)).collect();
    assert_eq!(names, [(5, "own"), (7, "a) Z 1 (\n\u{1b}[2J\u{fffd}"), (11, &*"k".repeat(64))]);
    let page = page_bytes();
    assert_eq!(
        list.processes[1],
        RawListed {
            pid: 7,
            name: "a) Z 1 (\n\u{1b}[2J\u{fffd}".into(),
            is_own: false,
            started_ns: Some(7_000_000_000),
            cpu_ns: Some(2_000_000_000),
            rss_bytes: Some(2 * page),
            threads: Some(3),
        }
    );
}

/// The size of a page, asked of somebody else.
fn page_bytes() -> u64 {
    let size = Command::new("getconf").arg("PAGE_SIZE").output().expect("getconf runs").stdout;
    String::from_utf8(size).expect("a number").trim().parse().expect("a number")
}

#[test]
fn no_more_are_looked_at_than_a_bound_and_the_own_one_always() {
    let folder = tempfile::tempdir().unwrap();
    let own = 60_000;
    write(folder.path(), "self", &stat(own, b"own", "R", 9));
    for pid in 1..=MOST_PROCESSES as u32 + 100 {
        write(folder.path(), &pid.to_string(), &stat(pid, b"other", "S", 1));
    }
    let list = list(folder.path()).expect("processes");
    assert_eq!(list.processes.len(), MOST_PROCESSES + 1);
    assert!(list.processes.last().is_some_and(|last| last.is_own && last.pid == own));
}

#[test]
fn where_nothing_can_be_seen_there_is_no_list() {
    assert_eq!(list(&root("empty")), None);
    assert_eq!(list(&root("garbage")).map_or(0, |list| list.processes.len()), 0);
}

#[test]
fn this_machine_shows_this_process_and_a_child_with_a_hostile_name() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = folder.path().join(std::ffi::OsStr::from_bytes(b"a) R\n\x1b[2J\xff"));
    std::os::unix::fs::symlink("/bin/sleep", &hostile).unwrap();
    let mut child = Command::new(&hostile).arg("60").stdin(Stdio::null()).spawn().expect("it runs");
    let list = list(Path::new("/")).expect("processes");
    let own = list.processes.iter().find(|one| one.is_own).expect("this one");
    let seen = list.processes.iter().find(|one| one.pid == child.id()).map(|one| one.name.clone());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(own.pid, std::process::id());
    assert!(own.rss_bytes.is_some_and(|bytes| bytes > 1 << 20), "{own:?}");
    assert_eq!(seen.as_deref(), Some("a) R\n\u{1b}[2J\u{fffd}"));
}
