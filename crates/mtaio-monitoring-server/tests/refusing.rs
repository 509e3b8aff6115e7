//! Who is not answered, and what nobody may take from the server: its connections, its memory, its time.

use std::io::{Read, Write};

use mtaio_monitoring_server::{Options, Server};

use super::{ask, connect, send, served, wait_until};

const TOKEN: &str = "a-token-of-enough-letters";

#[test]
fn every_answer_forbids_browsers_what_they_might_do_with_it() {
    let (_monitor, server) = served(&Options::default());
    let answers = [
        ask(&server, "/healthz", ""),
        ask(&server, "/metrics", "Origin: https://evil.example\r\n"),
        ask(&server, "/../../etc/passwd", ""),
        ask(&server, "/", "X: y\r\n"),
        send(&server, b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        send(&server, b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"),
    ];
    assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 200, 404, 200, 405, 403]);
    for answer in answers {
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("access-control-allow-origin"), None);
        assert_eq!(answer.header("server"), None);
    }
}

#[test]
fn a_name_that_somebody_else_made_lead_here_is_refused() {
    let (_monitor, server) = served(&Options::default().with_name("app.internal").unwrap());
    let status = |head: &str| send(&server, format!("{head}Connection: close\r\n\r\n").as_bytes()).status;
    assert_eq!(status("GET /healthz HTTP/1.1\r\nHost: app.internal:1234\r\n"), 200);
    assert_eq!(status("GET /healthz HTTP/1.1\r\nHost: [::1]:80\r\n"), 200);
    for refused in [
        "GET /healthz HTTP/1.1\r\nHost: evil.example\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost.evil.example\r\n",
        "GET /healthz HTTP/1.1\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n",
        "GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n",
    ] {
        let status = status(refused);
        assert!(matches!(status, 400 | 403), "{status} for {refused:?}");
    }
}

#[test]
fn a_token_is_asked_for_and_shown_nowhere() {
    let options = Options::default().with_token(TOKEN).unwrap();
    let (_monitor, server) = served(&options);
    let status = |lines: &str| ask(&server, "/metrics", lines).status;
    assert_eq!(status(&format!("Authorization: Bearer {TOKEN}\r\n")), 200);
    assert_eq!(status(&format!("authorization: bearer {TOKEN}\r\n")), 200);
    let refused = ask(&server, "/metrics", "");
    assert_eq!(refused.status, 401);
    for scheme in ["Bearer", "Basic realm="] {
        assert!(refused.head.contains(&format!("\r\nwww-authenticate: {scheme}")), "{}", refused.head);
    }
    for wrong in [
        "Bearer ",
        "Bearer x",
        "Bearer a-token-of-enough-letterS",
        "Bearer a-token-of-enough-letters1",
        "Basic x",
        "Basic ",
        "Basic a-token-of-enough-letters",
        // The token without a colon, as the name, and as the password with something behind.
        "Basic YS10b2tlbi1vZi1lbm91Z2gtbGV0dGVycw==",
        "Basic YS10b2tlbi1vZi1lbm91Z2gtbGV0dGVyczo=",
        "Basic OmEtdG9rZW4tb2YtZW5vdWdoLWxldHRlcnM6",
    ] {
        let refused = ask(&server, "/metrics", &format!("Authorization: {wrong}\r\n"));
        assert_eq!(refused.status, 401, "{wrong}");
        assert!(!format!("{refused:?}").contains("letters"));
    }
    // What a browser sends for a password: no name, and one with an umlaut.
    for basic in ["OmEtdG9rZW4tb2YtZW5vdWdoLWxldHRlcnM=", "w7Y6YS10b2tlbi1vZi1lbm91Z2gtbGV0dGVycw=="] {
        assert_eq!(status(&format!("Authorization: Basic {basic}\r\n")), 200, "{basic}");
    }
    let twice = format!("Authorization: Bearer {TOKEN}\r\nAuthorization: Bearer {TOKEN}\r\n");
    assert_eq!(status(&twice), 401);
    assert_eq!(ask(&server, "/no/such/path", "").status, 401, "who may not ask learns of no path");
    assert_eq!(ask(&server, "/healthz", "").status, 200);
    assert!(!format!("{options:?} {server:?}").contains(TOKEN));
}

#[test]
fn a_page_of_another_origin_has_nothing_made_and_may_link_here() {
    let (_monitor, server) = served(&Options::default());
    let status = |lines: &str| ask(&server, "/metrics", lines).status;
    for foreign in ["cross-site", "same-site", "x"] {
        assert_eq!(status(&format!("Sec-Fetch-Site: {foreign}\r\nSec-Fetch-Mode: no-cors\r\n")), 403, "{foreign}");
        assert_eq!(status(&format!("Sec-Fetch-Site: {foreign}\r\n")), 403, "{foreign}");
        assert_eq!(
            status(&format!("Sec-Fetch-Site: {foreign}\r\nSec-Fetch-Mode: navigate\r\n")),
            200,
            "{foreign}"
        );
    }
    for ours in ["same-origin", "none"] {
        assert_eq!(status(&format!("Sec-Fetch-Site: {ours}\r\nSec-Fetch-Mode: cors\r\n")), 200, "{ours}");
    }
}

