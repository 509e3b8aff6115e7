//! Where a live view goes.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Write};

/// Columns and rows of a terminal that does not say.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// Where a live view goes, and whether it is a screen there or lines.
pub struct Output {
    writer: Box<dyn Write + Send>,
    kind: Kind,
}

pub(crate) type Size = Box<dyn Fn() -> (u16, u16) + Send>;

pub(crate) enum Kind {
    Screen(Size),
    Lines,
}

impl Output {
    /// The process's standard output: a screen where that is a terminal, else lines.
    #[must_use]
    pub fn stdout() -> Self {
        #[cfg(unix)]
        {
            use std::os::fd::AsFd;
            // A descriptor of its own: `std::io::stdout()` has a buffer and a lock that the program may hold.
            match io::stdout().as_fd().try_clone_to_owned() {
                Ok(descriptor) => Self::file(File::from(descriptor)),
                Err(_) => Self::lines(io::stdout()),
            }
        }
        #[cfg(not(unix))]
        {
            // Only through this does text reach a Windows console as text.
            let stdout = io::stdout();
            if shows_screens(&stdout) {
                Self::screen(stdout, || ratatui::crossterm::terminal::size().unwrap_or(USUAL_SIZE))
            } else {
                Self::lines(stdout)
            }
        }
    }

    /// An open file: a screen where it is a terminal, else lines.
    #[must_use]
    pub fn file(file: File) -> Self {
        match file.try_clone() {
            Ok(terminal) if shows_screens(&file) => Self::screen(file, move || size_of(&terminal)),
            _ => Self::lines(file),
        }
    }

    /// A screen on anything that understands a terminal's language. `size` gives columns and rows, and is asked
    /// before each frame.
    pub fn screen(writer: impl Write + Send + 'static, size: impl Fn() -> (u16, u16) + Send + 'static) -> Self {
        Self { writer: Box::new(writer), kind: Kind::Screen(Box::new(size)) }
    }

    /// Lines, on anything.
    pub fn lines(writer: impl Write + Send + 'static) -> Self {
        Self { writer: Box::new(writer), kind: Kind::Lines }
    }

    /// Whether it is a screen.
    #[must_use]
    pub fn is_screen(&self) -> bool {
        matches!(self.kind, Kind::Screen(_))
    }

    pub(crate) fn into_parts(self) -> (Box<dyn Write + Send>, Kind) {
        (self.writer, self.kind)
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Output").field("is_screen", &self.is_screen()).finish_non_exhaustive()
    }
}

/// A `dumb` terminal is one that can only print, as inside an editor.
fn shows_screens(output: &impl IsTerminal) -> bool {
    output.is_terminal() && std::env::var_os("TERM").is_none_or(|name| name != "dumb")
}

#[cfg(unix)]
fn size_of(terminal: &File) -> (u16, u16) {
    match rustix::termios::tcgetwinsize(terminal) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        _ => USUAL_SIZE,
    }
}

#[cfg(not(unix))]
fn size_of(_terminal: &File) -> (u16, u16) {
    ratatui::crossterm::terminal::size().unwrap_or(USUAL_SIZE)
}
