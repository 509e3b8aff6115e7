//! What keys and the mouse do to the state.

use super::Top;
use super::events::{Event, Key};
use super::layout::Panel;
use super::state::Order;

/// Rows that the wheel turns by.
const WHEEL_ROWS: isize = 3;

/// What is left to do for whoever holds the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// To draw.
    Draw,
    /// To draw every cell, whatever the terminal is thought to show.
    DrawAll,
    /// To end.
    End,
}

impl Top {
    /// Does what the user wants.
    pub fn apply(&mut self, event: Event) -> Outcome {
        match event {
            Event::Key(Key::Control('c')) => return Outcome::End,
            Event::Key(Key::Control('l')) => return Outcome::DrawAll,
            Event::Key(key) if self.state.typing => self.type_filter(key),
            Event::Key(Key::Char('q')) => return Outcome::End,
            Event::Key(Key::Escape) if !self.step_back() => return Outcome::End,
            // Whatever is pressed next: nobody is to look for the way out.
            Event::Key(_) | Event::Click { .. } if self.state.help => self.state.help = false,
            Event::Key(key) => self.press(key),
            Event::Click { column, row } => self.click(column, row),
            Event::Wheel { up, column, row } => {
                if let Some(panel) = self.panel_at(column, row) {
                    self.scroll(panel, if up { -WHEEL_ROWS } else { WHEEL_ROWS });
                }
            }
        }
        Outcome::Draw
    }

    /// Esc takes back what was done last, a step at a time. False where there is nothing left.
    fn step_back(&mut self) -> bool {
        let state = &mut self.state;
        if state.help {
            state.help = false;
        } else if !state.filter.is_empty() {
            state.clear_filter();
        } else if state.zoomed {
            state.zoomed = false;
        } else if state.held.is_some() {
            state.held = None;
        } else {
            return false;
        }
        true
    }

    fn type_filter(&mut self, key: Key) {
        match key {
            Key::Char(character) => self.state.type_filter(Some(character)),
            Key::Backspace => self.state.type_filter(None),
            Key::Enter => self.state.typing = false,
            Key::Escape => {
                self.state.typing = false;
                self.state.clear_filter();
            }
            Key::Up => self.scroll(self.state.focus, -1),
            Key::Down => self.scroll(self.state.focus, 1),
            _ => {}
        }
    }

    fn press(&mut self, key: Key) {
        let focus = self.state.focus;
        match key {
            Key::Tab => self.state.move_focus(&self.panels(), true),
            Key::BackTab => self.state.move_focus(&self.panels(), false),
            Key::Enter | Key::Char('z') => self.state.zoomed = !self.state.zoomed,
            Key::Char('?' | 'h') | Key::F1 => self.state.help = true,
            Key::Char('/') => self.state.typing = true,
            Key::Char(' ' | 'p') => {
                self.state.held = if self.state.held.is_some() {
                    None
                } else {
                    self.record.newest().map(|newest| newest.timestamp)
                };
            }
            Key::Left | Key::Char('[') => self.move_in_time(true, 1.0),
            Key::Right | Key::Char(']') => self.move_in_time(false, 1.0),
            Key::Char('{') => self.move_in_time(true, 10.0),
            Key::Char('}') => self.move_in_time(false, 10.0),
            Key::Char('+' | '=') => self.state.change_span(true),
            Key::Char('-') => self.state.change_span(false),
            Key::Char('s' | '>') => self.state.change_order(true),
            Key::Char('<') => self.state.change_order(false),
            Key::Char('r') => self.state.reversed = !self.state.reversed,
            Key::Char('P') => self.state.order_by(Order::Processor),
            Key::Char('M') => self.state.order_by(Order::Memory),
            Key::Up | Key::Char('k') => self.up_or_down(-1),
            Key::Down | Key::Char('j') => self.up_or_down(1),
            Key::PageUp => self.scroll(focus, -self.page(focus)),
            Key::PageDown => self.scroll(focus, self.page(focus)),
            Key::Home | Key::Char('g') => self.scroll(focus, isize::MIN),
            Key::End | Key::Char('G') => self.scroll(focus, isize::MAX),
            Key::Char(digit @ '1'..='8') => {
                let panel = Panel::ALL[digit as usize - '1' as usize];
                if self.panels().contains(&panel) {
                    self.state.focus = panel;
                }
            }
            _ => {}
        }
    }

    /// Along the rows of the panel; where it has none, to the panel above or below.
    fn up_or_down(&mut self, rows: isize) {
        if self.rows(self.state.focus) > 0 {
            self.scroll(self.state.focus, rows);
        } else {
            self.state.move_focus(&self.panels(), rows > 0);
        }
    }

    fn move_in_time(&mut self, back: bool, steps: f64) {
        if let Some((oldest, newest)) = self.record.oldest().zip(self.record.newest()) {
            self.state.move_in_time(back, steps, (oldest.timestamp, newest.timestamp));
        }
    }

    /// Rows that are seen of it at once.
    fn page(&self, panel: Panel) -> isize {
        let lines =
            self.places().into_iter().find(|(other, _)| *other == panel).map_or(0, |(_, area)| area.height);
        // Less the title and the names of the columns; a row of the page before stays.
        isize::try_from(lines).unwrap_or(0).saturating_sub(3).max(1)
    }

    fn scroll(&mut self, panel: Panel, rows: isize) {
        let first = &self.state.first_rows[panel as usize];
        let last = self.rows(panel).saturating_sub(1);
        self.state.first_rows[panel as usize] = first.saturating_add_signed(rows).min(last);
    }

    fn click(&mut self, column: u16, row: u16) {
        if let Some(panel) = self.panel_at(column, row) {
            self.state.focus = panel;
        }
    }

    fn panel_at(&self, column: u16, row: u16) -> Option<Panel> {
        let places = self.places().into_iter();
        places.filter(|(_, area)| area.contains((column, row).into())).map(|(panel, _)| panel).next()
    }
}
