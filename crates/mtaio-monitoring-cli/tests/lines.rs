//! The view in one line.

use expect_test::{Expect, expect};
use mtaio_monitoring_cli::{Appearance, View, line};

use crate::scene::{busy, hostile, unmeasured};

fn check(view: &View, expected: &Expect) {
    let line = line(view, &Appearance::plain());
    assert!(!line.chars().any(char::is_control), "{line:?}");
    expected.assert_eq(&line);
}

#[test]
fn a_busy_service() {
    check(
        &busy(),
        &expect![
            "00:00:59 cpu 32.1 % mem 40.9 % load 1.42 threads 12 disk r 0 B/s w 1.2 MB/s | cache_hit_percent p50 89.5 % p99 99.0 % | queue_depth p50 2.986 p99 6 | request_duration p50 24.9 ms p99 49.8 ms | upload_bytes p50 970 KiB p99 1.9 MiB | FIRING memory_usage 40.9 % > 40.0 % | PENDING cpu_usage 32.1 % < 80.0 %"
        ],
    );
}

#[test]
fn what_was_not_measured_is_a_dash() {
    check(&unmeasured(), &expect!["00:00:00 cpu – mem – load – threads – disk r – w –"]);
    let mut before_the_first_sample = unmeasured();
    before_the_first_sample.snapshot.stats = None;
    check(&before_the_first_sample, &expect!["– cpu – mem – load – threads – disk r – w –"]);
}

#[test]
fn one_line_whatever_was_recorded() {
    let mut view = hostile();
    view.snapshot.thresholds.truncate(2);
    check(
        &view,
        &expect![[
            r#"– cpu – mem -5.0 % load 1.42 threads 12 disk r 0 B/s w 1.2 MB/s | \u{1b}[2J\u{1b}]0;owned\u{7}\u{d}\nFIRI… p50 0 p99 1.80e308 | 長長長長長長長長長長長長長長長長長長長… – | metric_0 – | metric_1 0 | 38 more | FIRING \u{1b}[2J\u{1b}]0;owned\u{7}\u{d}\nFIRI… 1.00e-300 < 1.80e308 | PENDING a – > 0"#
        ]],
    );
}
