//! Frames: what a widget draws, as the bytes that change the screen into it.
//!
//! ratatui's own `Terminal` is left aside: it asks the terminal where the cursor is, and so reads what the user
//! types, which is the embedding program's.

use std::io;
use std::sync::Arc;

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::{Buffer, Cell};
use ratatui::crossterm::queue;
use ratatui::crossterm::style::{Attribute, SetAttribute};
use ratatui::crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::output::Size;
use super::session::Session;

/// Every so many frames everything is painted, changed or not: something else may have written on the screen.
pub(crate) const REPAINT_FRAMES: u64 = 4;

/// No terminal is larger, whatever it says: a frame takes memory by its size.
const LARGEST: (u16, u16) = (1000, 500);

pub(crate) struct Painter {
    session: Arc<Session>,
    size: Size,
    /// What the screen shows, unless something else has written on it.
    shown: Buffer,
    frames: u64,
    repaint_frames: u64,
}

impl Painter {
    /// A painter that paints everything every `repaint_frames`.
    pub(crate) fn new(session: Arc<Session>, size: Size, repaint_frames: u64) -> Self {
        Self { session, size, shown: Buffer::default(), frames: 0, repaint_frames }
    }

    /// Columns and rows, as the terminal has them now.
    pub(crate) fn size(&self) -> (u16, u16) {
        let (width, height) = (self.size)();
        (width.min(LARGEST.0), height.min(LARGEST.1))
    }

    /// The next frame is painted whole.
    pub(crate) fn forget(&mut self) {
        self.frames = 0;
    }

    /// Paints one frame of the terminal's size, in one write.
    pub(crate) fn paint(&mut self, widget: impl Widget) -> io::Result<()> {
        let size = self.size();
        self.paint_sized(size, widget)
    }

    /// Paints one frame of this size.
    pub(crate) fn paint_sized(&mut self, (width, height): (u16, u16), widget: impl Widget) -> io::Result<()> {
        let Some(fresh) = self.session.enter()? else {
            return Ok(());
        };
        let area = Rect::new(0, 0, width, height);
        let mut next = Buffer::empty(area);
        widget.render(area, &mut next);

        let mut bytes = Vec::new();
        queue!(bytes, BeginSynchronizedUpdate, SetAttribute(Attribute::Reset))?;
        if fresh || self.shown.area != area {
            queue!(bytes, Clear(ClearType::All))?;
            self.shown = Buffer::empty(area);
        } else if self.frames.is_multiple_of(self.repaint_frames) {
            self.shown = unlike_any(area);
        }
        let mut changes = self.shown.diff_iter(&next).peekable();
        let is_same = !fresh && changes.peek().is_none();
        CrosstermBackend::new(&mut bytes).draw(changes)?;
        queue!(bytes, EndSynchronizedUpdate)?;
        self.shown = next;
        self.frames += 1;
        if is_same {
            return Ok(());
        }
        match self.session.paint(&bytes) {
            // A terminal that does not wait and takes no more now: the next frame is whole, and makes it good.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.forget();
                Ok(())
            }
            written => written,
        }
    }
}

impl Drop for Painter {
    fn drop(&mut self) {
        // For the case that a widget or the source panics. Otherwise it has been left, or cannot be.
        let _ = self.session.leave();
    }
}

/// A buffer of which each cell differs from whatever a widget draws, so that every cell is a change.
fn unlike_any(area: Rect) -> Buffer {
    Buffer::filled(area, Cell::new("\u{fffd}"))
}
