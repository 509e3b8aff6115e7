//! The grammar of what a threshold watches, and the words for what is wrong with a text.
//!
//! ```text
//! expression := term [ "/" term ] [ "by" "(" label ("," label)* ")" ]
//! term       := metric [ "{" label op "value" ("," …)* "}" ] [ ":" aggregate ]
//! op         := "=" | "!="
//! aggregate  := last | count | sum | rate | mean | avg | min | max | p50 … p99.999
//! ```
//!
//! A text without any of `{ } : / ( ) "` and without ` by ` is a plain name, whatever it consists of: programs have
//! always been able to record under any name.

use std::sync::Arc;

use crate::error::{MonitoringError, Result};

use super::expression::{Aggregate, Expression, LabelCondition, Percent, Term};

const A_METRIC: &str = "a metric is a letter or _ and then letters, digits, _, . or -";
const A_LABEL: &str = "a label is a letter or _ and then letters, digits, _, . or -";
const AN_AGGREGATE: &str = "an aggregate is last, count, sum, rate, mean, min, max or p50 … p99.99";
const AN_ESCAPE: &str = "after a backslash comes \", \\ or n";

/// Goes through the text once, from left to right; `at` is the number of the next character.
pub(super) struct Parser {
    text: Vec<char>,
    at: usize,
}

