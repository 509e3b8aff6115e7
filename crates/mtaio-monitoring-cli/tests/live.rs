//! The live view, on a terminal that is a parser of escape sequences.

use std::io::{self, Write};
use std::num::NonZeroU16;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use expect_test::expect;
use mtaio_monitoring_cli::{Appearance, LiveOptions, LiveView, Output, View};

use crate::scene::{HOSTILE, busy};

/// A panic makes every live view of the process step aside, those of other tests too.
static PANICS: RwLock<()> = RwLock::new(());

/// Frames after which everything has been painted anew.
const FRAMES: usize = 9;

/// A terminal of 80 by 24, shared between the view that writes on it and the test that looks at it.
#[derive(Clone)]
struct Screen(Arc<Mutex<vt100::Parser>>);

impl Screen {
    fn new() -> Self {
        let screen = Self(Arc::new(Mutex::new(parser(80, 24))));
        screen.print("what was there before\n");
        screen
    }

    /// As a terminal that is not in raw mode prints: a line feed also starts a line.
    fn print(&self, text: &str) {
        self.0.lock().unwrap().process(text.replace('\n', "\r\n").as_bytes());
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().screen().contents()
    }

    /// Whether the alternate screen is shown, and whether the cursor is hidden.
    fn modes(&self) -> (bool, bool) {
        let parser = self.0.lock().unwrap();
        (parser.screen().alternate_screen(), parser.screen().hide_cursor())
    }

    fn output(&self) -> Output {
        Output::screen(self.clone(), || (80, 24))
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.print(std::str::from_utf8(bytes).map_err(io::Error::other)?);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An empty screen.
pub(crate) fn parser(columns: u16, rows: u16) -> vt100::Parser {
    vt100::Parser::new(cells(rows), cells(columns), 0)
}

/// Columns or rows, as the parser takes them.
pub(crate) fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

fn options() -> LiveOptions {
    let short = Duration::from_millis(1);
    LiveOptions { appearance: Appearance::plain(), frame_interval: short, line_interval: short }
}

/// A live view, and a word for each frame that it begins.
fn start(output: Output, mut look: impl FnMut() -> View + Send + 'static) -> (LiveView, Receiver<()>) {
    let (frame, frames) = mpsc::channel();
    let source = move || {
        let _ = frame.send(());
        look()
    };
    (LiveView::start(source, output, options()).unwrap(), frames)
}

fn wait_for(frames: &Receiver<()>, count: usize) {
    for _ in 0..count {
        frames.recv_timeout(Duration::from_secs(10)).expect("the live view draws");
    }
}

#[test]
fn shows_itself_and_gives_the_terminal_back() {
    let _no_panics = PANICS.read();
    let screen = Screen::new();
    let (mut live, frames) = start(screen.output(), busy);
    wait_for(&frames, 3);
    assert_eq!(screen.modes(), (true, true));
    assert!(screen.text().contains("FIRING  memory_usage"), "{}", screen.text());

    live.stop().unwrap();
    live.stop().unwrap();
    assert_eq!(screen.modes(), (false, false));
    let text = screen.text();
    let (before, summary) = text.split_once('\n').unwrap();
    assert_eq!(before, "what was there before");
    let (head, rest) = summary.split_once(':').unwrap();
    assert_eq!(head, "make run");
    let (_running, rest) = rest.split_once(',').unwrap();
    expect![[r#"
        72 samples, 3 missed
          cpu     mean 59.2 % max 95.0 %
          memory  mean 38.0 % max 40.9 %
          cache_hit_percent   100 recorded   mean 89.5 %   p50 89.5 %   p99 99.0 %   max 99.0 %
          queue_depth           7 recorded        mean 3    p50 2.986        p99 6        max 6
          request_duration   1000 recorded  mean 25.0 ms  p50 24.9 ms  p99 49.8 ms  max 50.0 ms
          upload_bytes          3 recorded  mean 977 KiB  p50 970 KiB  p99 1.9 MiB  max 1.9 MiB
          alerts  5 in all, firing now: memory_usage 40.9 % > 40.0 %
          1 handler error
          2 values dropped: not finite
          no data for free_slots"#]]
    .assert_eq(rest.trim_start());
}

#[test]
fn what_others_print_does_not_stay() {
    let _no_panics = PANICS.read();
    let screen = Screen::new();
    let (mut live, frames) = start(screen.output(), busy);
    wait_for(&frames, 2);
    // Frames that began before this may still come; those behind the next full one are beyond doubt.
    screen.print(&"\u{1b}[1;31ma line of a log\n".repeat(30));
    while frames.try_recv().is_ok() {}
    wait_for(&frames, FRAMES);
    let text = screen.text();
    assert!(!text.contains("log"), "{text}");
    assert!(text.starts_with(" make run"), "{text}");
    live.stop().unwrap();
}

#[test]
fn dropping_it_is_enough() {
    let _no_panics = PANICS.read();
    let screen = Screen::new();
    let (live, frames) = start(screen.output(), busy);
    wait_for(&frames, 2);
    drop(live);
    assert_eq!(screen.modes(), (false, false));
}

#[test]
fn a_panic_anywhere_gives_the_terminal_back() {
    let _alone = PANICS.write();
    let screen = Screen::new();
    let (mut live, frames) = start(screen.output(), busy);
    wait_for(&frames, 2);
    std::thread::spawn(|| panic!("a panic that this test wants")).join().unwrap_err();
    assert_eq!(screen.modes(), (false, false));
    live.stop().unwrap();
    assert_eq!(screen.modes(), (false, false));

    let mut calls = 0;
    let (mut live, _frames) = start(screen.output(), move || {
        calls += 1;
        assert!(calls < 3, "another panic that this test wants");
        busy()
    });
    assert!(live.stop_after_end().is_err());
    assert_eq!(screen.modes(), (false, false));
}

#[test]
fn lines_where_there_is_no_screen() {
    let _no_panics = PANICS.read();
    let (mut reader, writer) = io::pipe().unwrap();
    let (mut live, frames) = start(Output::lines(writer), || View { title: HOSTILE.to_owned(), ..busy() });
    wait_for(&frames, 3);
    live.stop().unwrap();
    drop(live);
    let mut text = String::new();
    io::Read::read_to_string(&mut reader, &mut text).unwrap();
    assert!(text.lines().next().unwrap().starts_with("00:00:59 cpu "), "{text}");
    assert!(text.contains("72 samples, 3 missed"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    let _no_panics = PANICS.read();
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let (mut live, _frames) = start(Output::lines(writer), busy);
    assert_eq!(live.stop_after_end().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn a_terminal_that_takes_nothing_does_not_hold_up_the_program() {
    let _no_panics = PANICS.read();
    let (frame, frames) = mpsc::channel();
    let (_keep, never) = mpsc::channel::<()>();
    let stuck = Stuck(frame, Mutex::new(never));
    let (mut live, _) = start(Output::screen(stuck, || (80, 24)), busy);
    wait_for(&frames, 1);
    assert_eq!(live.stop().unwrap_err().kind(), io::ErrorKind::TimedOut);
}

/// A writer that never returns.
struct Stuck(mpsc::Sender<()>, Mutex<Receiver<()>>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(());
        let _ = self.1.lock().unwrap().recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

trait StopAfterEnd {
    /// Waits until the view has ended by itself, and asks why.
    fn stop_after_end(&mut self) -> io::Result<()>;
}

impl StopAfterEnd for LiveView {
    fn stop_after_end(&mut self) -> io::Result<()> {
        while !self.has_ended() {
            std::thread::yield_now();
        }
        self.stop()
    }
}
