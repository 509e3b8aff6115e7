//! Settings, thresholds and destinations out of a file, and what is said of one that cannot be used.

mod faults;

use std::io::Write as _;

use mtaio_monitoring::alerts::{Level, NoData, Rule, RuleOptions};
use mtaio_monitoring::monitor::{Config, ConfigFile, Destination, MonitorCore, Scope};
use proptest::prelude::*;
use toml::{Table, Value};

/// What the tests' environment holds.
fn environment(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some("s3cret".to_owned()),
        "HOST" => Some("alerts.example.org".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn parse(text: &str) -> Result<ConfigFile, String> {
    ConfigFile::parse_with("mtaio.toml", text, &environment).map_err(|error| error.to_string())
}

const WHOLE: &str = r#"
interval = 0.5
history_size = 7_200
scope = "host"
zfs_arc_available = false
series_expiry_seconds = 600
window_memory_bytes = 0x100000
handler_timeout = "none"

[[thresholds]]
metric = "memory_usage"
value = 80
critical = 95.0
clear = 75.0
for_seconds = 30
annotations = { runbook = "https://wiki.example.org/memory" }

[[thresholds]]
metric = 'request_duration{route="/cart"}:p99 by (region)'
value = 0.5
below = false
repeat_seconds = 300
level = "critical"
keep_firing_seconds = 10
window_seconds = 300
samples = [3, 5]
no_data = "alert"
grace_seconds = 60
cool_down_seconds = 120

[[destinations]]
type = "alertmanager"
url = "https://${HOST}:9093/prefix"
labels = { service = "shop", region = "${HOST}" }
generator_url = "https://wiki.example.org"
resend_seconds = 30
timeout_seconds = 5

[[destinations]]
type = "webhook"
url = "http://127.0.0.1:8080/services/${TOKEN}?plain=$${TOKEN}"
headers.Authorization = "Bearer ${TOKEN}"
timeout_seconds = 2.5
retry_seconds = 0
"#;

#[test]
fn a_file_that_gives_everything() {
    let file = parse(WHOLE).unwrap();
    let settings = &file.settings;
    assert_eq!((settings.interval, settings.history_size), (Some(0.5), Some(7_200)));
    assert_eq!((settings.scope, settings.zfs_arc_available), (Some(Scope::Host), Some(false)));
    assert_eq!((settings.series_expiry_seconds, settings.window_memory_bytes), (Some(600.0), Some(1 << 20)));
    assert_eq!(settings.handler_timeout, Some(None));
    let config = file.config().unwrap();
    assert_eq!((config.interval_seconds(), config.history_size(), config.scope()), (0.5, 7_200, Scope::Host));
    assert_eq!((config.series_expiry_ns(), config.handler_timeout()), (600_000_000_000, None));

    let memory =
        RuleOptions { critical: Some(95.0), clear: Some(75.0), for_seconds: 30.0, ..RuleOptions::default() };
    let memory = Rule::new("memory_usage", 80.0, memory)
        .unwrap()
        .with_annotations([("runbook", "https://wiki.example.org/memory")]);
    let cart = RuleOptions {
        repeat_seconds: Some(300.0),
        level: Level::Critical,
        keep_firing_seconds: 10.0,
        window_seconds: 300.0,
        samples: (3, 5),
        no_data: NoData::Alert,
        grace_seconds: 60.0,
        cool_down_seconds: 120.0,
        ..RuleOptions::default()
    };
    let cart = Rule::new(r#"request_duration{route="/cart"}:p99 by (region)"#, 0.5, cart).unwrap();
    assert_eq!(file.rules, [memory, cart]);

    assert!(matches!(file.destinations[..], [Destination::Alertmanager(_), Destination::Webhook(_)]));
    let shown = format!("{file:?}");
    assert!(
        shown.contains("https://alerts.example.org:9093") && shown.contains(r#""region": "alerts.example.org""#)
    );
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn an_empty_file_is_the_defaults() {
    for text in
        ["", "# nothing\n", "\u{feff}", "\u{feff}# a mark of Windows\r\n", "thresholds = []\ndestinations = []"]
    {
        let file = parse(text).unwrap();
        assert_eq!(file.settings, mtaio_monitoring::monitor::Settings::default());
        assert!(file.rules.is_empty() && file.destinations.is_empty());
        assert_eq!(file.config().unwrap().interval_ns(), Config::default().interval_ns());
    }
}

#[test]
fn a_monitor_is_set_up() {
    let file = parse(WHOLE).unwrap();
    let monitor = MonitorCore::new(file.config().unwrap());
    assert_eq!(file.set_up(&monitor), [0, 1]);
    let mut rules: Vec<Rule> = monitor.rule_states().into_iter().map(|state| state.rule).collect();
    rules.sort_by(|one, other| one.metric.cmp(&other.metric));
    assert_eq!(rules, file.rules);
    let addresses: Vec<_> = monitor.health().destinations.into_iter().map(|one| (one.kind, one.address)).collect();
    let expected = [("alertmanager", "https://alerts.example.org:9093"), ("webhook", "http://127.0.0.1:8080")];
    assert_eq!(addresses, expected.map(|(kind, address)| (kind, address.to_owned())));
}

#[test]
fn a_file_is_read_from_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mtaio.toml");
    let error = |path: &std::path::Path| ConfigFile::read(path).unwrap_err().to_string();
    assert!(error(&path).starts_with(&format!("cannot read {}: ", path.display())), "{}", error(&path));
    assert!(error(folder.path()).starts_with(&format!("cannot read {}: ", folder.path().display())));

    std::fs::write(&path, "interval = 0.25\n").unwrap();
    assert_eq!(ConfigFile::read(&path).unwrap().settings.interval, Some(0.25));
    std::fs::write(&path, "interval = 0\n").unwrap();
    assert!(error(&path).contains(&format!("{}:1:12: interval must be", path.display())));
    std::fs::write(&path, b"interval = 1\nscope = \"h\xf6st\"\n").unwrap();
    assert_eq!(error(&path), format!("{}:2: the file must be UTF-8, and this line is not", path.display()));

    let mut large = std::fs::File::create(&path).unwrap();
    large.write_all(&vec![b'\n'; 1 << 20]).unwrap();
    assert!(ConfigFile::read(&path).is_ok());
    large.write_all(b"\n").unwrap();
    let expected = format!("{} must be a file of up to 1048576 bytes (1 MiB), got a larger one", path.display());
    assert_eq!(error(&path), expected);
}

#[test]
fn in_a_pyproject_our_table_is_read_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pyproject.toml");
    let write = |text: &str| std::fs::write(&path, text).unwrap();
    write(
        "[project]\nname = \"shop\"\n[tool.mtaio.monitoring]\ninterval = 2\n\
         [[tool.mtaio.monitoring.thresholds]]\nmetric = \"cpu_usage\"\nvalue = 80\n",
    );
    let file = ConfigFile::read(&path).unwrap();
    assert_eq!((file.settings.interval, file.rules.len()), (Some(2.0), 1));
    write("[project]\nname = \"shop\"\n");
    let error = ConfigFile::read(&path).unwrap_err().to_string();
    assert!(error.contains("there is no table [tool.mtaio.monitoring]"), "{error}");
}

#[cfg(feature = "tokio")]
#[test]
fn a_monitor_for_tokio() {
    use mtaio_monitoring::ResourceMonitor;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mtaio.toml");
    std::fs::write(&path, "handler_timeout = 3\n[[thresholds]]\nmetric = \"depth\"\nvalue = 5\n").unwrap();
    let monitor = ResourceMonitor::from_config(&path).unwrap();
    let rules = monitor.alert_rules("prometheus").unwrap();
    assert!(rules.contains("(depth) > 5"), "{rules}");
    assert!(ResourceMonitor::from_config(folder.path().join("none.toml")).is_err());
}

#[test]
fn texts_that_would_take_long_or_much() {
    let deep = "a.".repeat(300_000) + "a = 1";
    let tables = "[".repeat(500_000);
    let arrays = format!("thresholds = {}", "[".repeat(500_000));
    let many = "interval = 0\n".repeat(50_000);
    let duplicates = "[[thresholds]]\nmetric = \"x\"\nvalue = 1\n".repeat(20_000);
    let items = format!("thresholds = [{}]", "1,".repeat(300_000));
    let unknown: String = (0..80_000).map(|number| format!("k{number}=1\n")).collect();
    let secrets = format!("destinations = [{}]", "{headers={a=\"b\"}},".repeat(30_000));
    for text in [deep, tables, arrays, many, duplicates, items, unknown, secrets] {
        let error = parse(&text).unwrap_err();
        assert!(error.len() < 30_000, "{}", error.len());
        assert!(error.starts_with("mtaio.toml cannot be used: "), "{error}");
    }
}

/// A text with everything that a writer must escape.
fn text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[a-z\"'\\\\\n\t é応${}#=\\[\\].-]{0,12}").unwrap()
}

fn metric() -> impl Strategy<Value = String> {
    let named = "[a-z_][a-z0-9_]{0,8}";
    let selected = (named, text(), named).prop_map(|(metric, value, aggregate)| {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let aggregate = ["last", "p99.9", "rate", "count"][aggregate.len() % 4];
        format!("{metric}{{route=\"{value}\"}}:{aggregate} by (region)")
    });
    // With ` by ` in it, a text is meant as an expression.
    let odd = "[a-z ü#'.-]{1,8}x".prop_filter("is a name", |text| !text.contains(" by "));
    prop_oneof![named.prop_map(|name| name), selected, odd]
}

fn seconds() -> impl Strategy<Value = f64> {
    prop_oneof![(0..100_u8).prop_map(f64::from), 0.001..3.2e9_f64]
}

type Options = (RuleOptions, f64, Vec<(String, String)>);

fn options() -> impl Strategy<Value = Options> {
    let value = prop_oneof![-1e9..1e9_f64, any::<i16>().prop_map(f64::from)];
    let bounds = (value, any::<bool>(), proptest::option::of(0.0..1e6_f64), proptest::option::of(1.0..1e6_f64));
    let times =
        (seconds(), seconds(), seconds(), seconds(), proptest::option::of(0.001..1e9_f64), 0.001..86_400.0_f64);
    let rest = (1..=8_u32, 0..=8_u32, 0..3_u8, any::<bool>(), proptest::collection::vec((text(), text()), 0..3));
    (bounds, times, rest).prop_map(
        |((value, below, clear, critical), times, (n, more, no_data, grave, annotations))| {
            let (for_seconds, keep_firing_seconds, grace_seconds, cool_down_seconds, repeat_seconds, window) =
                times;
            let sign = if below { -1.0 } else { 1.0 };
            let options = RuleOptions {
                below,
                clear: clear.map(|distance| value - sign * distance),
                for_seconds,
                repeat_seconds,
                critical: critical.map(|distance| value + sign * distance),
                level: if grave && critical.is_none() { Level::Critical } else { Level::Warning },
                keep_firing_seconds,
                window_seconds: window,
                samples: (n, n + more),
                no_data: [NoData::Keep, NoData::Resolve, NoData::Alert][usize::from(no_data)],
                grace_seconds,
                cool_down_seconds,
            };
            (options, value, annotations)
        },
    )
}

/// The table of a threshold. Whole numbers are written as such now and then, as people do.
fn table(metric: &str, (options, value, annotations): &Options) -> Table {
    let number = |number: f64| {
        if number.fract() == 0.0 && number.abs() < 1e9 && number % 2.0 == 0.0 {
            Value::Integer(number as i64)
        } else {
            Value::Float(number)
        }
    };
    let texts: Table =
        annotations.iter().map(|(name, text)| (name.clone(), Value::String(text.clone()))).collect();
    let no_data = match options.no_data {
        NoData::Keep => "keep",
        NoData::Resolve => "resolve",
        NoData::Alert => "alert",
    };
    let samples = [options.samples.0, options.samples.1].map(|count| Value::Integer(count.into())).to_vec();
    let mut table = Table::from_iter([
        ("metric".to_owned(), Value::String(metric.to_owned())),
        ("value".to_owned(), number(*value)),
        ("below".to_owned(), Value::Boolean(options.below)),
        ("for_seconds".to_owned(), number(options.for_seconds)),
        ("level".to_owned(), Value::String(options.level.name().to_owned())),
        ("keep_firing_seconds".to_owned(), number(options.keep_firing_seconds)),
        ("window_seconds".to_owned(), number(options.window_seconds)),
        ("samples".to_owned(), Value::Array(samples)),
        ("no_data".to_owned(), Value::String(no_data.to_owned())),
        ("grace_seconds".to_owned(), number(options.grace_seconds)),
        ("cool_down_seconds".to_owned(), number(options.cool_down_seconds)),
        ("annotations".to_owned(), Value::Table(texts)),
    ]);
    let optional =
        [("clear", options.clear), ("repeat_seconds", options.repeat_seconds), ("critical", options.critical)];
    for (key, given) in optional {
        given.map(|given| table.insert(key.to_owned(), number(given)));
    }
    table
}

proptest! {
    #[test]
    fn thresholds_that_are_written_are_read_as_the_same(
        given in proptest::collection::btree_map(metric(), options(), 0..6),
    ) {
        let tables = given.iter().map(|(metric, options)| Value::Table(table(metric, options))).collect();
        let document = Table::from_iter([("thresholds".to_owned(), Value::Array(tables))]);
        let written = toml::to_string(&document).unwrap();
        let rules: Vec<Rule> = given
            .iter()
            .map(|(metric, (options, value, annotations))| {
                let annotations = annotations.iter().map(|(name, text)| (name.as_str(), text.as_str()));
                Rule::new(metric, *value, *options).unwrap().with_annotations(annotations)
            })
            .collect();
        prop_assert_eq!(parse(&written).map_err(TestCaseError::fail)?.rules, rules, "{}", written);
    }

    /// Whatever stands in the file: each fault has a place that is in it, and what is below a caret is there.
    #[test]
    fn any_text_is_read_or_told_of(
        lines in proptest::collection::vec(
            prop_oneof![
                3 => "(interval|metric|value|url|scope|headers|type|sampels) ?= ?[0-9\"'a-z\\[{}.]{0,8}",
                2 => Just("[[thresholds]]".to_owned()),
                2 => Just("[[destinations]]".to_owned()),
                1 => "[\\PC\t]{0,20}",
            ],
            0..12,
        ),
    ) {
        let text = lines.join("\n");
        let Err(message) = parse(&text) else { return Ok(()) };
        let mut lines = message.lines().skip(1);
        let mut places = 0;
        while let Some(place) = lines.next() {
            let mut parts = place.splitn(4, ':').skip(1);
            let line: usize = parts.next().unwrap().parse().unwrap();
            let column: usize = parts.next().unwrap().parse().unwrap();
            let source = text.split('\n').nth(line - 1).expect("a line of the text");
            prop_assert!(column <= source.chars().count() + 1, "{}", message);
            prop_assert!(lines.next().unwrap().starts_with(&format!("  {line} | ")), "{}", message);
            prop_assert!(lines.next().unwrap().trim_end().ends_with('^'), "{}", message);
            places += 1;
        }
        prop_assert!(places > 0);
    }
}
