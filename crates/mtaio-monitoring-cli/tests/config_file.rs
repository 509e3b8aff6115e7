//! `--config` and `check-config`, as a user runs them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{mtaio, run, stderr, stdout};

/// A file of this text, in a folder that goes away.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mtaio.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_file_that_can_be_used_is_summed_up() {
    let (_folder, path) = file(
        "interval = 0.5\n[[thresholds]]\nmetric = \"cpu_usage\"\nvalue = 80\n\
         [[thresholds]]\nmetric = \"queue_depth\"\nvalue = 1.5\nbelow = true\n\
         [[destinations]]\ntype = \"webhook\"\nurl = \"https://user:pass@hooks.example.org/${HOOK}\"\n",
    );
    let output = mtaio(&["check-config", shown(&path)]).env("HOOK", "s3cret").output().unwrap();
    let expected = format!(
        "{}: OK, 2 thresholds, 1 destination, interval 0.5 s\n  cpu_usage above 80, measured by the monitor\n  \
         queue_depth below 1.5, recorded by the program\n  webhook https://hooks.example.org\n",
        path.display()
    );
    assert_eq!((output.status.code(), stdout(&output), stderr(&output)), (Some(0), &*expected, ""));

    let output = mtaio(&["check-config", shown(&path)]).env_remove("HOOK").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("mtaio.toml:11:44: the environment has no HOOK"), "{}", stderr(&output));
}

#[test]
fn every_fault_of_a_file_is_told() {
    let (_folder, path) = file("interval = 0\n[[thresholds]]\nmetric = \"cpu_usage:p999x\"\nvalu = 80\n");
    for arguments in
        [&["check-config", shown(&path)][..], &["watch", "--config", shown(&path)], &["top", "-c", shown(&path)]]
    {
        let output = run(arguments);
        assert_eq!((output.status.code(), stdout(&output)), (Some(1), ""), "{arguments:?}");
        let name = path.display();
        let told = stderr(&output);
        assert!(told.starts_with(&format!("mtaio: {name} cannot be used: 4 faults\n")), "{told}");
        for fault in [
            "1:12: interval must be a finite number of seconds from 0.001 to 86400, got 0\n  1 | interval = 0\n    |            ^",
            "2:1: a threshold needs value, such as value = 80.0",
            "3:21: metric must be a name or an expression: an aggregate is last, count",
            "4:1: a threshold has no key \"valu\": did you mean value?",
        ] {
            assert!(told.contains(&format!("{name}:{fault}")), "{told}");
        }
    }
    let output = run(&["watch", "--config", "/nowhere/mtaio.toml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("mtaio: cannot read /nowhere/mtaio.toml: "), "{}", stderr(&output));
}

#[test]
fn watching_as_a_file_says() {
    let text = "[[thresholds]]\nmetric = \"host_memory_total_bytes\"\nvalue = 1\n\
                [[thresholds]]\nmetric = \"queue_depth\"\nvalue = 1\nno_data = \"alert\"\n";
    let watch = |interval: &str, more: &[&str]| {
        let (_folder, path) = file(&format!("interval = {interval}\n{text}"));
        let output = run(&[&["watch", "--json", "-n", "2", "--config", shown(&path)], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        output
    };
    // The second sample covers the interval, and so more than the second that it would be without the file.
    let output = watch("1.5", &[]);
    let last: Value = serde_json::from_str(stdout(&output).lines().last().unwrap()).unwrap();
    assert!(last["elapsed_seconds"].as_f64().unwrap() > 1.2, "{last}");
    assert_eq!(stderr(&output).matches("is above its threshold of 1 By").count(), 1, "{}", stderr(&output));
    let left_out = "mtaio: not watched here, since only a service records it: queue_depth\n";
    assert_eq!(stderr(&output).matches("queue_depth").count(), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains(left_out));

    // It would take an hour if the argument did not count more.
    let output = watch("3600", &["--interval", "0.05", "--threshold", "host_memory_total_bytes=2"]);
    assert!(stderr(&output).contains("is above its threshold of 2 By"), "{}", stderr(&output));
}

#[test]
fn no_file_is_read_unless_it_is_named() {
    let (folder, _path) = file("this is no TOML");
    let output = mtaio(&["watch", "-i", "0.01", "-n", "1"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn alerts_reach_the_destinations_of_a_file_before_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let receiver = std::thread::spawn(move || answered(listener.accept().unwrap().0));
    let (_folder, path) = file(&format!(
        "interval = 0.05\n[[thresholds]]\nmetric = \"host_memory_total_bytes\"\nvalue = 1\n\
         [[destinations]]\ntype = \"webhook\"\nurl = \"http://{address}/${{HOOK}}\"\n\
         headers = {{ X-Scope = \"${{HOOK}}-scope\" }}\n"
    ));
    let output = mtaio(&["watch", "-n", "1", "--config", shown(&path)]).env("HOOK", "s3cret").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let request = receiver.join().unwrap();
    assert!(request.starts_with("POST /s3cret HTTP/1.1\r\n"), "{request}");
    assert!(request.to_lowercase().contains("x-scope: s3cret-scope\r\n"), "{request}");
    let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!((&body["metric"], &body["state"]), (&"host_memory_total_bytes".into(), &"firing".into()));
}

/// Reads a request with its body, and answers that it was taken.
fn answered(mut peer: TcpStream) -> String {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let length = peer.read(&mut piece).unwrap();
        request.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&request);
        // The object is the last thing that comes.
        if length == 0
            || text.split_once("\r\n\r\n").is_some_and(|(_, body)| serde_json::from_str::<Value>(body).is_ok())
        {
            break;
        }
    }
    peer.write_all(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n").unwrap();
    String::from_utf8(request).unwrap()
}
