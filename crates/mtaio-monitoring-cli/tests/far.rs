//! `mtaio top URL` and its like, as processes, of a machine that `mtaio serve` serves.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;

use rustix::process::{Pid, Signal, kill_process};

use crate::command::{mtaio, stderr, stdout};
use crate::serve::{Serving, TOKEN};

fn ended(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = mtaio(arguments).env_remove("MTAIO_TOKEN").output().unwrap();
    (output.status.code(), stdout(&output).to_owned(), stderr(&output).to_owned())
}

#[test]
fn a_line_a_second_where_there_is_no_terminal() {
    let serving = Serving::start(&["-i", "0.1", "--threshold", "host_memory_total_bytes=1"], Some(TOKEN));
    let mut child = mtaio(&["top", &serving.page]).env("MTAIO_TOKEN", TOKEN).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("cpu ")
        || !line.contains("| FIRING host_memory_total_bytes ")
        || line.contains("mem \u{2013}")
    {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0);
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert!(rest.contains(&format!("mtaio top {}: ", serving.page)), "{rest}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_lines_reader_is_told_that_the_other_end_is_away() {
    let serving = Serving::start(&["-i", "0.1"], None);
    let mut child = mtaio(&["top", &serving.page]).env_remove("MTAIO_TOKEN").spawn().unwrap();
    let page = serving.page.clone();
    // Who never came has another ending.
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap();
    drop(serving);
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with(&format!("mtaio: trying again: {page}: ")), "{line}");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn what_is_wrong_is_said_before_there_is_a_screen() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (code, out, error) = ended(&["top", &nobody]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(error.starts_with(&format!("mtaio: http://{nobody}/: the connection failed")), "{error}");
    let serving = Serving::start(&[], Some(TOKEN));
    let (code, _, error) = ended(&["top", &serving.page]);
    assert_eq!(code, Some(1));
    assert!(error.contains("set MTAIO_TOKEN, or give --token-file"), "{error}");
    assert_eq!(ended(&["top", "a b\u{1b}[2J"]).2.matches('\u{1b}').count(), 0);
    assert!(ended(&["top", "--token-file", "x"]).2.contains("--token-file is for a URL"));
    let (code, _, error) = ended(&["top", &serving.page, "--interval", "3"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("cannot be used with"), "{error}");
}
