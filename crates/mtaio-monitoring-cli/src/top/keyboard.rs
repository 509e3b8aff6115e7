//! The keyboard and the mouse of the terminal that the screen is on.
//!
//! Not the whole of raw mode: keys come one by one and unseen, and that is all. Ctrl-C, Ctrl-Z and Ctrl-\ stay signals,
//! which reach the command (and whatever stands beside it in a pipe) even if the screen hangs.

use std::io;
use std::time::Duration;

use super::events::Event;

#[cfg(not(unix))]
pub(super) use console::Keyboard;
#[cfg(unix)]
pub(super) use terminal::Keyboard;

/// How long a sequence may take to come: what began it was the key Esc otherwise.
const SEQUENCE: Duration = Duration::from_millis(50);

/// What came while one waited.
pub(super) type Came = io::Result<Vec<Event>>;

#[cfg(unix)]
mod terminal {
    use std::fs::File;
    use std::io::{self, PipeReader, PipeWriter, Read, Write};
    use std::os::fd::AsFd;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;
    use rustix::termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty};
    use rustix::termios::{tcgetattr, tcsetattr};

    use super::{Came, Event, SEQUENCE};
    use crate::live::Grip;
    use crate::top::Parser;

    /// Clicks and the wheel, in numbers of any size; nothing of where the mouse is moved.
    const MOUSE: &[u8] = b"\x1b[?1000h\x1b[?1006h";
    const NO_MOUSE: &[u8] = b"\x1b[?1006l\x1b[?1000l";

    /// A keyboard, and the way to be woken while one waits for it.
    pub(in crate::top) struct Keyboard {
        /// `None` where there is nothing to read keys from.
        terminal: Option<(File, Termios)>,
        mouse: bool,
        is_taken: AtomicBool,
        reading: Mutex<(PipeReader, Parser)>,
        wake: PipeWriter,
    }

    impl Keyboard {
        /// That of the standard input; where this is no terminal, that of the terminal which the process belongs to.
        pub(in crate::top) fn open(mouse: bool) -> io::Result<Self> {
            let stdin = io::stdin();
            let terminal = if isatty(&stdin) {
                stdin.as_fd().try_clone_to_owned().ok().map(File::from)
            } else {
                File::open("/dev/tty").ok()
            };
            let terminal = terminal.and_then(|terminal| {
                let before = tcgetattr(&terminal).ok()?;
                Some((terminal, before))
            });
            let (reader, wake) = io::pipe()?;
            let reading = Mutex::new((reader, Parser::default()));
            Ok(Self { terminal, mouse, is_taken: AtomicBool::new(false), reading, wake })
        }

        /// Ends a wait.
        pub(in crate::top) fn wake(&self) {
            // A pipe that is full wakes as well; but for 64 KiB of that nobody rings so often.
            let _ = (&self.wake).write(&[0]);
        }

        /// What the user does, as soon as it is done, or after `time`.
        pub(in crate::top) fn wait(&self, time: Duration) -> Came {
            let mut reading = self.reading.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let (woken, parser) = &mut *reading;
            // What has begun must go on soon.
            let wait = if parser.is_waiting() { SEQUENCE.min(time) } else { time };
            let [is_woken, is_typed] = ready(woken, self.terminal.as_ref().map(|(terminal, _)| terminal), wait)?;
            if is_woken {
                let _ = woken.read(&mut [0; 64])?;
            }
            if !is_typed {
                return Ok(parser.give_up().into_iter().filter(|_| !is_woken).collect());
            }
            let mut bytes = [0; 1024];
            let count = match self.terminal.as_ref().map(|(terminal, _)| (&*terminal).read(&mut bytes)) {
                Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => return Ok(Vec::new()),
                Some(read) => read?,
                None => return Ok(Vec::new()),
            };
            if count == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal has gone"));
            }
            Ok::<Vec<Event>, _>(parser.take_in(&bytes[..count]))
        }
    }

    /// Which of them can be read within `time`. A terminal that has gone can: it gives nothing, or an error.
    fn ready(woken: &PipeReader, terminal: Option<&File>, time: Duration) -> io::Result<[bool; 2]> {
        let mut sources = vec![PollFd::new(woken, PollFlags::IN)];
        sources.extend(terminal.map(|terminal| PollFd::new(terminal, PollFlags::IN)));
        let time = Timespec::try_from(time).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        match poll(&mut sources, Some(&time)) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok([false; 2]),
            Err(error) => return Err(error.into()),
        }
        let is_ready = |at: usize| sources.get(at).is_some_and(|source| !source.revents().is_empty());
        Ok([is_ready(0), is_ready(1)])
    }

    impl Grip for Keyboard {
        fn take(&self, bytes: &mut Vec<u8>) -> io::Result<()> {
            let Some((terminal, before)) = &self.terminal else { return Ok(()) };
            let mut ours = before.clone();
            ours.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN;
            ours.input_modes -= InputModes::ICRNL | InputModes::INLCR | InputModes::IGNCR;
            ours.special_codes[SpecialCodeIndex::VMIN] = 1;
            ours.special_codes[SpecialCodeIndex::VTIME] = 0;
            // First, so that a change that is made half-way is taken back.
            self.is_taken.store(true, Ordering::Relaxed);
            retried(|| tcsetattr(terminal, OptionalActions::Now, &ours))?;
            if self.mouse {
                bytes.extend_from_slice(MOUSE);
            }
            Ok(())
        }

        fn release(&self, bytes: &mut Vec<u8>) {
            let Some((terminal, before)) = &self.terminal else { return };
            if self.mouse {
                bytes.extend_from_slice(NO_MOUSE);
            }
            if self.is_taken.swap(false, Ordering::Relaxed) {
                // A terminal that has gone needs nothing.
                let _ = retried(|| tcsetattr(terminal, OptionalActions::Now, before));
            }
        }
    }

    fn retried(change: impl Fn() -> rustix::io::Result<()>) -> io::Result<()> {
        loop {
            match change() {
                Err(Errno::INTR) => {}
                done => return Ok(done?),
            }
        }
    }
}

