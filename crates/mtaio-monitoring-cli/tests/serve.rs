//! `mtaio serve`, as a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout};

use rustix::process::{Pid, Signal, kill_process};

use crate::command::{mtaio, run, stderr, stdout};

pub(crate) const TOKEN: &str = "a-token-of-enough-letters";

/// A machine that is served; whatever becomes of the test, it ends.
pub(crate) struct Serving {
    child: Child,
    pub(crate) page: String,
    rest: BufReader<ChildStdout>,
}

impl Serving {
    pub(crate) fn start(arguments: &[&str], token: Option<&str>) -> Self {
        let mut command = mtaio(&[&["serve"], arguments].concat());
        command.env_remove("MTAIO_TOKEN").envs(token.map(|token| ("MTAIO_TOKEN", token)));
        let mut child = command.spawn().unwrap();
        let mut rest = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        rest.read_line(&mut line).unwrap();
        let page = line.strip_prefix("page: ").unwrap_or_else(|| panic!("{line:?}")).trim_end().to_owned();
        Self { child, page, rest }
    }

    pub(crate) fn port(&self) -> u16 {
        self.page.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap()
    }

    /// The head and the body of an answer.
    pub(crate) fn ask(&self, path: &str, lines: &str) -> String {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port())).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Its exit status, what else it has printed, and what it has complained of.
    pub(crate) fn end(mut self, signal: Signal) -> (Option<i32>, String, String) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let (mut out, mut error) = (String::new(), String::new());
        self.rest.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        (self.child.wait().unwrap().code(), out, error)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_machine_is_served_until_a_signal_comes() {
    for signal in [Signal::INT, Signal::TERM] {
        let serving = Serving::start(&["--interval", "0.1"], None);
        assert!(serving.page.starts_with("http://127.0.0.1:"), "{}", serving.page);
        while !serving.ask("/metrics", "").contains("\nhost_memory_total_bytes ") {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(serving.ask("/api/v1/stats", "").contains("\"usage_percent\":"));
        assert!(serving.ask("/no/such", "").starts_with("HTTP/1.1 404"));
        let port = serving.port();
        assert_eq!(serving.end(signal), (Some(0), String::new(), String::new()));
        TcpStream::connect(("127.0.0.1", port)).expect_err("nobody listens any more");
    }
}

#[test]
fn a_token_comes_from_a_file_or_the_environment() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{TOKEN}\n")).unwrap();
    let path = file.path().to_str().unwrap();
    let by_file = Serving::start(&["--host", "0.0.0.0", "--token-file", path], Some("another-token-altogether"));
    let by_variable = Serving::start(&["--host", "0.0.0.0", "--name", "app.example"], Some(TOKEN));
    for serving in [by_file, by_variable] {
        assert!(serving.ask("/metrics", "").starts_with("HTTP/1.1 401"));
        assert!(
            serving
                .ask("/metrics", "Authorization: Bearer another-token-altogether\r\n")
                .starts_with("HTTP/1.1 401")
        );
        assert!(
            serving.ask("/metrics", &format!("Authorization: Bearer {TOKEN}\r\n")).starts_with("HTTP/1.1 200")
        );
        let (status, out, error) = serving.end(Signal::TERM);
        assert_eq!(status, Some(0));
        assert!(!out.contains(TOKEN) && !error.contains(TOKEN));
    }
}

#[test]
fn what_cannot_be_served_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let check = |arguments: &[&str], code, expected: &str| {
        let output = mtaio(&[&["serve"], arguments].concat()).env_remove("MTAIO_TOKEN").output().unwrap();
        assert_eq!((output.status.code(), stdout(&output)), (Some(code), ""), "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    };
    check(&["--port", &port], 1, "give another port, or 0 for one that is free");
    check(&["--host", "0.0.0.0"], 1, "must be a loopback address");
    check(&["--token-file", "no/such"], 1, "the token cannot be read from no/such");
    check(&["--token-file", "/dev/zero"], 1, "it has more than 4096 bytes");
    check(&["--token-file", "/dev/null"], 1, "16 to 512 visible ASCII characters");
    check(&["--host", "example.org"], 2, "an IP address or 'localhost'");
    check(&["--port", "70000"], 2, "70000");
    check(&["--name", "a b"], 2, "the name of a host");
    check(&["--token", TOKEN], 2, "--token-file");
    assert!(stdout(&run(&["serve", "--help"])).contains("Examples:"));
}

#[test]
fn what_thresholds_find_goes_to_the_standard_error() {
    let serving = Serving::start(&["-i", "0.05", "--threshold", "host_memory_total_bytes=1"], None);
    while !serving.ask("/api/v1/alerts", "").contains("\"total\":1") {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let (status, out, error) = serving.end(Signal::TERM);
    assert_eq!((status, out), (Some(0), String::new()));
    assert_eq!(error.matches("is above its threshold of 1 By").count(), 1, "{error}");
}
