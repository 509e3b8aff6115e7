//! The command in a real terminal: a pseudo terminal whose other end is a parser of escape sequences.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Action, Winsize, tcflow, tcgetattr, tcsetwinsize};

use crate::live::{cells, parser};

struct Terminal {
    master: File,
    /// Kept open: with no end on this side the other one reads an error before it has read everything.
    slave: File,
    parser: vt100::Parser,
}

impl Terminal {
    fn new(columns: u16, rows: u16) -> Self {
        // Not for the children: a terminal has vanished when nobody holds this end any more.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let terminal = Self { master: master.into(), slave, parser: parser(columns, rows) };
        terminal.resize(columns, rows);
        terminal
    }

    fn resize(&self, ws_col: u16, ws_row: u16) {
        tcsetwinsize(&self.slave, Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    }

    fn spawn(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Child {
        let end = || Stdio::from(OwnedFd::from(self.slave.try_clone().unwrap()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_mtaio"));
        command
            .args(arguments)
            .env_remove("NO_COLOR")
            .env("TERM", "xterm-256color")
            .envs(variables.iter().copied());
        command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap()
    }

    /// Reads what the program writes until the screen is as it should be.
    fn wait_until(&mut self, is_right: impl Fn(&vt100::Screen) -> bool) {
        let mut bytes = [0; 4096];
        while !is_right(self.parser.screen()) {
            let count = self.master.read(&mut bytes).unwrap();
            self.parser.process(&bytes[..count]);
        }
    }

    fn end(&mut self, mut child: Child, signal: Signal) -> ExitStatus {
        kill_process(Pid::from_child(&child), signal).unwrap();
        self.wait_until(|screen| !screen.alternate_screen() && screen.contents().contains(" missed"));
        child.wait().unwrap()
    }
}

fn has_colours(screen: &vt100::Screen) -> bool {
    let (rows, columns) = (screen.size().0.get(), screen.size().1.get());
    let cells = (0..rows).flat_map(|row| (0..columns).filter_map(move |column| screen.cell(row, column)));
    cells.into_iter().any(|cell| cell.fgcolor() != vt100::Color::Default)
}

#[test]
fn top_fills_the_terminal_follows_its_size_and_restores_it() {
    let mut terminal = Terminal::new(80, 24);
    let settings = format!("{:?}", tcgetattr(&terminal.slave).unwrap());
    let child = terminal.spawn(&["top", "-i", "0.1"], &[]);
    let at_the_foot = |row: u16| {
        move |screen: &vt100::Screen| {
            screen.rows(0, 80).nth(usize::from(row)).is_some_and(|line| line.contains("Ctrl-C ends"))
                && screen.contents().contains(" % ▕")
        }
    };
    terminal.wait_until(at_the_foot(23));
    assert!(terminal.parser.screen().alternate_screen());
    assert!(has_colours(terminal.parser.screen()));
    // No raw mode: Ctrl-C stays a signal, and a line feed of the program's log starts a line.
    assert_eq!(format!("{:?}", tcgetattr(&terminal.slave).unwrap()), settings);

    terminal.resize(100, 40);
    terminal.parser.screen_mut().set_size(cells(40), cells(100));
    terminal.wait_until(at_the_foot(39));

    let status = terminal.end(child, Signal::INT);
    assert_eq!(status.code(), Some(0));
    let screen = terminal.parser.screen();
    assert!(!screen.alternate_screen() && !screen.hide_cursor());
    assert!(screen.contents().starts_with("mtaio top: "), "{}", screen.contents());
}

#[test]
fn every_signal_that_ends_it_restores_the_terminal() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::QUIT, 131)] {
        let mut terminal = Terminal::new(80, 24);
        let child = terminal.spawn(&["top", "-i", "0.1"], &[("NO_COLOR", "1")]);
        terminal.wait_until(|screen| screen.contents().contains("Ctrl-C ends"));
        assert!(!has_colours(terminal.parser.screen()));
        assert_eq!(terminal.end(child, signal).code(), Some(code));
        assert!(!terminal.parser.screen().alternate_screen());
    }
}

#[test]
fn a_dumb_terminal_gets_lines() {
    let mut terminal = Terminal::new(200, 24);
    let child = terminal.spawn(&["top", "-i", "0.1"], &[("TERM", "dumb")]);
    terminal.wait_until(|screen| screen.contents().contains(" load "));
    assert!(!terminal.parser.screen().alternate_screen());
    assert_eq!(terminal.end(child, Signal::INT).code(), Some(0));
}

#[test]
fn a_terminal_that_takes_nothing_does_not_keep_it() {
    let mut terminal = Terminal::new(80, 24);
    let mut child = terminal.spawn(&["top", "-i", "0.1"], &[]);
    terminal.wait_until(|screen| screen.contents().contains("Ctrl-C ends"));
    // As Ctrl-S does.
    tcflow(&terminal.slave, Action::OOff).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_terminal_that_vanishes_ends_it() {
    let mut terminal = Terminal::new(80, 24);
    let mut child = terminal.spawn(&["top", "-i", "0.1"], &[]);
    terminal.wait_until(|screen| screen.contents().contains("Ctrl-C ends"));
    drop(terminal);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