#[cfg(not(unix))]
mod console {
    use std::io;
    use std::time::Duration;

    use ratatui::crossterm::event::{self, DisableMouseCapture, EnableMouseCapture, KeyCode, KeyEventKind};
    use ratatui::crossterm::event::{KeyModifiers, MouseButton, MouseEventKind};
    use ratatui::crossterm::execute;
    use ratatui::crossterm::terminal::{disable_raw_mode, enable_raw_mode};

    use super::{Came, Event, SEQUENCE};
    use crate::live::Grip;
    use crate::top::Key;

    /// The console of the process.
    pub(in crate::top) struct Keyboard {
        mouse: bool,
    }

    impl Keyboard {
        pub(in crate::top) fn open(mouse: bool) -> io::Result<Self> {
            Ok(Self { mouse })
        }

        /// A wait is short here.
        pub(in crate::top) fn wake(&self) {}

        pub(in crate::top) fn wait(&self, time: Duration) -> Came {
            if !event::poll(time.min(2 * SEQUENCE))? {
                return Ok(Vec::new());
            }
            Ok(translated(&event::read()?).into_iter().collect())
        }
    }

    impl Grip for Keyboard {
        fn take(&self, _bytes: &mut Vec<u8>) -> io::Result<()> {
            enable_raw_mode()?;
            if self.mouse { execute!(io::stdout(), EnableMouseCapture) } else { Ok(()) }
        }

        fn release(&self, _bytes: &mut Vec<u8>) {
            if self.mouse {
                let _ = execute!(io::stdout(), DisableMouseCapture);
            }
            let _ = disable_raw_mode();
        }
    }

    fn translated(event: &event::Event) -> Option<Event> {
        match event {
            event::Event::Key(pressed) if pressed.kind != KeyEventKind::Release => {
                let key = match pressed.code {
                    KeyCode::Char(letter) if pressed.modifiers.contains(KeyModifiers::CONTROL) => {
                        Key::Control(letter.to_ascii_lowercase())
                    }
                    KeyCode::Char(character) => Key::Char(character),
                    KeyCode::Enter => Key::Enter,
                    KeyCode::Esc => Key::Escape,
                    KeyCode::Tab => Key::Tab,
                    KeyCode::BackTab => Key::BackTab,
                    KeyCode::Backspace => Key::Backspace,
                    KeyCode::Up => Key::Up,
                    KeyCode::Down => Key::Down,
                    KeyCode::Left => Key::Left,
                    KeyCode::Right => Key::Right,
                    KeyCode::Home => Key::Home,
                    KeyCode::End => Key::End,
                    KeyCode::PageUp => Key::PageUp,
                    KeyCode::PageDown => Key::PageDown,
                    KeyCode::F(1) => Key::F1,
                    _ => return None,
                };
                Some(Event::Key(key))
            }
            event::Event::Mouse(mouse) => {
                let (column, row) = (mouse.column, mouse.row);
                match mouse.kind {
                    MouseEventKind::Down(MouseButton::Left) => Some(Event::Click { column, row }),
                    MouseEventKind::ScrollUp => Some(Event::Wheel { up: true, column, row }),
                    MouseEventKind::ScrollDown => Some(Event::Wheel { up: false, column, row }),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}
