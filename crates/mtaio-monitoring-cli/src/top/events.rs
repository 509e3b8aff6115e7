//! What a user does, and how a terminal tells it: bytes in, events out.
//!
//! crossterm would read it as well. But its reader goes on for ever where the terminal has gone (each read gives nothing
//! or an error, and both are tried again), and waits inside a sequence that never ends, which no time-out cuts short. The
//! keys of this screen are few, so the bytes are taken apart here, and crossterm reads where there are none: on Windows.

/// Bytes of a sequence at most: what is longer is no key.
const LONGEST: usize = 32;

/// Something that the user did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A key was pressed.
    Key(Key),
    /// The mouse was clicked.
    Click {
        /// From the left, from 0.
        column: u16,
        /// From the top, from 0.
        row: u16,
    },
    /// The wheel was turned.
    Wheel {
        /// Away from the user.
        up: bool,
        /// From the left, from 0.
        column: u16,
        /// From the top, from 0.
        row: u16,
    },
}

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as they are on the keyboard")]
pub enum Key {
    /// What it writes.
    Char(char),
    /// With Ctrl held down: the letter, small.
    Control(char),
    Enter,
    Escape,
    Tab,
    /// With Shift held down.
    BackTab,
    Backspace,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    F1,
}

/// Takes bytes apart. What is no key of this screen, and what no terminal would send, is passed over.
#[derive(Debug, Default)]
pub struct Parser {
    /// The beginning of a sequence.
    begun: Vec<u8>,
}

impl Parser {
    /// What these bytes tell, after those before.
    pub fn take_in(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for byte in bytes {
            self.begun.push(*byte);
            match parse(&self.begun) {
                Parsed::Unfinished if self.begun.len() < LONGEST => {}
                Parsed::Unfinished | Parsed::Nothing => self.begun.clear(),
                Parsed::Event(event) => {
                    self.begun.clear();
                    events.push(event);
                }
                Parsed::Again => {
                    // A byte that cannot go on what has begun is the first of something else.
                    self.begun.clear();
                    events.extend(self.take_in(&[*byte]));
                }
            }
        }
        events
    }

    /// Whether a sequence has begun.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.begun.is_empty()
    }

    /// Nothing has come for a while, so that what has begun is whole: Esc is what every sequence begins with.
    pub fn give_up(&mut self) -> Option<Event> {
        let is_escape = self.begun == [0x1b];
        self.begun.clear();
        is_escape.then_some(Event::Key(Key::Escape))
    }
}

enum Parsed {
    Unfinished,
    Nothing,
    Again,
    Event(Event),
}

fn parse(bytes: &[u8]) -> Parsed {
    let key = |key| Parsed::Event(Event::Key(key));
    match bytes {
        [0x1b] | [0x1b, b'[' | b'O'] => Parsed::Unfinished,
        [0x1b, b'[', rest @ ..] => sequence(rest),
        [0x1b, b'O', b'P'] => key(Key::F1),
        [0x1b, b'O', last] => cursor(*last).map_or(Parsed::Nothing, key),
        [0x1b, 0x1b] => key(Key::Escape),
        [b'\r' | b'\n'] => key(Key::Enter),
        [b'\t'] => key(Key::Tab),
        [0x7f | 0x08] => key(Key::Backspace),
        [byte @ 0x01..=0x1a] => key(Key::Control(char::from(b'a' + byte - 1))),
        // With Alt held down; with Ctrl.
        [0x1b, ..] | [0x00..=0x1f] => Parsed::Nothing,
        text => match std::str::from_utf8(text) {
            Ok(text) => text.chars().next().map_or(Parsed::Nothing, |character| key(Key::Char(character))),
            Err(error) if error.error_len().is_none() => Parsed::Unfinished,
            Err(_) if text.len() > 1 => Parsed::Again,
            Err(_) => Parsed::Nothing,
        },
    }
}

/// What stands behind ESC and the bracket.
fn sequence(rest: &[u8]) -> Parsed {
    let [parameters @ .., last] = rest else { return Parsed::Unfinished };
    match (parameters, last) {
        // The mouse as it was told before: three bytes that may be anything.
        ([b'M', _, _], _) => Parsed::Nothing,
        ([], b'M') | ([b'M', ..], _) | (_, 0x20..=0x3f) => Parsed::Unfinished,
        ([b'<', numbers @ ..], b'M') => mouse(numbers).map_or(Parsed::Nothing, Parsed::Event),
        (numbers, b'~') => match numbers.split(|byte| *byte == b';').next() {
            Some(b"1" | b"7") => Parsed::Event(Event::Key(Key::Home)),
            Some(b"4" | b"8") => Parsed::Event(Event::Key(Key::End)),
            Some(b"5") => Parsed::Event(Event::Key(Key::PageUp)),
            Some(b"6") => Parsed::Event(Event::Key(Key::PageDown)),
            Some(b"11") => Parsed::Event(Event::Key(Key::F1)),
            _ => Parsed::Nothing,
        },
        (_, last) => cursor(*last).map_or(Parsed::Nothing, |key| Parsed::Event(Event::Key(key))),
    }
}

fn cursor(last: u8) -> Option<Key> {
    Some(match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        b'Z' => Key::BackTab,
        _ => return None,
    })
}

/// `button;column;row`, the upper left cell being 1;1.
fn mouse(numbers: &[u8]) -> Option<Event> {
    let mut numbers =
        numbers.split(|byte| *byte == b';').map(|number| std::str::from_utf8(number).ok()?.parse::<u16>().ok());
    let (button, column, row) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let (column, row) = (column.checked_sub(1)?, row.checked_sub(1)?);
    // With Shift, Alt and Ctrl it is the same button.
    match button & !0b1_1100 {
        0 => Some(Event::Click { column, row }),
        64 => Some(Event::Wheel { up: true, column, row }),
        65 => Some(Event::Wheel { up: false, column, row }),
        _ => None,
    }
}
