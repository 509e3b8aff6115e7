//! The grammar of a threshold's text: what it takes, and what it says to the rest.

use mtaio_monitoring::alerts::{Aggregate, Expression, LabelCondition, Percent, Term};
use mtaio_monitoring::metrics::Labels;
use proptest::prelude::*;

fn parsed(text: &str) -> Expression {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A text and the same one as it is shown.
fn check(text: &str, shown: &str) {
    assert_eq!(parsed(text).to_string(), shown);
    assert_eq!(parsed(shown), parsed(text));
}

#[test]
fn every_form_of_the_grammar() {
    check("cpu_usage", "cpu_usage");
    check("request_duration:p99", "request_duration:p99");
    check(" request_duration : p99.90 ", "request_duration:p99.9");
    check("request_duration:avg", "request_duration:mean");
    check("queue:last", "queue");
    check("queue{}:max", "queue:max");
    check("http.server.request.duration:rate", "http.server.request.duration:rate");
    check(r#"hits{route = "/cart" , method!="GET",}"#, r#"hits{route="/cart",method!="GET"}"#);
    check(r#"hits{path="a\"b\\c\nd}"}:sum"#, r#"hits{path="a\"b\\c\nd}"}:sum"#);
    check("errors:count/requests:count", "errors:count / requests:count");
    check("errors:count / requests:count by(route,method)", "errors:count / requests:count by (method, route)");
    check("busy by (zone)", "busy by (zone)");
    check(r#"hits{zone="東京"}:min by (zone)"#, r#"hits{zone="東京"}:min by (zone)"#);
}

#[test]
fn what_is_parsed_is_what_was_written() {
    let expression = parsed(r#"errors{code!="404"}:count / requests:p99.99 by (route)"#);
    let condition = LabelCondition { label: "code".into(), equal: false, value: "404".into() };
    let errors = Term { metric: "errors".into(), selector: vec![condition], aggregate: Aggregate::Count };
    assert_eq!(expression.term, errors);
    let share = Percent::from_thousandths(99_990).expect("a percentage");
    assert_eq!(expression.divisor.as_ref().expect("a ratio").aggregate, Aggregate::Quantile(share));
    assert_eq!(share.share(), 0.9999);
    assert_eq!(expression.by, ["route".into()]);
    assert!(expression.has_window());
    assert_eq!(expression.plain_name(), None);
}

#[test]
fn names_that_were_always_accepted_are_plain_names() {
    for name in
        ["queue", "free workers", "99 luftballons", "待ち行列", "a=b", "a+b", "standby", "by", "x.y-z", "\t"]
    {
        let expression = parsed(name);
        assert_eq!(expression.plain_name().map(|name| &**name), Some(name));
        assert_eq!(expression.to_string(), name);
        assert!(!expression.has_window());
    }
    assert_eq!(parsed("queue:last").plain_name().map(|name| &**name), Some("queue"));
}

#[test]
fn a_selector_knows_its_series() {
    let term = parsed(r#"hits{route="/cart",method!="GET"}"#).term;
    assert!(term.selects(&Labels::new([("route", "/cart"), ("method", "POST"), ("zone", "a")])));
    assert!(term.selects(&Labels::new([("route", "/cart")])), "no method is not GET");
    assert!(!term.selects(&Labels::new([("route", "/cart"), ("method", "GET")])));
    assert!(!term.selects(&Labels::new([("method", "POST")])));
    assert!(parsed(r#"hits{route=""}"#).term.selects(&Labels::default()), "as in PromQL");
}

#[test]
fn what_is_wrong_is_shown_where_it_is() {
    for (text, column, accepted) in [
        ("request_duration:p999x", 17, "an aggregate is last, count, sum, rate, mean, min, max or p50 … p99.99"),
        ("x:p0", 2, "an aggregate is"),
        ("x:p100", 2, "an aggregate is"),
        ("x:p99.9999", 2, "an aggregate is"),
        ("x:p99.", 2, "an aggregate is"),
        ("x:p.5", 2, "an aggregate is"),
        ("x:", 2, "an aggregate is"),
        ("x: 東", 3, "an aggregate is"),
        ("{", 0, "a metric is a letter or _ and then letters, digits, _, . or -"),
        ("/ x", 0, "a metric is"),
        ("x /", 3, "a metric is"),
        ("x / 3", 4, "a metric is"),
        ("東京{", 0, "a metric is"),
        ("x{", 2, "a label is a letter or _ and then letters, digits, _, . or -"),
        ("x{a", 3, "a label is followed by = or !="),
        ("x{a!b}", 4, "a label is followed by = or !="),
        ("x{a! =\"\"}", 4, "a label is followed by = or !="),
        ("x{a~\"b\"}", 3, "a label is followed by = or !="),
        ("x{a=b}", 4, "a value stands in double quotes"),
        ("x{a=\"東京", 7, "the value ends with \""),
        ("x{a=\"\\t\"}", 6, "after a backslash comes \", \\ or n"),
        ("x{a=\"b\" c=\"d\"}", 8, "a condition is followed by , or }"),
        ("x{a=\"東京\"} y", 10, "here may follow / and another term, by (label, …), or nothing"),
        (
            "x y:max",
            2,
            "here may follow {label=\"value\"}, :aggregate, / and another term, by (label, …), or nothing",
        ),
        ("x / y / z", 6, "here may follow by (label, …), or nothing"),
        ("x:max by a", 9, "by is followed by labels in parentheses: by (label, …)"),
        ("x by ()", 6, "a label is"),
        ("x by (a b)", 8, "a label is followed by , or )"),
        ("x by (a, b, a)", 12, "each label stands in by once"),
        ("x by (a) c", 9, "nothing may follow the labels of by"),
        ("x )", 2, "here may follow {label"),
        ("x\n:y", 3, "an aggregate is"),
    ] {
        let message = text.parse::<Expression>().expect_err(text).to_string();
        let lines: Vec<&str> = message.lines().collect();
        let [first, shown, caret] = lines[..] else { panic!("{message}") };
        assert_eq!(first, "metric must be a name or an expression, got");
        assert_eq!(shown, format!("    {}", text.replace('\n', " ")));
        let (before, rest) = caret.split_once("^ ").expect("a caret");
        assert!(before.chars().all(|character| character == ' '));
        assert_eq!(before.chars().count(), 4 + column, "{message}");
        assert!(rest.starts_with(accepted), "{message}");
    }
    let nothing = "".parse::<Expression>().expect_err("no name").to_string();
    assert_eq!(nothing, "metric must be a name of at least one character, got ''");
}

fn identifier() -> impl Strategy<Value = String> {
    // Also the words of the grammar themselves.
    prop_oneof![
        "[a-zA-Z_][a-zA-Z0-9_.-]{0,8}",
        Just("by".to_owned()),
        Just("p99".to_owned()),
        Just("last".to_owned())
    ]
}

fn term() -> impl Strategy<Value = Term> {
    let condition = (identifier(), any::<bool>(), any::<String>())
        .prop_map(|(label, equal, value)| LabelCondition { label: label.into(), equal, value: value.into() });
    let percent = (1..100_000_u32).prop_map(|thousandths| {
        Aggregate::Quantile(Percent::from_thousandths(thousandths).expect("within the range"))
    });
    let aggregate = prop_oneof![
        Just(Aggregate::Last),
        Just(Aggregate::Count),
        Just(Aggregate::Sum),
        Just(Aggregate::Rate),
        Just(Aggregate::Mean),
        Just(Aggregate::Min),
        Just(Aggregate::Max),
        percent
    ];
    (identifier(), proptest::collection::vec(condition, 0..4), aggregate)
        .prop_map(|(metric, selector, aggregate)| Term { metric: metric.into(), selector, aggregate })
}

fn expression() -> impl Strategy<Value = Expression> {
    let by = proptest::collection::btree_set(identifier(), 0..4);
    (term(), proptest::option::of(term()), by).prop_map(|(term, divisor, by)| {
        let by = by.into_iter().map(Into::into).collect();
        Expression { term, divisor, by }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_is_shown_parses_to_itself(expression in expression()) {
        prop_assert_eq!(expression.to_string().parse(), Ok(expression));
    }

    #[test]
    fn any_text_is_taken_or_refused_with_a_caret_below_it(text in any::<String>()) {
        hold(&text)?;
    }

    #[test]
    fn texts_that_resemble_expressions_too(
        pieces in proptest::collection::vec(prop_oneof![
            Just("{"), Just("}"), Just(":"), Just("/"), Just("("), Just(")"), Just("\""), Just(" "), Just("by"),
            Just(","), Just("="), Just("!="), Just("\\"), Just("x"), Just("a"), Just("p99.9"), Just("max"), Just("東"),
        ], 0..14)
    ) {
        hold(&pieces.concat())?;
    }
}

fn hold(text: &str) -> Result<(), TestCaseError> {
    match text.parse::<Expression>() {
        Ok(expression) => prop_assert_eq!(expression.to_string().parse(), Ok(expression)),
        Err(_) if text.is_empty() => {}
        Err(error) => {
            let message = error.to_string();
            // Line ends of other scripts stand in the text as they are, so the caret's line is looked for from below.
            let (_, caret) = message.rsplit_once('\n').expect("lines");
            let column = caret.find('^').expect("a caret") - 4;
            prop_assert!(column <= text.chars().count(), "{}", message);
        }
    }
    Ok(())
}
