//! The tree of processes, read from recorded and made-up `/proc` trees.

use std::fs;
use std::path::{Path, PathBuf};

use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::sampling::linux::LinuxSource;
use mtaio_monitoring::sampling::{RawSample, RawTree, Section, Source};
use proptest::prelude::*;

use super::recorded::root;

/// A `/proc` that a test writes.
struct Proc(tempfile::TempDir);

/// One of its processes.
#[derive(Clone, Copy)]
struct Of {
    pid: u32,
    parent: u32,
    start: u64,
    own: u64,
    inherited: u64,
}

impl Proc {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, pid: u32, name: &str) -> PathBuf {
        // This process is number 1 here.
        let folder = if pid == 1 { "self".to_owned() } else { pid.to_string() };
        self.0.path().join("proc").join(folder).join(name)
    }

    fn write(&self, pid: u32, name: &str, text: &str) {
        let path = self.path(pid, name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn put(&self, of: Of) {
        let Of { pid, parent, start, own, inherited } = of;
        let text =
            format!("{pid} (a) b) S {parent} 0 0 0 -1 0 0 0 0 0 {own} 0 {inherited} 0 20 0 1 0 {start} 4096 1\n");
        self.write(pid, "stat", &text);
    }

    fn children(&self, pid: u32, children: &[u32]) {
        let list: String = children.iter().map(|child| format!("{child} ")).collect();
        self.write(pid, &format!("task/{pid}/children"), &list);
    }

    fn remove(&self, pid: u32) {
        let _ = fs::remove_dir_all(self.path(pid, "stat").parent().unwrap());
    }

    fn source(&self) -> LinuxSource {
        LinuxSource::with_root(self.0.path())
    }
}

fn look(source: &mut LinuxSource, clock: &Clock) -> Option<RawTree> {
    let mut sample = RawSample::default();
    source.read(clock, &mut sample);
    sample.tree.map(|tree| tree.value)
}

const TICK_NS: u64 = 10_000_000;

fn copy(from: &Path, to: &Path, leave_out: &str) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() == leave_out {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()), leave_out);
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// The recording `worker-tree`: names with blanks, parentheses, newlines and bytes that are no UTF-8; two threads that
/// have children each; a zombie; strangers; threads of the kernel.
fn check_worker_tree(root: &Path) {
    let (clock, hand) = Clock::manual();
    hand.burn(0.6);
    let mut source = LinuxSource::with_root(root);
    let tree = look(&mut source, &clock).unwrap();
    assert_eq!((tree.processes, tree.threads), (5, 2 + 3 + 1 + 1 + 1));
    let page = rustix::param::page_size() as u64;
    assert_eq!(tree.rss_bytes, Some((2000 + 3000 + 1500 + 100) * page));
    // The root's own by the clock, what it inherited, and all of the others.
    let ticks = (300 + 40) + (200 + 30) + (70 + 5 + 11 + 3) + (40 + 2 + 5 + 5) + 1;
    assert_eq!(tree.counters.cpu_ns, 600_000_000 + ticks * TICK_NS);
    assert_eq!(tree.counters.read_bytes, Some(4096 + 1024 + 10));
    assert_eq!(tree.counters.written_bytes, Some(8192 + 20));
    // Of the folder through which the own are listed there is none more in a recording.
    assert_eq!(tree.open_descriptors, Some((4 - 1) + 3 + 2 + 1));
    assert!(!tree.by_cgroup && tree.earlier.is_none());
    assert_eq!(source.failures(), source.health().iter().map(|health| health.failures).sum::<u64>());
}

#[test]
fn p32_a_recorded_tree_of_workers_is_found_by_the_lists_of_children() {
    check_worker_tree(&root("worker-tree"));
}

#[test]
fn p41_without_lists_of_children_the_tree_is_found_among_all_processes() {
    let folder = tempfile::tempdir().unwrap();
    copy(&root("worker-tree"), folder.path(), "children");
    check_worker_tree(folder.path());
}

#[test]
fn p30_a_number_that_another_process_has_got_is_another_process() {
    let proc = Proc::new();
    let (clock, hand) = Clock::manual();
    let mut source = proc.source();
    proc.put(Of { pid: 1, parent: 0, start: 1, own: 0, inherited: 0 });
    proc.put(Of { pid: 8, parent: 1, start: 100, own: 50, inherited: 0 });
    proc.children(1, &[8]);
    assert_eq!(look(&mut source, &clock).unwrap().counters.cpu_ns, 50 * TICK_NS);
    // It was waited for, and the number given to a stranger who has used much.
    proc.put(Of { pid: 1, parent: 0, start: 1, own: 0, inherited: 60 });
    proc.put(Of { pid: 8, parent: 77, start: 300, own: 9_000, inherited: 0 });
    hand.advance(10.0);
    let tree = look(&mut source, &clock).unwrap();
    assert_eq!((tree.counters.cpu_ns, tree.processes), (60 * TICK_NS, 1));
    // And to a child anew, which begins at nothing.
    proc.put(Of { pid: 8, parent: 1, start: 400, own: 2, inherited: 0 });
    hand.advance(10.0);
    let tree = look(&mut source, &clock).unwrap();
    assert_eq!((tree.counters.cpu_ns, tree.processes), (62 * TICK_NS, 2));
    assert_eq!(tree.earlier.unwrap().cpu_ns, 60 * TICK_NS);
}