#[test]
fn it_is_open_to_nobody_by_mistake() {
    let monitor = || std::sync::Arc::new(mtaio_monitoring::monitor::MonitorCore::new(Default::default()));
    for host in ["0.0.0.0", "::", "192.0.2.1"] {
        let refused = Server::start(monitor(), &Options::default().with_host(host).unwrap()).expect_err(host);
        let expected = "host must be a loopback address (127.0.0.1, ::1) where there is no token, got ";
        assert!(refused.to_string().starts_with(expected), "{refused}");
    }
    let open = Options::default().with_host("0.0.0.0").unwrap().with_token(TOKEN).unwrap();
    let server = Server::start(monitor(), &open).unwrap();
    assert_eq!(ask(&server, "/metrics", "").status, 401);
    let taken = Server::start(monitor(), &Options::default().with_port(server.port())).expect_err("it is taken");
    assert!(taken.to_string().contains("give another port, or 0 for one that is free"), "{taken}");
    let message =
        |options: Result<Options, mtaio_monitoring::MonitoringError>| options.expect_err("bad").to_string();
    assert_eq!(
        message(Options::default().with_host("example")),
        "host must be an IP address or 'localhost', got \"example\""
    );
    let short = message(Options::default().with_token("hunter2"));
    assert!(short.starts_with("token must be 16 to 512 visible ASCII characters") && !short.contains("hunter2"));
    assert!(message(Options::default().with_name("a:80")).starts_with("name must be the name of a host"));
    assert!(message(Options::default().with_patience_seconds(f64::NAN)).contains("a number from 0.01 to 60"));
}

