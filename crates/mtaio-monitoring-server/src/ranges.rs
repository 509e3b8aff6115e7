//! `/api/v1/range`: metrics over a stretch of the past, for charts.

use mtaio_monitoring::monitor::{Column, MonitorCore};
use serde_json::{Value, json};

use crate::answers::parsed;

/// Times of an answer, where nobody says how many.
const USUAL_POINTS: usize = 600;

/// What somebody asks for.
#[derive(Debug, PartialEq)]
struct Asked {
    expressions: Vec<String>,
    start: Option<f64>,
    end: Option<f64>,
    points: usize,
}

impl Asked {
    fn of(query: &str) -> Result<Self, String> {
        let mut asked = Self { expressions: Vec::new(), start: None, end: None, points: USUAL_POINTS };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "expression" => asked.expressions.push(value.into_owned()),
                "start" => asked.start = Some(parsed(&name, &value, "seconds since the epoch")?),
                "end" => asked.end = Some(parsed(&name, &value, "seconds since the epoch")?),
                "points" => asked.points = parsed(&name, &value, "a whole number from 1 to 10000")?,
                _ => {
                    return Err(
                        "there is no such parameter: there are expression, start, end and points".to_owned()
                    );
                }
            }
        }
        if asked.expressions.is_empty() {
            return Err("expression is missing: a metric or an expression, as often as there are some".to_owned());
        }
        Ok(asked)
    }
}

/// The answer, or why there is none.
pub(crate) fn range_json(monitor: &MonitorCore, query: &str) -> Result<Value, String> {
    let asked = Asked::of(query)?;
    let expressions: Vec<&str> = asked.expressions.iter().map(String::as_str).collect();
    let range =
        monitor.range(&expressions, asked.start, asked.end, asked.points).map_err(|error| error.to_string())?;
    let column = |column: &Column| json!({ "mean": column.mean, "min": column.min, "max": column.max });
    Ok(json!({
        "times": range.times, "step_seconds": range.step_seconds,
        "columns": range.columns.iter().map(column).collect::<Vec<_>>(),
    }))
}

#[cfg(test)]
mod tests {
    use super::Asked;

    #[test]
    fn what_is_asked_is_decoded_or_refused_in_words() {
        let asked = Asked::of("expression=cpu_usage&expression=a%7Broute%3D%22%2Fx%22%7D:p99&start=1.5&points=10");
        let expressions = vec!["cpu_usage".to_owned(), r#"a{route="/x"}:p99"#.to_owned()];
        assert_eq!(asked, Ok(Asked { expressions, start: Some(1.5), end: None, points: 10 }));
        let refused = |query| Asked::of(query).expect_err(query);
        assert!(refused("").starts_with("expression is missing"));
        assert_eq!(refused("e=1"), "there is no such parameter: there are expression, start, end and points");
        assert_eq!(refused("points=x"), "points must be a whole number from 1 to 10000, got \"x\"");
        assert!(refused(&format!("end={}", "x".repeat(9_000))).len() < 100);
    }
}