/// Where the text is wrong, and what is accepted there.
struct Fault(usize, &'static str);

impl Parser {
    pub(super) fn of(text: &str) -> Self {
        Self { text: text.chars().collect(), at: 0 }
    }

    pub(super) fn expression(mut self) -> Result<Expression> {
        self.whole().map_err(|Fault(at, accepted)| {
            // A line break or a tab would move what stands below the caret.
            let plain = |character: &char| if character.is_control() { ' ' } else { *character };
            let shown: String = self.text.iter().map(plain).collect();
            MonitoringError::Configuration(format!(
                "metric must be a name or an expression, got\n    {shown}\n    {:at$}^ {accepted}",
                ""
            ))
        })
    }

    /// The number of the character at which the text is wrong, and what is accepted there.
    #[cfg(feature = "config-file")]
    pub(super) fn fault(mut self) -> Option<(usize, &'static str)> {
        self.whole().err().map(|Fault(at, accepted)| (at, accepted))
    }

    fn whole(&mut self) -> Result<Expression, Fault> {
        let term = self.term()?;
        let divisor = if self.takes('/') { Some(self.term()?) } else { None };
        let by = if self.takes_word("by") { self.labels()? } else { Vec::new() };
        if self.peek().is_some() {
            let accepted = match (by.is_empty(), &divisor, &term) {
                (false, ..) => "nothing may follow the labels of by",
                (_, Some(_), _) => "here may follow by (label, …), or nothing",
                (_, None, Term { aggregate: Aggregate::Last, selector, .. }) if selector.is_empty() => {
                    "here may follow {label=\"value\"}, :aggregate, / and another term, by (label, …), or nothing"
                }
                _ => "here may follow / and another term, by (label, …), or nothing",
            };
            return Err(Fault(self.at, accepted));
        }
        Ok(Expression { term, divisor, by })
    }

    fn term(&mut self) -> Result<Term, Fault> {
        let metric = self.identifier(A_METRIC)?;
        let mut selector = Vec::new();
        if self.takes('{') && !self.takes('}') {
            loop {
                selector.push(self.condition()?);
                if self.takes('}') {
                    break;
                }
                self.expect(',', "a condition is followed by , or }")?;
                // A comma at the end, as Prometheus allows.
                if self.takes('}') {
                    break;
                }
            }
        }
        let aggregate = if self.takes(':') { self.aggregate()? } else { Aggregate::Last };
        Ok(Term { metric, selector, aggregate })
    }

    fn condition(&mut self) -> Result<LabelCondition, Fault> {
        let label = self.identifier(A_LABEL)?;
        let equal = if self.takes('!') {
            // Right behind it: "! =" is no operator.
            if self.text.get(self.at) != Some(&'=') {
                return Err(Fault(self.at, "a label is followed by = or !="));
            }
            self.at += 1;
            false
        } else {
            self.expect('=', "a label is followed by = or !=")?;
            true
        };
        Ok(LabelCondition { label, equal, value: self.quoted()? })
    }

    fn quoted(&mut self) -> Result<Arc<str>, Fault> {
        self.expect('"', "a value stands in double quotes")?;
        let mut value = String::new();
        loop {
            let character = self.text.get(self.at).ok_or(Fault(self.at, "the value ends with \""))?;
            self.at += 1;
            value.push(match character {
                '"' => return Ok(value.into()),
                '\\' => {
                    let escaped = match self.text.get(self.at) {
                        Some('n') => '\n',
                        Some(same @ ('"' | '\\')) => *same,
                        _ => return Err(Fault(self.at, AN_ESCAPE)),
                    };
                    self.at += 1;
                    escaped
                }
                other => *other,
            });
        }
    }

    fn aggregate(&mut self) -> Result<Aggregate, Fault> {
        self.skip_spaces();
        let from = self.at;
        let word = self.word();
        Ok(match word.as_str() {
            "last" => Aggregate::Last,
            "count" => Aggregate::Count,
            "sum" => Aggregate::Sum,
            "rate" => Aggregate::Rate,
            "mean" | "avg" => Aggregate::Mean,
            "min" => Aggregate::Min,
            "max" => Aggregate::Max,
            other => {
                let percent = other.strip_prefix('p').ok_or(Fault(from, AN_AGGREGATE))?;
                Aggregate::Quantile(thousandths(percent).ok_or(Fault(from, AN_AGGREGATE))?)
            }
        })
    }

    /// The labels of `by`, sorted: their order means nothing.
    fn labels(&mut self) -> Result<Vec<Arc<str>>, Fault> {
        self.expect('(', "by is followed by labels in parentheses: by (label, …)")?;
        let mut labels: Vec<Arc<str>> = Vec::new();
        loop {
            self.skip_spaces();
            let from = self.at;
            let label = self.identifier(A_LABEL)?;
            match labels.binary_search(&label) {
                Ok(_) => return Err(Fault(from, "each label stands in by once")),
                Err(at) => labels.insert(at, label),
            }
            if self.takes(')') {
                return Ok(labels);
            }
            self.expect(',', "a label is followed by , or )")?;
        }
    }

    fn identifier(&mut self, accepted: &'static str) -> Result<Arc<str>, Fault> {
        self.skip_spaces();
        let begins = |character: char| character.is_ascii_alphabetic() || character == '_';
        if !self.text.get(self.at).is_some_and(|character| begins(*character)) {
            return Err(Fault(self.at, accepted));
        }
        Ok(self.word().into())
    }

    /// Letters, digits, `_`, `.` and `-`, as many as there are.
    fn word(&mut self) -> String {
        let belongs = |character: &&char| character.is_ascii_alphanumeric() || "_.-".contains(**character);
        let word: String = self.text[self.at..].iter().take_while(belongs).collect();
        self.at += word.len();
        word
    }

    fn skip_spaces(&mut self) {
        while self.text.get(self.at).is_some_and(|character| character.is_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_spaces();
        self.text.get(self.at).copied()
    }

    fn takes(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn takes_word(&mut self, wanted: &str) -> bool {
        self.skip_spaces();
        let before = self.at;
        let found = self.word() == wanted;
        if !found {
            self.at = before;
        }
        found
    }

    fn expect(&mut self, wanted: char, accepted: &'static str) -> Result<(), Fault> {
        if self.takes(wanted) { Ok(()) } else { Err(Fault(self.at, accepted)) }
    }
}

/// `99.9` → 99 900; three digits after the point at most.
fn thousandths(text: &str) -> Option<Percent> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str, most: usize| {
        let right = (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        right.then(|| part.parse::<u32>().ok()).flatten()
    };
    let scale = 10_u32.checked_pow(3_u32.checked_sub(u32::try_from(fraction.len()).ok()?)?)?;
    Percent::from_thousandths(digits(whole, 2)? * 1_000 + digits(fraction, 3)? * scale)
}