#[test]
fn p33_a_member_that_lost_its_parent_is_still_one_and_so_are_its_children() {
    let proc = Proc::new();
    let (clock, hand) = Clock::manual();
    let mut source = proc.source();
    proc.put(Of { pid: 1, parent: 0, start: 1, own: 0, inherited: 0 });
    proc.put(Of { pid: 8, parent: 1, start: 100, own: 5, inherited: 0 });
    proc.put(Of { pid: 9, parent: 8, start: 110, own: 7, inherited: 0 });
    proc.children(1, &[8]);
    proc.children(8, &[9]);
    assert_eq!(look(&mut source, &clock).unwrap().processes, 3);
    proc.remove(8);
    proc.put(Of { pid: 1, parent: 0, start: 1, own: 0, inherited: 5 });
    proc.children(1, &[]);
    // Init's child now.
    proc.put(Of { pid: 9, parent: 4, start: 110, own: 9, inherited: 0 });
    proc.put(Of { pid: 10, parent: 9, start: 120, own: 1, inherited: 0 });
    proc.children(9, &[10]);
    hand.advance(10.0);
    let tree = look(&mut source, &clock).unwrap();
    assert_eq!((tree.processes, tree.counters.cpu_ns), (3, 15 * TICK_NS));
    // What they had goes to init: it stays in the sum as it was last seen.
    proc.remove(9);
    proc.remove(10);
    for _ in 0..3 {
        hand.advance(10.0);
        let tree = look(&mut source, &clock).unwrap();
        assert_eq!((tree.processes, tree.counters.cpu_ns), (1, 15 * TICK_NS));
    }
}

#[test]
fn p35_a_process_that_vanishes_or_hides_between_listing_and_reading_is_counted_and_no_more() {
    let proc = Proc::new();
    let (clock, hand) = Clock::manual();
    let mut source = proc.source();
    proc.put(Of { pid: 1, parent: 0, start: 1, own: 0, inherited: 0 });
    proc.put(Of { pid: 8, parent: 1, start: 100, own: 5, inherited: 0 });
    // 9 is listed and gone; 10 is being taken down: its counters are its parent's already, and printed as 0.
    proc.children(1, &[8, 9, 10]);
    proc.write(10, "stat", "10 (a) X 1 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 0 0 100 0 0\n");
    let tree = look(&mut source, &clock).unwrap();
    assert_eq!((tree.processes, tree.counters.cpu_ns), (2, 5 * TICK_NS));
    let failures = |source: &LinuxSource| {
        source.health().into_iter().find(|health| health.section == Section::Tree).unwrap().failures
    };
    assert_eq!(failures(&source), 0);
    // A member that may not be read any more (here: what should be a file is a folder) stands where it was.
    proc.remove(8);
    fs::create_dir_all(proc.path(8, "stat")).unwrap();
    hand.advance(10.0);
    let tree = look(&mut source, &clock).unwrap();
    assert_eq!((tree.processes, tree.counters.cpu_ns), (2, 5 * TICK_NS));
    assert_eq!((tree.rss_bytes, tree.open_descriptors, tree.counters.read_bytes), (None, None, None));
    assert_eq!(failures(&source), 1);
    proc.remove(8);
    proc.put(Of { pid: 8, parent: 1, start: 100, own: 6, inherited: 0 });
    hand.advance(10.0);
    assert_eq!(look(&mut source, &clock).unwrap().counters.cpu_ns, 6 * TICK_NS);
}

#[test]
fn a_missing_proc_is_asked_for_seldom() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, hand) = Clock::manual();
    let mut source = LinuxSource::with_root(folder.path());
    for _ in 0..100 {
        assert_eq!(look(&mut source, &clock), None);
        hand.advance(0.1);
    }
    let health = source.health().into_iter().find(|health| health.section == Section::Tree).unwrap();
    assert!(health.reads <= 6 && health.failures == health.reads, "{health:?}");
}

/// The own group, in version 1 and 2, with these processes; 60 s of processor time so far.
fn with_group(proc: &Proc, is_version_2: bool) -> impl Fn(&str, u64) {
    let top = proc.0.path().to_owned();
    let (cgroup, mount) = if is_version_2 {
        ("0::/web\n", "30 23 0:26 / /cgroup rw - cgroup2 cgroup2 rw\n")
    } else {
        ("3:cpu,cpuacct:/web\n", "30 23 0:26 / /cgroup rw - cgroup cgroup rw,cpu,cpuacct\n")
    };
    proc.write(1, "cgroup", cgroup);
    proc.write(1, "mountinfo", mount);
    fs::create_dir_all(top.join("cgroup/web")).unwrap();
    move |members: &str, usage_ns: u64| {
        let group = top.join("cgroup/web");
        fs::write(group.join("cgroup.procs"), members).unwrap();
        fs::write(group.join("cpuacct.usage"), format!("{usage_ns}\n")).unwrap();
        let usage = usage_ns / 1000;
        fs::write(group.join("cpu.stat"), format!("usage_usec {usage}\nuser_usec 0\nsystem_usec 0\n")).unwrap();
    }
}

