//! What a terminal sends, as events.

use mtaio_monitoring_cli::top::{Event, Key, Parser};
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Vec<Event> {
    Parser::default().take_in(bytes)
}

fn check(bytes: &[u8], key: Key) {
    assert_eq!(read(bytes), [Event::Key(key)], "{bytes:?}");
    // A terminal may send it in pieces.
    let mut parser = Parser::default();
    let pieces: Vec<Event> = bytes.iter().flat_map(|byte| parser.take_in(&[*byte])).collect();
    assert_eq!(pieces, [Event::Key(key)], "{bytes:?}");
    assert!(!parser.is_waiting());
}

#[test]
fn keys() {
    check(b"q", Key::Char('q'));
    check("長".as_bytes(), Key::Char('長'));
    check(b"\r", Key::Enter);
    check(b"\n", Key::Enter);
    check(b"\t", Key::Tab);
    check(b"\x1b[Z", Key::BackTab);
    check(b"\x7f", Key::Backspace);
    check(b"\x08", Key::Backspace);
    check(b"\x03", Key::Control('c'));
    check(b"\x0c", Key::Control('l'));
    // As a terminal of xterm's kind sends them, in both of its modes; the last with Shift held down.
    for (bytes, key) in [
        (&[b"\x1b[A", b"\x1bOA"][..], Key::Up),
        (&[b"\x1b[B", b"\x1bOB"], Key::Down),
        (&[b"\x1b[C", b"\x1bOC"], Key::Right),
        (&[b"\x1b[D", b"\x1bOD"], Key::Left),
        (&[b"\x1b[H", b"\x1bOH"], Key::Home),
        (&[b"\x1b[F", b"\x1bOF"], Key::End),
    ] {
        bytes.iter().for_each(|bytes| check(*bytes, key));
    }
    check(b"\x1b[1;2A", Key::Up);
    check(b"\x1b[1~", Key::Home);
    check(b"\x1b[4~", Key::End);
    check(b"\x1b[5~", Key::PageUp);
    check(b"\x1b[6~", Key::PageDown);
    check(b"\x1bOP", Key::F1);
    check(b"\x1b[11~", Key::F1);
}

#[test]
fn escape_is_what_nothing_follows() {
    let mut parser = Parser::default();
    assert!(parser.take_in(b"\x1b").is_empty());
    assert!(parser.is_waiting());
    assert_eq!(parser.give_up(), Some(Event::Key(Key::Escape)));
    assert!(!parser.is_waiting());
    assert_eq!(parser.give_up(), None);
    // A sequence that is cut off is none.
    assert!(parser.take_in(b"\x1b[1;").is_empty());
    assert_eq!(parser.give_up(), None);
    check(b"\x1b\x1b", Key::Escape);
    // With Alt held down.
    assert!(read(b"\x1bq").is_empty());
}

#[test]
fn the_mouse() {
    assert_eq!(read(b"\x1b[<0;12;7M"), [Event::Click { column: 11, row: 6 }]);
    assert_eq!(read(b"\x1b[<64;300;200M"), [Event::Wheel { up: true, column: 299, row: 199 }]);
    assert_eq!(read(b"\x1b[<65;1;1M"), [Event::Wheel { up: false, column: 0, row: 0 }]);
    // With Ctrl held down.
    assert_eq!(read(b"\x1b[<16;1;1M"), [Event::Click { column: 0, row: 0 }]);
    // Let go, the other buttons, moved, outside, nonsense.
    for bytes in [
        &b"\x1b[<0;12;7m"[..],
        b"\x1b[<2;12;7M",
        b"\x1b[<35;12;7M",
        b"\x1b[<0;0;7M",
        b"\x1b[<0;99999;7M",
        b"\x1b[<;;M",
        b"\x1b[<M",
    ] {
        assert!(read(bytes).is_empty(), "{bytes:?}");
    }
    // As it was told before: three bytes of any value, of which none is a key.
    assert_eq!(read(b"\x1b[M qqx"), [Event::Key(Key::Char('x'))]);
}

#[test]
fn what_is_no_key_is_passed_over() {
    for bytes in
        [&b"\x1b[I"[..], b"\x1b[O", b"\x1b[?1;2c", b"\x1b[2~", b"\x1b[200~", b"\x00", b"\xff", b"\x1b[12;40R"]
    {
        let mut events = Parser::default();
        assert!(events.take_in(bytes).is_empty(), "{bytes:?}");
        assert_eq!(events.take_in(b"q"), [Event::Key(Key::Char('q'))], "{bytes:?}");
    }
    // Half a character, and then something else.
    assert_eq!(read(b"\xe9\x95q"), [Event::Key(Key::Char('q'))]);
    // A sequence without an end ends all the same.
    let endless = [b"\x1b[".to_vec(), vec![b'1'; 100], b"q".to_vec()].concat();
    assert_eq!(read(&endless).last(), Some(&Event::Key(Key::Char('q'))));
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200) {
        let cut = cut.min(bytes.len());
        let mut parser = Parser::default();
        let mut pieces = parser.take_in(&bytes[..cut]);
        pieces.extend(parser.take_in(&bytes[cut..]));
        prop_assert_eq!(&pieces, &read(&bytes));
        // No byte is more than one event.
        prop_assert!(pieces.len() <= bytes.len());
        parser.give_up();
        prop_assert_eq!(parser.take_in(b"q"), [Event::Key(Key::Char('q'))]);
    }

    #[test]
    fn text_is_read_as_it_is(text in "[ -~\u{a1}-\u{2fff}]{0,40}") {
        let read: String = read(text.as_bytes())
            .into_iter()
            .filter_map(|event| if let Event::Key(Key::Char(letter)) = event { Some(letter) } else { None })
            .collect();
        prop_assert_eq!(read, text);
    }
}
