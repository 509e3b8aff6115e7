//! Pictures of what is said. `UPDATE_EXPECT=1 cargo test` takes them anew; then look at them.
//!
//! Long because of the pictures.

use expect_test::{Expect, expect};

use super::parse;

fn check(text: &str, expected: &Expect) {
    let error = parse(text).unwrap_err();
    expected.assert_eq(&error);
    // The pictures show it too, but nobody reads those that were taken anew as closely.
    assert!(!error.contains("s3cret") && !error.contains("p4ssword"));
}

#[test]
fn settings_outside_their_ranges() {
    check(
        "interval = 0\nhistory_size = 0x0\nscope = \"process\"\nseries_expiry_seconds = -inf\n\
         window_memory_bytes = -1\nhandler_timeout = 0.0\n",
        &expect![[r#"
            mtaio.toml cannot be used: 6 faults
            mtaio.toml:1:12: interval must be a finite number of seconds from 0.001 to 86400, got 0
              1 | interval = 0
                |            ^
            mtaio.toml:2:16: history_size must be a whole number of samples from 1 to 10000000, got 0x0
              2 | history_size = 0x0
                |                ^^^
            mtaio.toml:3:9: scope must be 'auto' or 'host', got "process"
              3 | scope = "process"
                |         ^^^^^^^^^
            mtaio.toml:4:25: series_expiry_seconds must be a finite number of seconds from 1 to 3200000000, got -inf
              4 | series_expiry_seconds = -inf
                |                         ^^^^
            mtaio.toml:5:23: window_memory_bytes must be a whole number of bytes from 0 to 1099511627776, got -1
              5 | window_memory_bytes = -1
                |                       ^^
            mtaio.toml:6:19: handler_timeout must be a number of seconds above 0 and up to 86400 (a day), or "none", got 0.0
              6 | handler_timeout = 0.0
                |                   ^^^"#]],
    );
}

#[test]
fn settings_of_other_types() {
    check(
        "interval = \"1s\"\nhistory_size = 3600.5\nscope = [\"auto\"]\nzfs_arc_available = \"yes\"\n\
         series_expiry_seconds = 2026-01-01\nwindow_memory_bytes = { mb = 64 }\nhandler_timeout = \"never\"\n",
        &expect![[r#"
            mtaio.toml cannot be used: 7 faults
            mtaio.toml:1:12: interval must be a finite number of seconds from 0.001 to 86400, got "1s"
              1 | interval = "1s"
                |            ^^^^
            mtaio.toml:2:16: history_size must be a whole number of samples from 1 to 10000000, got 3600.5
              2 | history_size = 3600.5
                |                ^^^^^^
            mtaio.toml:3:9: scope must be 'auto' or 'host', got ["auto"]
              3 | scope = ["auto"]
                |         ^^^^^^^^
            mtaio.toml:4:21: zfs_arc_available must be true or false, got "yes"
              4 | zfs_arc_available = "yes"
                |                     ^^^^^
            mtaio.toml:5:25: series_expiry_seconds must be a finite number of seconds from 1 to 3200000000, got the date or time 2026-01-01
              5 | series_expiry_seconds = 2026-01-01
                |                         ^^^^^^^^^^
            mtaio.toml:6:23: window_memory_bytes must be a whole number of bytes from 0 to 1099511627776, got a table
              6 | window_memory_bytes = { mb = 64 }
                |                       ^^^^^^^^^^^
            mtaio.toml:7:19: handler_timeout must be a number of seconds above 0 and up to 86400 (a day), or "none", got "never"
              7 | handler_timeout = "never"
                |                   ^^^^^^^"#]],
    );
}

#[test]
fn keys_that_there_are_none_of() {
    check(
        "intervall = 1\nqqq = 2\n\"応\\t\" = 3\nmetric = \"cpu_usage\"\n[monitor]\ninterval = 1\n[[threshold]]\nvalue = 1\n\
         [[thresholds]]\nmetric = \"a\"\nvalue = 1\nfor = 30\nhistory_size = 60\n",
        &expect![[r#"
            mtaio.toml cannot be used: 8 faults
            mtaio.toml:1:1: the file has no key "intervall": did you mean interval?
              1 | intervall = 1
                | ^^^^^^^^^
            mtaio.toml:2:1: the file has no key "qqq": it takes interval, history_size, scope, zfs_arc_available, series_expiry_seconds, window_memory_bytes, handler_timeout, thresholds, destinations
              2 | qqq = 2
                | ^^^
            mtaio.toml:3:1: the file has no key "応 ": it takes interval, history_size, scope, zfs_arc_available, series_expiry_seconds, window_memory_bytes, handler_timeout, thresholds, destinations
              3 | "応\t" = 3
                | ^^^^^^
            mtaio.toml:4:1: the file has no key "metric": it stands below a line [[thresholds]]
              4 | metric = "cpu_usage"
                | ^^^^^^
            mtaio.toml:5:2: the file has no key "monitor": settings of the monitor stand at the top of the file, before the first table
              5 | [monitor]
                |  ^^^^^^^
            mtaio.toml:7:3: the file has no key "threshold": did you mean thresholds?
              7 | [[threshold]]
                |   ^^^^^^^^^
            mtaio.toml:12:1: a threshold has no key "for": did you mean for_seconds?
              12 | for = 30
                 | ^^^
            mtaio.toml:13:1: a threshold has no key "history_size": it is a setting of the monitor, and stands before the first table
              13 | history_size = 60
                 | ^^^^^^^^^^^^"#]],
    );
}

#[test]
fn thresholds_with_everything_wrong() {
    check(
        "[[thresholds]]\n\
         metric = \"cpu_usage\"\n\
         value = 80\n\
         clear = 90\n\
         critical = 70\n\
         for_seconds = -1\n\
         repeat_seconds = 0\n\
         keep_firing_seconds = 1e300\n\
         window_seconds = 100_000\n\
         samples = [5, 3]\n\
         no_data = \"ignore\"\n\
         level = \"fatal\"\n\
         below = 0\n\
         grace_seconds = nan\n\
         cool_down_seconds = \"5m\"\n\
         annotations = { runbook = 5, owner = [] }\n",
        &expect![[r#"
            mtaio.toml cannot be used: 12 faults
            mtaio.toml:6:15: for_seconds must be a number of seconds from 0 to 3.2e9 (a hundred years), got -1
              6 | for_seconds = -1
                |               ^^
            mtaio.toml:7:18: repeat_seconds must be a number of seconds above 0 and up to 3.2e9 (a hundred years), got 0
              7 | repeat_seconds = 0
                |                  ^
            mtaio.toml:8:23: keep_firing_seconds must be a number of seconds from 0 to 3.2e9 (a hundred years), got 1e300
              8 | keep_firing_seconds = 1e300
                |                       ^^^^^
            mtaio.toml:9:18: window_seconds must be a number of seconds above 0 and up to 86400 (a day), got 100_000
              9 | window_seconds = 100_000
                |                  ^^^^^^^
            mtaio.toml:10:11: samples must be [n, m], n of the last m values, with 1 <= n <= m <= 64, got [5, 3]
              10 | samples = [5, 3]
                 |           ^^^^^^
            mtaio.toml:11:11: no_data must be 'keep', 'resolve' or 'alert', got "ignore"
              11 | no_data = "ignore"
                 |           ^^^^^^^^
            mtaio.toml:12:9: level must be 'warning' or 'critical', got "fatal"
              12 | level = "fatal"
                 |         ^^^^^^^
            mtaio.toml:13:9: below must be true or false, got 0
              13 | below = 0
                 |         ^
            mtaio.toml:14:17: grace_seconds must be a number of seconds from 0 to 3.2e9 (a hundred years), got nan
              14 | grace_seconds = nan
                 |                 ^^^
            mtaio.toml:15:21: cool_down_seconds must be a number of seconds from 0 to 3.2e9 (a hundred years), got "5m"
              15 | cool_down_seconds = "5m"
                 |                     ^^^^
            mtaio.toml:16:27: an annotation must be a text in quotes, got 5
              16 | annotations = { runbook = 5, owner = [] }
                 |                           ^
            mtaio.toml:16:38: an annotation must be a text in quotes, got []
              16 | annotations = { runbook = 5, owner = [] }
                 |                                      ^^"#]],
    );
}

#[test]
fn thresholds_without_a_level_to_compare_with() {
    check(
        "[[thresholds]]\nvalue = inf\nclear = 5\ncritical = \"x\"\n\
         [[thresholds]]\nmetric = 5\nvalue = 99999999999999999999\nlevel = \"critical\"\ncritical = 1e300\nsamples = [1, 2, 3]\n",
        &expect![[r#"
            mtaio.toml cannot be used: 6 faults
            mtaio.toml:1:1: a threshold needs metric, such as metric = "cpu_usage"
              1 | [[thresholds]]
                | ^^^^^^^^^^^^^^
            mtaio.toml:2:9: value must be a finite number, got inf
              2 | value = inf
                |         ^^^
            mtaio.toml:4:12: critical must be a finite number, got "x"
              4 | critical = "x"
                |            ^^^
            mtaio.toml:6:10: metric must be a name or an expression, in quotes, got 5
              6 | metric = 5
                |          ^
            mtaio.toml:9:12: critical is a second level beside a warning: give either it or level = "critical"
              9 | critical = 1e300
                |            ^^^^^
            mtaio.toml:10:11: samples must be [n, m], n of the last m values, with 1 <= n <= m <= 64, got [1, 2, 3]
              10 | samples = [1, 2, 3]
                 |           ^^^^^^^^^"#]],
    );
}

#[test]
fn carets_stand_in_expressions() {
    check(
        r#"
thresholds = [
    { metric = "request_duration:p999x", value = 1 },
    { metric = 'request_duration{route="/cart"', value = 1 },
    { metric = "a{route=\"/\u00e9\"}:foo", value = 1 },
    { metric = "応{", value = 1 },
    { metric = """a
:nope""", value = 1 },
    { metric = "", value = 1 },
]
"#,
        &expect![[r#"
            mtaio.toml cannot be used: 6 faults
            mtaio.toml:3:34: metric must be a name or an expression: an aggregate is last, count, sum, rate, mean, min, max or p50 … p99.99
              3 |     { metric = "request_duration:p999x", value = 1 },
                |                                  ^
            mtaio.toml:4:47: metric must be a name or an expression: a condition is followed by , or }
              4 |     { metric = 'request_duration{route="/cart"', value = 1 },
                |                                               ^
            mtaio.toml:5:38: metric must be a name or an expression: an aggregate is last, count, sum, rate, mean, min, max or p50 … p99.99
              5 |     { metric = "a{route=\"/\u00e9\"}:foo", value = 1 },
                |                                      ^
            mtaio.toml:6:17: metric must be a name or an expression: a metric is a letter or _ and then letters, digits, _, . or -
              6 |     { metric = "応{", value = 1 },
                |                 ^^
            mtaio.toml:7:16: metric must be a name or an expression: an aggregate is last, count, sum, rate, mean, min, max or p50 … p99.99
              7 |     { metric = """a
                |                ^^^^
            mtaio.toml:9:16: metric must be a name or an expression, in quotes, got ""
              9 |     { metric = "", value = 1 },
                |                ^^"#]],
    );
}

#[test]
fn one_threshold_for_a_metric() {
    check(
        "[[thresholds]]\nmetric = \"a\"\nvalue = 1\n[[thresholds]]\nmetric = \"b\"\nvalue = 1\n\
         [[thresholds]]\nmetric = \"a\"\nvalue = 2\n",
        &expect![[r#"
            mtaio.toml cannot be used: 1 fault
            mtaio.toml:8:10: this metric has a threshold already, in line 2; there may be one
              8 | metric = "a"
                |          ^^^"#]],
    );
}

#[test]
fn tables_in_other_shapes() {
    check(
        "thresholds = { cpu_usage = 80 }\ndestinations = [\"https://secret.example.org\", 5]\n",
        &expect![[r#"
            mtaio.toml cannot be used: 3 faults
            mtaio.toml:1:14: thresholds must be tables, each below a line [[thresholds]], got a table
              1 | thresholds = { cpu_usage = 80 }
                |              ^^^^^^^^^^^^^^^^^^
            mtaio.toml:2:17: destinations must be tables, each below a line [[destinations]], got something else
              2 | destinations = ["**************************", 5]
                |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
            mtaio.toml:2:47: destinations must be tables, each below a line [[destinations]], got 5
              2 | destinations = ["**************************", 5]
                |                                               ^"#]],
    );
    check(
        "[thresholds]\nmetric = \"a\"\n",
        &expect![[r#"
        mtaio.toml cannot be used: 1 fault
        mtaio.toml:1:1: thresholds must be tables, each below a line [[thresholds]], got a table
          1 | [thresholds]
            | ^^^^^^^^^^^^"#]],
    );
}

#[test]
fn destinations_with_everything_wrong() {
    check(
        r#"[[destinations]]
type = "webhook"
url = "ftp://user:p4ssword@host/services/T0"
headers = { "a b" = "s3cret", X-Token = "s3cret\n", Other = 5 }
timeout_seconds = 0
retry_seconds = -1
labels = {}

[[destinations]]
type = "alertmanager"
url = ["p4ssword"]
token = "p4ssword"
labels = { severity = "page", alertname = "x" }
generator_url = "wiki"
resend_seconds = 0
timeout_seconds = "long"

[[destinations]]
type = "slack"

[[destinations]]
url = "http://host"
"#,
        &expect![[r#"
            mtaio.toml cannot be used: 17 faults
            mtaio.toml:3:7: url must be an address with a host, such as https://alerts.example.org:9093/path, got one that does not begin with http:// or https://
              3 | url = "************************************"
                |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
            mtaio.toml:4:13: headers must be names of letters, digits and -, got "a b"
              4 | headers = { "a b" = "******", X-Token = "********", Other = 5 }
                |             ^^^^^
            mtaio.toml:4:31: headers must be values of visible characters, got another for "X-Token"
              4 | headers = { "a b" = "******", X-Token = "********", Other = 5 }
                |                               ^^^^^^^
            mtaio.toml:4:61: headers must be text in quotes, got 5
              4 | headers = { "a b" = "******", X-Token = "********", Other = 5 }
                |                                                             ^
            mtaio.toml:5:19: timeout_seconds must be a number of seconds above 0 and up to 300, got 0
              5 | timeout_seconds = 0
                |                   ^
            mtaio.toml:6:17: retry_seconds must be a number of seconds from 0 to 86400 (a day), got -1
              6 | retry_seconds = -1
                |                 ^^
            mtaio.toml:7:1: a destination has no key "labels": it takes type, url, headers, timeout_seconds, retry_seconds
              7 | labels = {}
                | ^^^^^^
            mtaio.toml:11:7: url must be text in quotes, got something else
              11 | url = ["********"]
                 |       ^^^^^^^^^^^^
            mtaio.toml:12:1: a destination has no key "token": it takes type, url, labels, generator_url, resend_seconds, timeout_seconds
              12 | token = "********"
                 | ^^^^^
            mtaio.toml:13:12: labels must be names of letters, digits and _ that do not begin with a digit, other than alertname and severity, got "severity"
              13 | labels = { severity = "page", alertname = "x" }
                 |            ^^^^^^^^
            mtaio.toml:13:31: labels must be names of letters, digits and _ that do not begin with a digit, other than alertname and severity, got "alertname"
              13 | labels = { severity = "page", alertname = "x" }
                 |                               ^^^^^^^^^
            mtaio.toml:14:17: generator_url must be an address that begins with http:// or https://, got "wiki"
              14 | generator_url = "wiki"
                 |                 ^^^^^^
            mtaio.toml:15:18: resend_seconds must be a number of seconds from 0.1 to 3600, got 0
              15 | resend_seconds = 0
                 |                  ^
            mtaio.toml:16:19: timeout_seconds must be a number of seconds above 0 and up to 300, got "long"
              16 | timeout_seconds = "long"
                 |                   ^^^^^^
            mtaio.toml:18:1: a destination needs url, such as url = "https://alerts.example.org:9093"
              18 | [[destinations]]
                 | ^^^^^^^^^^^^^^^^
            mtaio.toml:19:8: type must be "webhook" or "alertmanager", got "slack"
              19 | type = "slack"
                 |        ^^^^^^^
            mtaio.toml:21:1: a destination needs type, such as type = "webhook"
              21 | [[destinations]]
                 | ^^^^^^^^^^^^^^^^"#]],
    );
}

#[test]
fn variables_of_the_environment() {
    check(
        r#"[[destinations]]
type = "webhook"
url = "https://host/p4ssword/${MISSING}/${EMPTY}/${1}/${TOKEN"
headers = { Authorization = "Bearer ${TOKEN} ${MISSING}" }
"#,
        &expect![[r#"
            mtaio.toml cannot be used: 5 faults
            mtaio.toml:3:30: the environment has no MISSING, or it is empty: set it before the start
              3 | url = "******************************************************"
                |                              ^
            mtaio.toml:3:41: the environment has no EMPTY, or it is empty: set it before the start
              3 | url = "******************************************************"
                |                                         ^
            mtaio.toml:3:50: a variable of the environment is written ${NAME}, and a plain ${ is written $${
              3 | url = "******************************************************"
                |                                                  ^
            mtaio.toml:3:55: a variable of the environment is written ${NAME}, and a plain ${ is written $${
              3 | url = "******************************************************"
                |                                                       ^
            mtaio.toml:4:46: the environment has no MISSING, or it is empty: set it before the start
              4 | headers = { Authorization = "****** ******** **********" }
                |                                              ^"#]],
    );
}

#[test]
fn what_is_no_toml() {
    check(
        "interval = \n[[thresholds]\nmetric = cpu_usage\nvalue = 80 %\ninterval 5\n",
        &expect![[r#"
            mtaio.toml cannot be used: 3 faults
            mtaio.toml:1:12: this is no TOML: there is no value
              1 | interval =
                |            ^
            mtaio.toml:2:14: this is no TOML: unclosed array table, expected `]`
              2 | [[thresholds]
                |              ^
            mtaio.toml:5:10: this is no TOML: key with no value, expected `=`
              5 | interval 5
                |          ^"#]],
    );
    check(
        "interval = 1\ninterval = 2\nscope = \"auto\nhistory_size = 01\n",
        &expect![[r#"
        mtaio.toml cannot be used: 3 faults
        mtaio.toml:2:1: this is no TOML: duplicate key
          2 | interval = 2
            | ^^^^^^^^
        mtaio.toml:3:14: this is no TOML: invalid basic string, expected `"`
          3 | scope = "auto
            |              ^
        mtaio.toml:4:16: this is no TOML: unexpected leading zero, expected nothing
          4 | history_size = 01
            |                ^"#]],
    );
    check(
        "[[destinations]]\nurl = https://user:p4ssword@host\n  headers = { A = \"p4ssword }\np4ssword\n",
        &expect![[r#"
            mtaio.toml cannot be used: 3 faults
            mtaio.toml:2:7: this is no TOML: string values must be quoted, expected literal string
              2 | url = **************************
                |       ^^^^^^^^^^^^^^^^^^^^^^^^^^
            mtaio.toml:3:30: this is no TOML: invalid basic string, expected `"`
              3 |   headers = * * = "******** *
                |                              ^
            mtaio.toml:4:1: this is no TOML: missing comma between key-value pairs, expected `,`
              4 | ********
                | ^"#]],
    );
    check(
        "interval = 0\nscope = auto\n[[thresholds]]\nvalue = true\n",
        &expect![[r#"
        mtaio.toml cannot be used: 3 faults
        mtaio.toml:1:12: interval must be a finite number of seconds from 0.001 to 86400, got 0
          1 | interval = 0
            |            ^
        mtaio.toml:2:9: this is no TOML: string values must be quoted, expected literal string
          2 | scope = auto
            |         ^^^^
        mtaio.toml:4:9: value must be a finite number, got true
          4 | value = true
            |         ^^^^"#]],
    );
}

#[test]
fn long_and_hostile_lines() {
    let long = format!("scope = [{}{}{}]", "1,".repeat(60), "\"x", "応".repeat(100));
    check(
        &long,
        &expect![[r#"
            mtaio.toml cannot be used: 1 fault
            mtaio.toml:1:233: this is no TOML: unclosed array, expected `]`
              1 | …応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応応]
                |                                                                                                                                                                                                         ^"#]],
    );
    let item = format!("thresholds = [{}5,{}]", "{},".repeat(60), "{},".repeat(60));
    let error = parse(&item).unwrap_err();
    assert!(error.lines().all(|line| line.chars().count() < 250), "{error}");
    check(
        "scope = \"\\u0000\t\u{202e}応\" # \u{202e}\n",
        &expect![[r#"
        mtaio.toml cannot be used: 1 fault
        mtaio.toml:1:9: scope must be 'auto' or 'host', got "\u0000 �応"
          1 | scope = "\u0000 �応" # �
            |         ^^^^^^^^^^^^"#]],
    );
}
