//! A webhook whose other side means no good: what comes of a call, and in what time. Each is a server of its own on
//! this machine, which ends with the test.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mtaio_monitoring::alerts::Alert;
use mtaio_monitoring::monitor::{Config, DestinationHealth, MonitorCore, Webhook};

use super::wait_until;

/// Answers each connection with `answer`, on a thread of its own, until it is dropped.
struct Server {
    address: String,
    connections: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn new(answer: impl Fn(&mut TcpStream, &str) -> std::io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (connections, over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (count, ended) = (Arc::clone(&connections), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Acquire) {
                    return;
                }
                let mut stream = stream.unwrap();
                count.fetch_add(1, Ordering::AcqRel);
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                let request = request(&mut stream);
                let _the_client_may_be_gone = answer(&mut stream, &request);
            }
        });
        Self { address, connections, over, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        let _wakes_the_listener = TcpStream::connect(&self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server has no bug");
        }
    }
}

/// Headers and body, as far as they come.
fn request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0_usize) {
                return text;
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return text,
            Ok(count) => read.extend_from_slice(&piece[..count]),
        }
    }
}

/// Sends one alert, with little time for each call and none for a second one, and waits until it is settled.
fn after_one_alert(url: &str) -> (DestinationHealth, Duration) {
    let monitor = MonitorCore::new(Config::default());
    let webhook = Webhook::new(url).unwrap().with_timeout_seconds(0.5).unwrap().with_retry(Duration::ZERO);
    monitor.add_destination(webhook);
    let begin = Instant::now();
    monitor.raise(Alert::of_message("the disk is on fire".to_owned(), 0.0));
    wait_until("it is settled", || monitor.health().destinations[0].waiting == 0);
    (monitor.health().destinations.remove(0), begin.elapsed())
}

/// As above, for one that loses it, in time and for the reason given.
fn is_lost(url: &str, why: &str) {
    let (health, took) = after_one_alert(url);
    assert_eq!((health.sent, health.failed, health.dropped), (0, 1, 1), "{health:?}");
    let last_error = health.last_error.expect("it failed");
    assert!(last_error.contains(why), "{last_error}");
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn one_that_answers_as_it_should() {
    let server = Server::new(|stream, request| {
        assert!(request.starts_with("POST /hook?token=x HTTP/1.1\r\n"), "{request}");
        let lower = request.to_ascii_lowercase();
        for header in [
            "authorization: basic dxnlcjpwyxnz",
            "content-type: application/json",
            "user-agent: mtaio-monitoring/",
        ] {
            assert!(lower.contains(header), "{header} in {request}");
        }
        assert!(request.contains("\"message\":\"the disk is on fire\""), "{request}");
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
    });
    let (health, _) = after_one_alert(&format!("http://user:pass@{}/hook?token=x", server.address));
    assert_eq!((health.sent, health.failed, health.dropped), (1, 0, 0), "{health:?}");
    assert_eq!(health.address, format!("http://{}", server.address), "neither user nor path nor query");
}

#[test]
fn one_that_accepts_and_never_answers() {
    let server = Server::new(|stream, _| stream.read_to_end(&mut Vec::new()).map(drop));
    is_lost(&format!("http://{}", server.address), "it did not answer within 0.5 s");
}

#[test]
fn one_that_answers_a_byte_at_a_time() {
    let server = Server::new(|stream, _| {
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: ".iter().chain([b'x'; 1_000].iter()) {
            stream.write_all(&[*byte])?;
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    });
    is_lost(&format!("http://{}", server.address), "it did not answer within 0.5 s");
}

#[test]
fn one_that_speaks_something_else() {
    let server = Server::new(|stream, _| stream.write_all(b"220 mail.example.org ESMTP\r\n\r\n\0\xff\xfe"));
    is_lost(&format!("http://{}", server.address), "it does not speak HTTP");
}

#[test]
fn one_that_closes_early_and_one_that_is_not_there() {
    let server = Server::new(|_, _| Ok(()));
    is_lost(&format!("http://{}", server.address), "");
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    is_lost(&format!("http://{address}"), "refused");
    is_lost("http://no-such-host.invalid", "");
}

#[test]
fn one_that_sends_elsewhere() {
    let target = Server::new(|stream, _| stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    for status in [301, 302, 303, 307, 308] {
        let location =
            format!("HTTP/1.1 {status} Gone\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n", target.address);
        let server = Server::new(move |stream, _| stream.write_all(location.as_bytes()));
        is_lost(&format!("http://{}", server.address), "redirects are not followed");
    }
    assert_eq!(target.connections.load(Ordering::Acquire), 0, "nobody went there");
}

#[test]
fn one_whose_body_or_headers_never_end() {
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"] {
        let server = Server::new(move |stream, _| {
            stream.write_all(head.as_bytes())?;
            loop {
                stream.write_all(&[b'x'; 4096])?;
            }
        });
        let (health, took) = after_one_alert(&format!("http://{}", server.address));
        assert_eq!((health.sent, health.dropped), (1, 0), "the status says that it was taken: {health:?}");
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
    let server = Server::new(move |stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
        loop {
            stream.write_all(b"X-More: and more\r\n")?;
        }
    });
    is_lost(&format!("http://{}", server.address), "");
}

#[test]
fn one_that_is_busy_is_asked_again() {
    let calls = AtomicUsize::new(0);
    let server = Server::new(move |stream, _| {
        let answer: &[u8] = match calls.fetch_add(1, Ordering::AcqRel) {
            0 => b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
            1 => b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno",
            _ => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        };
        stream.write_all(answer)
    });
    let monitor = MonitorCore::new(Config::default());
    monitor.add_destination(Webhook::new(&format!("http://{}", server.address)).unwrap());
    let begin = Instant::now();
    monitor.raise(Alert::of_message("the disk is on fire".to_owned(), 0.0));
    wait_until("it is sent", || monitor.health().destinations[0].sent == 1);
    assert!(
        begin.elapsed() >= Duration::from_millis(1_200),
        "a second as asked for, and half a one: {:?}",
        begin.elapsed()
    );
    assert_eq!(monitor.health().destinations[0].failed, 2);
}
