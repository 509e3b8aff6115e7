//! The server as a client meets it: raw bytes through a socket, and what comes back.

mod answering;
mod page;
mod refusing;
mod streaming;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mtaio_monitoring::monitor::{Config, MonitorCore};
use mtaio_monitoring_server::{Options, Server};

/// How long a test waits for another thread before it gives up: long, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for another thread.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A monitor that does not run, and a server of it.
fn served(options: &Options) -> (Arc<MonitorCore>, Server) {
    let monitor = Arc::new(MonitorCore::new(Config::default()));
    let server = Server::start(Arc::clone(&monitor), options).expect("a server");
    (monitor, server)
}

fn connect(server: &Server) -> TcpStream {
    let socket = TcpStream::connect(("127.0.0.1", server.port())).expect("it listens");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time");
    socket
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let value = values.next();
        assert_eq!(values.next(), None, "{name} is there twice");
        value
    }

    fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// Sends these bytes and reads until the server closes.
fn send(server: &Server, bytes: &[u8]) -> Answer {
    let mut socket = connect(server);
    // A server that refuses may close before it has read all.
    let _sent = socket.write_all(bytes);
    let mut answer = Vec::new();
    let _end = socket.read_to_end(&mut answer);
    // Protocol buffers are none; what of them is looked for is.
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {answer:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// Asks for a path, with further lines in the head.
fn ask(server: &Server, path: &str, lines: &str) -> Answer {
    send(server, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n").as_bytes())
}
