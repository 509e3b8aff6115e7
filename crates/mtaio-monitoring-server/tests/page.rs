//! What the page is made of: its files, and what it asks for beside the stream.

use std::sync::Arc;

use mtaio_monitoring::Profiler;
use mtaio_monitoring::metrics::Labels;
use mtaio_monitoring::metrics::catalogue::Kind;
use mtaio_monitoring::monitor::{Config, MonitorCore};
use mtaio_monitoring_server::{Options, Server};

use super::{ask, served, wait_until};

#[test]
fn the_page_and_its_files_come_under_a_policy_that_keeps_them_here() {
    let (_monitor, server) = served(&Options::default());
    let page = ask(&server, "/", "");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let loaded = page.body.match_indices("=\"").filter_map(|(at, _)| page.body[at + 2..].split('"').next());
    let files: Vec<&str> = loaded.filter(|file| file.ends_with(".js") || file.ends_with(".css")).collect();
    assert!(files.contains(&"uPlot.js") && files.contains(&"app.js"), "{files:?}");
    for file in files {
        let file = ask(&server, &format!("/{file}"), "");
        assert_eq!((file.status, file.header("x-content-type-options")), (200, Some("nosniff")));
    }
    // What is embedded beside them is not served.
    for none in ["/uPlot.LICENSE", "/page/app.js", "/../Cargo.toml", "/app.js/", "//app.js", "/src/lib.rs"] {
        assert_eq!(ask(&server, none, "").status, 404, "{none}");
    }
}

#[test]
fn a_stretch_of_the_past_is_told_or_refused_in_words() {
    let config = Config::default().with_interval_seconds(0.002).unwrap();
    let monitor = Arc::new(MonitorCore::new(config));
    let server = Server::start(Arc::clone(&monitor), &Options::default()).unwrap();
    monitor.start().unwrap();
    wait_until("there are samples", || monitor.history(None, None).unwrap().len() >= 7);
    let range = ask(&server, "/api/v1/range?expression=memory_usage&expression=thread_count&points=10", "").json();
    let times = range["times"].as_array().unwrap().len();
    assert!(times > 0, "{range}");
    assert!(times <= 10);
    assert_eq!(range["columns"].as_array().unwrap().len(), 2);
    for column in ["mean", "min", "max"] {
        assert_eq!(range["columns"][0][column].as_array().unwrap().len(), times);
    }
    assert!(range["columns"][1]["mean"][0].as_f64().unwrap() >= 1.0);
    for (query, why) in [
        ("", "expression is missing"),
        ("expression=no_such", "no_such"),
        ("expression=cpu_usage&points=0", "points must be a whole number from 1 to 10000"),
        ("expression=cpu_usage&start=nan", "start"),
        ("expression=cpu_usage&query=1", "there is no such parameter"),
    ] {
        let refused = ask(&server, &format!("/api/v1/range?{query}"), "");
        assert_eq!(refused.status, 400, "{query}");
        let error = refused.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(why), "{query}: {error}");
    }
}

#[test]
fn operations_are_told_with_the_slowest_traces_and_shown_as_a_page() {
    let (monitor, without) = served(&Options::default());
    for path in ["/api/v1/operations", "/profile"] {
        assert_eq!(ask(&without, path, "").status, 404, "{path}");
    }
    assert_eq!(ask(&without, "/api/v1/about", "").json()["profiler"], false);
    let profiler = Profiler::new();
    for _ in 0..3 {
        drop(profiler.enter("<script>alert(1)</script>"));
    }
    let open = profiler.enter("still open");
    let options = Options::default().with_profiler(&profiler);
    let server = Server::start(monitor.clone(), &options).unwrap();
    let told = ask(&server, "/api/v1/operations", "").json();
    let operations = told["operations"].as_array().unwrap();
    let hostile = operations.iter().find(|one| one["name"] == "<script>alert(1)</script>").expect("it was traced");
    assert_eq!((&hostile["count"], &hostile["errors"]), (&3.into(), &0.into()));
    let slowest: Vec<_> = told["slowest"].as_array().unwrap().iter().map(|trace| trace["name"].clone()).collect();
    assert_eq!(slowest.len(), 4, "{told}");
    assert!(slowest.contains(&"still open".into()));
    drop(open);
    let page = ask(&server, "/profile", "");
    assert_eq!(page.header("content-disposition"), None);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'sha256-") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!page.body.contains("<script>alert"));
    let about = ask(&server, "/api/v1/about", "").json();
    assert_eq!((&about["profiler"], &about["pid"]), (&true.into(), &std::process::id().into()));
    assert_eq!(about["is_running"], false);
}

#[test]
fn what_the_program_records_is_summed_up_by_name() {
    let (monitor, server) = served(&Options::default());
    let duration = monitor.declare(Kind::Histogram, "request_duration", "s", "How long a request took.").unwrap();
    for route in ["/a", "/b"] {
        let labelled = duration.with_labels(&Labels::new([("route", route)])).unwrap();
        monitor.record_bound(&labelled, 0.2);
    }
    let told = super::streaming::first(&server);
    let metric = &told["metrics"]["request_duration"];
    assert_eq!((&metric["kind"], &metric["unit"]), (&"histogram".into(), &"s".into()), "{told}");
    assert!((metric["p99"].as_f64().unwrap() - 0.2).abs() < 0.003, "{metric}");
    assert_eq!(told["recorded"].as_object().unwrap().len(), 2);
}