#[test]
fn what_is_too_long_is_not_read() {
    let (_monitor, server) = served(&Options::default());
    let long = "x".repeat(20_000);
    assert_eq!(ask(&server, "/healthz", &format!("X-Long: {long}\r\n")).status, 431);
    assert!(matches!(ask(&server, &format!("/{long}"), "").status, 414 | 431));
    assert_eq!(ask(&server, "/healthz", &"a: b\r\n".repeat(1_000)).status, 431);
    for body in ["Content-Length: 1000000000\r\n", "Transfer-Encoding: chunked\r\n"] {
        let answer =
            send(&server, format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{body}\r\n5\r\nhello").as_bytes());
        assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    }
    assert_eq!(ask(&server, "/healthz", "").status, 200);
}

#[test]
fn a_client_that_sends_no_whole_head_is_let_go() {
    let (_monitor, server) = served(&Options::default().with_patience_seconds(0.05).unwrap());
    for begun in ["", "GET /healthz HTTP/1.1\r\nHost: local"] {
        let mut slow = connect(&server);
        slow.write_all(begun.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // It ends without anything more from us; the socket's own time-out would be an error.
        slow.read_to_end(&mut answer).unwrap();
        assert!(!answer.ends_with(b"ok\n"));
    }
}

#[test]
fn a_client_that_sends_a_head_byte_by_byte_has_no_more_time_for_it() {
    let (_monitor, server) = served(&Options::default().with_patience_seconds(0.2).unwrap());
    let mut slow = connect(&server);
    let begun = std::time::Instant::now();
    // Each byte comes in time, the whole does not.
    let mut sent = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n".iter().chain(std::iter::repeat(&b'x'));
    while slow.write_all(&[*sent.next().unwrap()]).is_ok() {
        assert!(begun.elapsed() < super::PATIENCE, "it reads for ever");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(ask(&server, "/healthz", "").status, 200);
}

#[test]
fn a_client_that_has_closed_its_half_gets_what_it_asked_for() {
    let (_monitor, server) = served(&Options::default());
    let mut asked = connect(&server);
    asked.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    asked.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    asked.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("ok\n"), "{answer}");
    // And one that has asked for nothing is let go at once, whatever time it would have had.
    let patient = Options::default().with_patience_seconds(60.0).unwrap();
    let (_monitor, server) = served(&patient);
    let mut silent = connect(&server);
    silent.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(silent.read(&mut [0]).expect("an end"), 0);
}

#[test]
fn a_storm_of_connections_leaves_room_for_who_comes_after() {
    let (_monitor, server) = served(&Options::default());
    let storm: Vec<_> = (0..300).map(|_| connect(&server)).collect();
    wait_until("those beyond the limit are refused", || server.refused_connections() == 44);
    drop(storm);
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    wait_until("there is room", || {
        let (mut socket, mut answer) = (connect(&server), String::new());
        let _sent = socket.write_all(request);
        socket.read_to_string(&mut answer).is_ok() && answer.ends_with("ok\n")
    });
}

#[test]
fn nothing_is_written_and_heads_are_answered_with_heads() {
    let (_monitor, server) = served(&Options::default());
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"] {
        let answer = send(
            &server,
            format!("{method} /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes(),
        );
        assert!(matches!(answer.status, 400 | 403 | 405), "{method}: {}", answer.status);
        if answer.status == 405 {
            assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method}");
        }
    }
    for path in ["/", "/metrics", "/api/v1/metrics", "/api/v1/stream", "/api/v1/openapi.json", "/no/such/path"] {
        let whole = send(
            &server,
            format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes(),
        );
        assert_eq!((whole.status, &*whole.body), (if path == "/no/such/path" { 404 } else { 200 }, ""), "{path}");
    }
}

#[test]
fn a_client_that_does_not_take_its_answer_is_let_go() {
    let (monitor, server) = served(&Options::default().with_patience_seconds(0.02).unwrap());
    // More than the buffers of both ends hold: each name is there three times.
    let name = "n".repeat(4_000);
    for number in 0..2_000 {
        monitor.record(&format!("{name}{number}"), 1.0).unwrap();
    }
    let mut stuck = connect(&server);
    stuck.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    wait_until("the server has given up", || stuck.write_all(b"x").is_err());
    // Who takes it gets all of it.
    let server = Server::start(monitor, &Options::default()).unwrap();
    let whole = ask(&server, "/metrics", "").body;
    assert_eq!(whole.lines().filter(|line| line.starts_with(&name)).count(), 2_000);
}

#[test]
fn answers_that_nobody_takes_are_held_up_to_a_bound() {
    let (monitor, server) = served(&Options::default());
    // Some 24 MB, and much more than the buffers of both ends hold: each name is there three times.
    let name = "n".repeat(4_000);
    for number in 0..2_000 {
        monitor.record(&format!("{name}{number}"), 1.0).unwrap();
    }
    let deaf: Vec<_> = (0..12)
        .map(|_| {
            let mut deaf = connect(&server);
            deaf.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            deaf
        })
        .collect();
    let begun = deaf.into_iter().map(|mut deaf| {
        let mut head = [0; 12];
        deaf.read_exact(&mut head).unwrap();
        (head, deaf)
    });
    let begun: Vec<_> = begun.collect();
    let count = |status: &[u8; 12]| begun.iter().filter(|(head, _)| head == status).count();
    assert_eq!((count(b"HTTP/1.1 200"), count(b"HTTP/1.1 503")), (2, 10));
    // Who comes after is told to come back, and what is small is answered.
    let refused = ask(&server, "/metrics", "");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(refused.json()["error"], "too many answers wait for their clients to take them: ask again");
    assert_eq!(ask(&server, "/healthz", "").status, 200);
    drop(begun);
    wait_until("there is room again", || ask(&server, "/metrics", "").status == 200);
}

#[test]
fn malformed_requests_are_refused_and_nothing_after_them_is_answered() {
    let (_monitor, server) = served(&Options::default());
    for (begun, expected) in [
        ("GET /healthz\0 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n", 400),
        ("GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", 413),
        ("\u{fffd}{}\r\n\r\n", 400),
    ] {
        let pipelined =
            format!("{begun}GET /api/v1/metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = send(&server, pipelined.as_bytes());
        assert_eq!(answer.status, expected, "{begun:?}");
        assert!(
            !answer.body.contains("HTTP/1.1") && !answer.body.contains("built_in"),
            "{begun:?}: {}",
            answer.body
        );
    }
    // What stands before it is answered.
    let answer = send(&server, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /\0 HTTP/1.1\r\n\r\n");
    assert_eq!((answer.status, answer.body.starts_with("ok\n")), (200, true));
}

#[test]
fn a_path_leads_to_what_is_named_and_to_no_file() {
    let (_monitor, server) = served(&Options::default());
    for path in [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/%252e%252e%252fetc%252fpasswd",
        "/api/v1/..%2f..%2fetc/passwd",
        "/api/v1/../../metrics",
        "/metrics/",
        "//metrics",
        "/metrics%00",
        "/%6detrics%2f",
    ] {
        assert_eq!(ask(&server, path, "").status, 404, "{path}");
    }
}

#[test]
fn connections_beyond_the_limit_are_closed_at_once() {
    let (_monitor, server) = served(&Options::default().with_patience_seconds(60.0).unwrap());
    let mut held: Vec<_> = (0..256).map(|_| connect(&server)).collect();
    let mut beyond = connect(&server);
    assert_eq!(beyond.read(&mut [0]).expect("an end"), 0);
    assert_eq!(server.refused_connections(), 1);
    held.pop();
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    wait_until("there is a place again", || {
        let mut socket = connect(&server);
        let mut answer = String::new();
        let _sent = socket.write_all(request);
        socket.read_to_string(&mut answer).is_ok() && answer.ends_with("ok\n")
    });
}
