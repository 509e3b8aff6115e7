//! What may stand in which file.

use super::{code, files_below, hold, text, with_ending};

const CORE: &str = "crates/mtaio-monitoring/src/";
const SKIN: &str = "python/";

/// `file:line: code` for each line of code below `folder` that contains one of `words`, but in `homes`.
fn found(folder: &str, words: &[&str], homes: &[&str]) -> Vec<String> {
    let files = files_below(folder);
    let outside = |file: &&String| {
        let inner = file.trim_start_matches(folder);
        !homes.iter().any(|home| inner.starts_with(home))
    };
    let mut found = Vec::new();
    for file in with_ending(&files, &[".rs", ".py"]).filter(outside) {
        // Comments, and the examples in docstrings.
        let is_talk = |line: &str| ["#", ">>> ", "... "].iter().any(|mark| line.trim_start().starts_with(mark));
        let lines = code(file).into_iter().filter(|(_, line)| !is_talk(line));
        for (number, line) in lines.filter(|(_, line)| words.iter().any(|word| line.contains(word))) {
            found.push(format!("{file}:{number}: {}", line.trim()));
        }
    }
    found
}

#[test]
fn the_clock_is_read_in_one_file() {
    let words = ["Instant::now", "SystemTime::now", "clock_gettime", "Zoned::now", "Timestamp::now", "UNIX_EPOCH"];
    let mut breaches = found(CORE, &words, &["clock.rs"]);
    for other in ["mtaio-monitoring-server", "mtaio-monitoring-cli", "mtaio-monitoring-python"] {
        breaches.extend(found(&format!("crates/{other}/src/"), &words, &[]));
    }
    hold("A second reader of the clock is one that tests cannot move: ask `Clock`.", &breaches);
}

#[test]
fn the_operating_system_is_asked_in_one_room() {
    let words =
        ["std::fs", "fs::", "File::open", "File::create", "\"/proc", "\"/sys", "rustix", "sysinfo", "libc"];
    // A profile is saved to the file that its owner names, and a configuration read from one; a thread asks for its own id.
    let homes = ["sampling/", "clock.rs", "export/file.rs", "monitor/config_file/file.rs", "thread.rs"];
    let breaches = found(CORE, &words, &homes);
    hold("What asks the system outside `sampling` cannot be replayed from a recording.", &breaches);
}

#[test]
fn every_unsafe_block_says_why_it_is_sound() {
    let mut breaches = Vec::new();
    let files = files_below("crates");
    for file in with_ending(&files, &[".rs"]).filter(|file| !file.ends_with("tidy/contents.rs")) {
        let text = text(file);
        let lines: Vec<&str> = text.lines().collect();
        let is_unsafe = |line: &str| {
            !line.trim_start().starts_with("//") && (line.contains("unsafe {") || line.contains("unsafe impl"))
        };
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| is_unsafe(line)) {
            let before = lines[..index].iter().rev().map(|line| line.trim_start());
            let mut comment = before.take_while(|line| line.starts_with("//"));
            if !comment.any(|line| line.starts_with("// SAFETY: ")) {
                breaches.push(format!("{file}:{}: {}", index + 1, line.trim()));
            }
        }
        let allowed =
            lines.iter().position(|line| line.contains("allow(unsafe_code") || line.trim() == "unsafe_code,");
        if let Some(index) = allowed
            && !lines[index..].iter().take(2).any(|line| line.contains("reason = "))
        {
            breaches.push(format!("{file}:{}: allowed without a reason", index + 1));
        }
    }
    hold(
        "`unsafe` is a promise to the compiler: `// SAFETY: …` right above says what is promised and why.",
        &breaches,
    );
}

#[test]
fn event_loop_internals_stay_in_one_file() {
    let words = [
        "add_reader(",
        "remove_reader(",
        "call_soon(",
        "create_task(",
        "call_soon_threadsafe(",
        "call_later(",
        "call_at(",
        "ensure_future(",
        "run_coroutine_threadsafe(",
        "run_in_executor(",
        "set_task_factory(",
        "new_event_loop(",
        "set_event_loop(",
        "import socket",
        "import selectors",
    ];
    let breaches = found(SKIN, &words, &["mtaio/monitoring/_loop.py"]);
    hold("asyncio and uvloop, Proactor and selectors differ: one file knows how, `_loop.py`.", &breaches);
    let homes = ["mtaio/monitoring/_loop.py", "mtaio/monitoring/_plain.py"];
    let breaches = found(SKIN, &["import threading"], &homes);
    hold("A thread of the skin is where a loop cannot watch, or where the host's function may block.", &breaches);
}

#[test]
fn only_what_runs_on_the_loop_knows_asyncio() {
    let homes = ["_loop.py", "_handlers.py", "_monitor.py", "_plain.py", "_telling.py"]
        .map(|file| format!("mtaio/monitoring/{file}"));
    let homes: Vec<&str> = homes.iter().map(String::as_str).collect();
    let breaches = found(SKIN, &["asyncio"], &homes);
    hold("Dataclasses, errors and the command are plain Python: they need no loop to be tested.", &breaches);
}

#[test]
fn the_skin_reads_no_clock() {
    let words = ["time.time(", "time.monotonic(", "time.perf_counter(", "time.sleep(", "datetime.now("];
    let breaches = found(SKIN, &words, &["mtaio/monitoring/_loop.py"]);
    hold("Times come with the samples, or from the loop's own clock, which tests may move.", &breaches);
}
