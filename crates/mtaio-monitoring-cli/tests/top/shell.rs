//! `mtaio top` as a job of a shell, on a terminal that both belong to.

use std::process::Child;

use crate::terminal::{Terminal, is_live};

/// What a shell makes of a program: it leads the session, as a login does, and the terminal is its own.
fn begin(terminal: &Terminal, words: &[&str]) -> Child {
    let words: Vec<&str> = ["setsid", "--ctty"].iter().chain(words).copied().collect();
    terminal.spawn_program(&words, &[("PS1", "ready> "), ("MTAIO", env!("CARGO_BIN_EXE_mtaio")), ("ENV", "")])
}

fn has_ended(screen: &vt100::Screen) -> bool {
    !screen.alternate_screen() && screen.contents().contains(" missed")
}

#[test]
fn ctrl_z_goes_to_the_shell_and_fg_comes_back() {
    let mut terminal = Terminal::new(80, 24);
    let mut shell = begin(&terminal, &["sh", "-i"]);
    terminal.wait_until(|screen| screen.contents().contains("ready> "));
    let settings = terminal.settings();
    terminal.keys(b"$MTAIO top -i 0.1\n");
    terminal.wait_until(is_live);
    assert_ne!(terminal.settings(), settings);

    // Twice, since what was put back once must be taken once more.
    for _ in 0..2 {
        terminal.keys(b"\x1a");
        terminal.wait_until(|screen| !screen.alternate_screen() && screen.contents().contains("Stopped"));
        terminal.check_restored(&settings);
        terminal.keys(b"clear; fg\n");
        terminal.wait_until(is_live);
        assert!(terminal.parser.screen().hide_cursor());
    }
    terminal.keys(b"q");
    terminal.wait_until(|screen| has_ended(screen) && screen.contents().trim_end().ends_with("ready>"));
    terminal.check_restored(&settings);
    // Ctrl-C reaches it as a signal, and the shell goes on.
    terminal.keys(b"clear; $MTAIO top -i 0.1; echo code $?\n");
    terminal.wait_until(is_live);
    terminal.keys(b"\x03");
    terminal.wait_until(|screen| has_ended(screen) && screen.contents().contains("code 0"));
    terminal.keys(b"exit\n");
    assert!(shell.wait().unwrap().success());
}

#[test]
fn ctrl_z_does_nothing_where_nobody_could_have_it_go_on() {
    let mut terminal = Terminal::new(80, 24);
    let settings = terminal.settings();
    let mut child = begin(&terminal, &[env!("CARGO_BIN_EXE_mtaio"), "top", "-i", "0.1"]);
    terminal.wait_until(is_live);
    terminal.keys(b"\x1a");
    terminal.keys(b"?");
    terminal.wait_until(|screen| screen.contents().contains("one step back"));
    assert!(!terminal.written().contains("\u{1b}[?1049l"), "it has left the screen meanwhile");
    terminal.keys(b"q");
    terminal.wait_until(has_ended);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    terminal.check_restored(&settings);
}
