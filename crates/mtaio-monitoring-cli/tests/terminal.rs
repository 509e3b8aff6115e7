//! The command in a real terminal: a pseudo terminal whose other end is a parser of escape sequences.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Action, Winsize, tcflow, tcgetattr, tcsetwinsize};

use crate::live::{cells, parser};

pub(crate) struct Terminal {
    master: File,
    /// Kept open: with no end on this side the other one reads an error before it has read everything.
    slave: File,
    pub(crate) parser: vt100::Parser,
    /// All that has been written so far.
    written: Vec<u8>,
}

impl Terminal {
    pub(crate) fn new(columns: u16, rows: u16) -> Self {
        // Not for the children: a terminal has vanished when nobody holds this end any more.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let written = Vec::new();
        let mut terminal = Self { master: master.into(), slave, parser: parser(columns, rows), written };
        terminal.resize(columns, rows);
        terminal
    }

    fn resize(&mut self, ws_col: u16, ws_row: u16) {
        self.parser.screen_mut().set_size(cells(ws_row), cells(ws_col));
        tcsetwinsize(&self.slave, Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    }

    /// How keys are taken and lines are printed.
    pub(crate) fn settings(&self) -> String {
        format!("{:?}", tcgetattr(&self.slave).unwrap())
    }

    pub(crate) fn keys(&mut self, keys: &[u8]) {
        self.master.write_all(keys).unwrap();
    }

    fn spawn(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Child {
        let arguments: Vec<&str> = [env!("CARGO_BIN_EXE_mtaio")].iter().chain(arguments).copied().collect();
        self.spawn_program(&arguments, variables)
    }

    pub(crate) fn spawn_program(&self, words: &[&str], variables: &[(&str, &str)]) -> Child {
        let end = || Stdio::from(OwnedFd::from(self.slave.try_clone().unwrap()));
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .env_remove("NO_COLOR")
            .env("TERM", "xterm-256color")
            .envs(variables.iter().copied());
        command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap()
    }

    /// Reads what the program writes until the screen is as it should be.
    pub(crate) fn wait_until(&mut self, is_right: impl Fn(&vt100::Screen) -> bool) {
        let mut bytes = [0; 4096];
        while !is_right(self.parser.screen()) {
            let count = self.master.read(&mut bytes).unwrap();
            self.parser.process(&bytes[..count]);
            self.written.extend_from_slice(&bytes[..count]);
        }
    }

    pub(crate) fn written(&self) -> String {
        String::from_utf8_lossy(&self.written).into_owned()
    }

    /// That the terminal is as it was, but for the summary.
    pub(crate) fn check_restored(&self, settings: &str) {
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        assert_eq!(self.settings(), settings);
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

/// Whether `top` is there and has measured something.
pub(crate) fn is_live(screen: &vt100::Screen) -> bool {
    let text = screen.contents();
    screen.alternate_screen() && text.contains("? help") && text.contains(" live") && text.contains("processes")
}

#[test]
fn what_takes_long_shows_how_far_it_is() {
    let mut terminal = Terminal::new(100, 30);
    let child = terminal.spawn(&["report", "--seconds", "2", "-i", "0.2", "--output", "/dev/null"], &[]);
    terminal.wait_until(|screen| screen.contents().contains("[###############...............] 1 of 2 s"));
    // The line is gone at the end.
    terminal.wait_until(|screen| screen.contents().trim().is_empty());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
}

#[test]
fn top_of_what_is_far_away_waits_for_it_and_restores_the_terminal() {
    let serving = crate::serve::Serving::start(&["-i", "0.1"], None);
    let port = serving.port().to_string();
    let mut terminal = Terminal::new(100, 30);
    let settings = terminal.settings();
    let child = terminal.spawn(&["top", &serving.page], &[]);
    terminal.wait_until(|screen| is_live(screen) && screen.contents().contains("not told"));
    drop(serving);
    terminal.wait_until(|screen| {
        screen.contents().contains("trying again: http://127.0.0.1:") && screen.contents().contains("cut off")
    });
    let _again = crate::serve::Serving::start(&["-i", "0.1", "--port", &port], None);
    terminal.wait_until(|screen| is_live(screen) && !screen.contents().contains("trying again"));
    let status = terminal.end(child, Signal::INT);
    assert_eq!(status.code(), Some(0));
    terminal.check_restored(&settings);
}

#[test]
fn top_fills_the_terminal_follows_its_size_and_restores_it() {
    let mut terminal = Terminal::new(80, 24);
    let settings = terminal.settings();
    let child = terminal.spawn(&["top", "-i", "0.1"], &[]);
    let at_the_foot = |row: u16| {
        move |screen: &vt100::Screen| {
            let foot = screen.rows(0, 80).nth(usize::from(row));
            is_live(screen) && foot.is_some_and(|line| line.contains("? help"))
        }
    };
    terminal.wait_until(at_the_foot(23));
    assert!(has_colours(terminal.parser.screen()));
    assert!(terminal.parser.screen().hide_cursor());
    assert_ne!(terminal.parser.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    assert_ne!(terminal.settings(), settings);

    terminal.resize(120, 40);
    kill_process(Pid::from_child(&child), Signal::WINCH).unwrap();
    terminal.wait_until(at_the_foot(39));
    terminal.resize(80, 10);
    terminal.wait_until(|screen| screen.contents().contains("here are 80 and 10"));
    terminal.resize(80, 24);
    terminal.wait_until(at_the_foot(23));

    let status = terminal.end(child, Signal::INT);
    assert_eq!(status.code(), Some(0));
    terminal.check_restored(&settings);
    assert!(terminal.parser.screen().contents().starts_with("mtaio top: "));
}

#[test]
fn keys_and_clicks_are_answered_and_q_ends_it() {
    let mut terminal = Terminal::new(80, 24);
    let settings = terminal.settings();
    let mut child = terminal.spawn(&["top", "-i", "0.1", "--threshold", "memory_usage=0"], &[]);
    terminal.wait_until(is_live);
    let shows = |text: &'static str| move |screen: &vt100::Screen| screen.contents().contains(text);
    terminal.keys(b"?");
    terminal.wait_until(shows("one step back"));
    // Esc by itself, and nothing of it is left for what comes next.
    terminal.keys(b"\x1b");
    terminal.wait_until(|screen| !screen.contents().contains("one step back"));
    terminal.keys(b"/mtai");
    terminal.wait_until(shows("filter: mtai_"));
    terminal.keys(b"\r\x1b");
    terminal.wait_until(shows("/ filters"));
    // A click on the second panel, and it alone.
    terminal.keys(b"\x1b[<0;60;3M\x1b[<0;60;3mz");
    terminal.wait_until(|screen| shows("▸2 memory")(screen) && !shows("disks")(screen));
    terminal.keys(b"z\x1b[D");
    terminal.wait_until(|screen| shows(" held")(screen) && shows("disks")(screen));
    terminal.keys(b"p");
    terminal.wait_until(is_live);
    terminal.keys(b"q");
    terminal.wait_until(|screen| !screen.alternate_screen() && screen.contents().contains(" missed"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    terminal.check_restored(&settings);
}

#[test]
fn every_signal_that_ends_it_restores_the_terminal() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::QUIT, 131)] {
        let mut terminal = Terminal::new(80, 24);
        let settings = terminal.settings();
        let child = terminal.spawn(&["top", "-i", "0.1"], &[]);
        terminal.wait_until(is_live);
        assert_eq!(terminal.end(child, signal).code(), Some(code));
        terminal.check_restored(&settings);
    }
}

/// What a `m` sequence of these bytes sets that is a colour.
fn colour_codes(written: &str) -> Vec<String> {
    let sequences = written.split("\u{1b}[").skip(1).filter_map(|sequence| sequence.split_once('m'));
    let codes = sequences
        .map(|(codes, _)| codes)
        .filter(|codes| codes.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'));
    let codes = codes.flat_map(|codes| codes.split(';').map(str::to_owned));
    let is_colour = |code: &String| matches!(code.parse(), Ok(30..=38 | 40..=48 | 90..=107));
    codes.filter(is_colour).collect()
}

#[test]
fn no_colour_where_none_is_wanted() {
    for (arguments, variables, is_wanted) in [
        (&["top", "-i", "0.1"][..], &[][..], true),
        (&["top", "-i", "0.1"], &[("NO_COLOR", "1")], false),
        (&["top", "-i", "0.1", "--no-color", "--ascii", "--no-mouse"], &[], false),
    ] {
        let mut terminal = Terminal::new(80, 24);
        let child = terminal.spawn(arguments, variables);
        terminal
            .wait_until(|screen| screen.contents().contains(" live") && screen.contents().contains("processes"));
        assert_eq!(has_colours(terminal.parser.screen()), is_wanted);
        let is_ascii = terminal.parser.screen().contents().is_ascii();
        let mouse = terminal.parser.screen().mouse_protocol_mode();
        assert_eq!(terminal.end(child, Signal::INT).code(), Some(0));
        assert_eq!(
            !colour_codes(&terminal.written()).is_empty(),
            is_wanted,
            "{:?}",
            colour_codes(&terminal.written())
        );
        let without = arguments.contains(&"--ascii");
        assert_eq!((is_ascii, mouse == vt100::MouseProtocolMode::None), (without, without));
    }
}

#[test]
fn a_process_that_was_stopped_takes_the_terminal_again() {
    let mut terminal = Terminal::new(80, 24);
    let settings = terminal.settings();
    let child = terminal.spawn(&["top", "-i", "0.1"], &[]);
    terminal.wait_until(is_live);
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::STOP).unwrap();
    // Somebody else has the terminal meanwhile, and leaves nothing of it as it was.
    terminal.parser = parser(80, 24);
    kill_process(pid, Signal::CONT).unwrap();
    terminal.wait_until(|screen| is_live(screen) && screen.hide_cursor());
    assert_ne!(terminal.settings(), settings);
    assert_eq!(terminal.end(child, Signal::TERM).code(), Some(143));
    terminal.check_restored(&settings);
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
    let settings = terminal.settings();
    let mut child = terminal.spawn(&["top", "-i", "0.1"], &[]);
    terminal.wait_until(is_live);
    // As Ctrl-S does.
    tcflow(&terminal.slave, Action::OOff).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    // Nothing can be said to this terminal, but its keys are as they were.
    assert_eq!(terminal.settings(), settings);
}

#[test]
fn a_terminal_that_vanishes_ends_it() {
    let mut terminal = Terminal::new(80, 24);
    let mut child = terminal.spawn(&["top", "-i", "0.1"], &[]);
    terminal.wait_until(is_live);
    drop(terminal);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