#[test]
fn p33_a_control_group_that_holds_the_tree_and_nothing_else_gives_the_time_of_all() {
    for is_version_2 in [false, true] {
        let proc = Proc::new();
        let (clock, hand) = Clock::manual();
        let mut source = proc.source();
        let group = with_group(&proc, is_version_2);
        proc.put(Of { pid: 1, parent: 0, start: 1, own: 0, inherited: 0 });
        proc.put(Of { pid: 8, parent: 1, start: 100, own: 100, inherited: 0 });
        proc.children(1, &[8]);
        group("1\n8\n", 60_000_000_000);
        let first = look(&mut source, &clock).unwrap();
        assert_eq!((first.counters.cpu_ns, first.by_cgroup), (100 * TICK_NS, false), "who used it before?");
        // 2 s more, of which the members show nothing: children that nobody waited for.
        hand.advance(10.0);
        group("1\n8\n", 62_000_000_000);
        let exact = look(&mut source, &clock).unwrap();
        assert_eq!((exact.counters.cpu_ns, exact.by_cgroup), (3_000_000_000, true));
        // A stranger moves in: back to the members, and nothing goes back.
        hand.advance(10.0);
        group("1\n8\n77\n", 90_000_000_000);
        proc.put(Of { pid: 77, parent: 70, start: 5, own: 1, inherited: 0 });
        proc.put(Of { pid: 8, parent: 1, start: 100, own: 120, inherited: 0 });
        let summed = look(&mut source, &clock).unwrap();
        assert_eq!((summed.counters.cpu_ns, summed.by_cgroup), (3_200_000_000, false));
        // A group within the group, or a member elsewhere, makes it another number too.
        for members in ["1\n", "1\n8\n"] {
            hand.advance(10.0);
            group(members, 99_000_000_000);
            fs::create_dir_all(proc.0.path().join("cgroup/web/inner")).unwrap();
            let summed = look(&mut source, &clock).unwrap();
            assert_eq!((summed.counters.cpu_ns, summed.by_cgroup), (3_200_000_000, false));
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Fork(prop::sample::Index),
    Burn(prop::sample::Index, u64),
    /// Ends, and is waited for at once, children first.
    End(prop::sample::Index),
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    let any_index = any::<prop::sample::Index>;
    prop_oneof![
        2 => any_index().prop_map(Step::Fork),
        4 => (any_index(), 1..100_u64).prop_map(|(index, ticks)| Step::Burn(index, ticks)),
        2 => any_index().prop_map(Step::End),
        2 => Just(Step::Look),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Through the files, as the kernel would write them: the sum is exactly what was burnt.
    #[test]
    fn p33_births_and_deaths_are_read_without_a_tick_lost_or_counted_twice(
        steps in proptest::collection::vec(step(), 1..60),
        has_lists in any::<bool>(),
    ) {
        let proc = Proc::new();
        let (clock, hand) = Clock::manual();
        let mut source = proc.source();
        let mut all = vec![Of { pid: 1, parent: 0, start: 1, own: 0, inherited: 0 }];
        let (mut born, mut burnt) = (1, 0);
        for step in steps.iter().chain([&Step::Look]) {
            match step {
                Step::Fork(index) => {
                    born += 1;
                    let parent = all[index.index(all.len())].pid;
                    // Numbers come round soon.
                    let pid = (2..).find(|pid| all.iter().all(|of| of.pid != *pid)).unwrap();
                    all.push(Of { pid, parent, start: born, own: 0, inherited: 0 });
                }
                Step::Burn(index, ticks) => {
                    let index = index.index(all.len());
                    if index == 0 {
                        hand.burn(*ticks as f64 * 0.01);
                    } else {
                        all[index].own += ticks;
                    }
                    burnt += ticks;
                }
                Step::End(index) => {
                    let index = index.index(all.len());
                    let ended = all[index];
                    if index > 0 && all.iter().all(|of| of.parent != ended.pid) {
                        all.remove(index);
                        proc.remove(ended.pid);
                        let parent = all.iter_mut().find(|of| of.pid == ended.parent).unwrap();
                        parent.inherited += ended.own + ended.inherited;
                    }
                }
                Step::Look => {
                    for of in &all {
                        proc.put(*of);
                        let children = all.iter().filter(|child| child.parent == of.pid);
                        if has_lists {
                            proc.children(of.pid, &children.map(|child| child.pid).collect::<Vec<_>>());
                        } else {
                            // The walk goes by the folders' names, and this one is called self.
                            fs::create_dir_all(proc.0.path().join("proc/1")).unwrap();
                        }
                    }
                    hand.advance(10.0);
                    let tree = look(&mut source, &clock).unwrap();
                    prop_assert_eq!(tree.counters.cpu_ns.div_ceil(TICK_NS), burnt);
                    prop_assert_eq!(tree.processes as usize, all.len());
                }
            }
        }
    }
}
