//! What the page holds, read out of it again.

use std::collections::HashSet;

use base64::Engine;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::profiler::Profiler;

use super::*;

/// The JSON of a page.
fn data_of(page: &str) -> Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").expect("the data");
    let (data, _) = rest.split_once("</script>").expect("its end");
    serde_json::from_str(data).expect("JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn hostile() -> Profiler {
    let (clock, hand) = Clock::manual();
    let profiler = Profiler::with_clock(1_000, &clock);
    let mut outer = profiler.enter("</script><script>alert(1)</script>");
    outer.record("<!--", "{{script}}");
    hand.advance(0.5);
    profiler.enter("{{data}} '\"&\u{0}").fail(&"</script>");
    drop(outer);
    profiler
}

#[test]
fn the_policy_knows_the_script() {
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(SCRIPT));
    assert_eq!(SCRIPT_HASH, format!("sha256-{hash}"), "the script was changed: put this hash into html.rs");
    // A closing tag in it would end it early, and a place to put something is none of its own.
    assert!(!SCRIPT.contains("</script") && !SCRIPT.contains("<!--"));
}

#[test]
fn names_errors_and_metadata_end_no_element() {
    let page = write(&hostile().profile());
    let scripts: Vec<_> = page.match_indices("<script").collect();
    assert_eq!(scripts.len(), 2, "the data and the script, nothing else");
    let data = data_of(&page);
    let names = list(&data["names"]);
    assert!(names.contains(&Value::from("</script><script>alert(1)</script>")));
    assert!(names.contains(&Value::from("{{data}} '\"&\u{0}")));
    assert_eq!(data["details"]["0"][1]["<!--"], "{{script}}");
    assert_eq!(data["details"]["1"][0], "</script>");
}

#[test]
fn the_page_asks_for_nothing() {
    let page = write(&hostile().profile());
    let outside = ["http://", "https://", "src=", "url(", "@import", "fetch(", "XMLHttpRequest", "import("];
    let (before, after) = page.split_once("id=\"data\">").expect("the data");
    let (_, after) = after.split_once("</script>").expect("its end");
    for word in outside {
        assert!(!before.contains(word) && !after.contains(word), "{word}");
    }
}

#[test]
fn a_child_says_its_parent_and_counts_from_the_first_trace() {
    let data = data_of(&write(&hostile().profile()));
    let slices = &data["slices"];
    assert_eq!(list(&slices["parent"]), [Value::from(-1), Value::from(0)]);
    assert_eq!(list(&slices["start"]), [Value::from(0), Value::from(500_000_000)]);
    assert_eq!(list(&data["table"]["total"]).iter().filter_map(Value::as_u64).sum::<u64>(), 500_000_000);
    assert_eq!(data["total"], 500_000_000);
}

#[test]
fn of_too_many_traces_the_longest_and_the_latest_are_held() {
    let (clock, hand) = Clock::manual();
    let profiler = Profiler::with_clock(1_000, &clock);
    for number in 0..100 {
        let _one = profiler.enter(&format!("{number}"));
        // The first ten are the longest.
        hand.advance(if number < 10 { 1.0 } else { 0.001 });
    }
    let data: Value = serde_json::from_str(&data::write_at_most(&profiler.profile(), 20, 50)).unwrap();
    let held: HashSet<&str> = list(&data["slices"]["name"])
        .iter()
        .map(|name| data["names"][name.as_u64().unwrap() as usize].as_str().unwrap())
        .collect();
    let expected: Vec<String> = (0..10).chain(90..100).map(|number| number.to_string()).collect();
    assert_eq!(held, expected.iter().map(String::as_str).collect());
    assert_eq!((&data["shown"], &data["longest"]), (&Value::from(20), &Value::from(10)));
    // The table is of all, and the flame graph says what it left out.
    assert_eq!(list(&data["table"]["name"]).len(), 100);
    assert_eq!((list(&data["flame"]["name"]).len(), &data["flame"]["left_out"]), (50, &Value::from(50)));
}

#[test]
fn a_profile_of_nothing_has_a_page() {
    let data = data_of(&write(&crate::profiler::Profile::default()));
    assert_eq!((&data["traces"], &data["start"]), (&Value::from(0), &Value::Null));
}

#[test]
fn numbers_have_three_digits_and_the_unit_that_fits() {
    let times = [0.0, 7.4, 999.6, 1_234.0, 99_960.0, 1.5e6, 999.6e6, 12.34e9, 61e9, 7_260e9].map(words::time);
    assert_eq!(
        times,
        ["0", "7 ns", "1.00 µs", "1.23 µs", "100 µs", "1.50 ms", "1.00 s", "12.3 s", "1 min 1 s", "2 h 1 min"]
    );
    assert_eq!([0, -512, 1_536, 300 << 20].map(words::bytes), ["0", "−512 B", "+1.5 KiB", "+300 MiB"]);
    assert_eq!([7, 1_000, 1_234_567].map(words::count), ["7", "1,000", "1,234,567"]);
}

#[test]
fn the_notebook_has_no_script_and_no_tag_of_others() {
    let fragment = hostile().profile().notebook();
    assert!(!fragment.contains("<script") && !fragment.contains('\u{0}'));
    assert!(fragment.contains("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_eq!(fragment.matches("<div").count(), fragment.matches("</div>").count());
    assert_eq!(fragment.matches("<svg").count(), fragment.matches("</svg>").count());
}
