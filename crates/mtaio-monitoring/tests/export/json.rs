//! What was saved is what is read back, and what is no profile is an error and nothing else.

use mtaio_monitoring::export::Format;
use mtaio_monitoring::profiler::Profile;
use proptest::prelude::*;

use super::{profiles, service};

proptest! {
    #[test]
    fn a_profile_is_read_back_as_it_was(profile in profiles()) {
        let text = profile.export(Format::Json);
        let again = Profile::from_json(text.as_bytes()).unwrap();
        prop_assert_eq!(again.export(Format::Json), text);
        prop_assert_eq!(again.names(), profile.names());
        prop_assert_eq!(again.metrics(None), profile.metrics(None));
        prop_assert_eq!(again.metrics_by_name(), profile.metrics_by_name());
        for (name, metrics) in profile.metrics_by_name() {
            prop_assert_eq!(&again.metrics(Some(&name)), &metrics);
            prop_assert_eq!(profile.metrics(Some(&name)), metrics);
        }
        prop_assert_eq!(again.total_time(), profile.total_time());
        prop_assert_eq!((again.let_go(), again.dropped()), (profile.let_go(), profile.dropped()));
        prop_assert_eq!(again.threads(), profile.threads());
        prop_assert_eq!(again.tasks().count(), profile.tasks().count());
        let pairs = again.traces().chain(again.open_traces()).zip(profile.traces().chain(profile.open_traces()));
        for (again, before) in pairs {
            prop_assert_eq!(again.name(), before.name());
            prop_assert_eq!((again.trace_id(), again.parent_id()), (before.trace_id(), before.parent_id()));
            prop_assert_eq!((again.start_ns(), again.end_ns()), (before.start_ns(), before.end_ns()));
            prop_assert_eq!(again.run_time(), before.run_time());
            prop_assert_eq!((again.status(), again.error()), (before.status(), before.error()));
            prop_assert_eq!(again.metadata(), before.metadata());
            prop_assert_eq!(again.stack_trace(), before.stack_trace());
            prop_assert_eq!(again.task_id(), before.task_id());
        }
        for format in Format::ALL {
            prop_assert_eq!(again.export(format), profile.export(format));
        }
        prop_assert_eq!(format!("{again:#}"), format!("{profile:#}"));
    }

    #[test]
    fn bytes_of_anybody_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let error = Profile::from_json(&bytes).unwrap_err().to_string();
        prop_assert!(error.starts_with("not a saved profile: "), "{}", error);
    }

    /// A saved file with some of it changed: numbers become others, pieces go, come twice or change places.
    #[test]
    fn a_changed_file_is_an_error_or_a_profile(
        profile in profiles(),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        let mut bytes = profile.export(Format::Json).into_bytes();
        for change in &changes {
            change.apply(&mut bytes);
        }
        if let Ok(read) = Profile::from_json(&bytes) {
            // And such a profile hurts nobody.
            for format in Format::ALL {
                let _ = read.export(format);
            }
            let _ = (format!("{read}{read:#}"), read.metrics(None), read.diff(&profile).to_string());
            let again = read.export(Format::Json);
            prop_assert_eq!(Profile::from_json(again.as_bytes()).unwrap().export(Format::Json), again);
        } else {
            prop_assert!(Profile::from_json(&bytes).unwrap_err().to_string().len() < 1_000);
        }
    }
}

#[derive(Clone, Debug)]
enum Change {
    Byte(prop::sample::Index, u8),
    Number(prop::sample::Index, u64),
    Cut(prop::sample::Index),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let number = prop_oneof![Just(0), Just(1), Just(2), Just(u64::MAX), Just(1 << 62), any::<u64>()];
    prop_oneof![
        2 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        6 => (any::<prop::sample::Index>(), number).prop_map(|(at, number)| Change::Number(at, number)),
        1 => any::<prop::sample::Index>().prop_map(Change::Cut),
        2 => (any::<prop::sample::Index>(), 1_usize..40).prop_map(|(at, length)| Change::Remove(at, length)),
        2 => (any::<prop::sample::Index>(), 1_usize..300).prop_map(|(at, length)| Change::Repeat(at, length)),
    ]
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Byte(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Number(at, number) => {
                let at = at.index(bytes.len());
                let Some(from) = bytes[at..].iter().position(u8::is_ascii_digit) else { return };
                let from = at + from;
                let length = bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                bytes.splice(from..from + length, number.to_string().into_bytes());
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Remove(at, length) => {
                let at = at.index(bytes.len());
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Self::Repeat(at, length) => {
                let at = at.index(bytes.len());
                let piece = bytes[at..(at + length).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
}

#[test]
fn errors_say_what_was_found_and_what_is_accepted() {
    let good = service().export(Format::Json);
    let check = |bytes: &[u8], expected: &str| {
        let error = Profile::from_json(bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.ends_with("export gives (mtaio-profile, version 1)"), "{error}");
    };
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} in {good}");
        good.replacen(from, to, 1).into_bytes()
    };
    check(b"", "it is empty");
    check(b" \n", "it is empty");
    check(b"[]", "invalid length 0");
    check(b"{\"format\": \"v8-profile\", \"version\": 3}", "it says that it is \"v8-profile\" of version 3");
    check(&changed("\"version\":1", "\"version\":2"), "it says that it is \"mtaio-profile\" of version 2");
    check(b"{\"traceEvents\": []}", "missing field `format`");
    check(&good.as_bytes()[..good.len() / 2], "EOF while parsing");
    check(
        &changed("\"status\":\"ok\"", "\"status\":\"great\""),
        "there is no status \"great\" among open, ok, error",
    );
    check(&changed("\"taken_ns\":60000000", "\"taken_ns\":9223372036854775807"), "taken_ns is too late");
    check(&changed("\"duration_ns\":60000000", "\"duration_ns\":9223372036854775807"), "duration_ns is too large");
    let first = good.lines().find(|line| line.contains("\"name\":\"serve\"")).unwrap();
    check(&changed(first, &format!("{first}\n{first}")), "there are two of this id");
    let line = good.lines().position(|line| line.contains("\"name\":\"serve\"")).unwrap() + 1;
    check(&changed(",\"name\":\"serve\"", ",\"name\":7"), &format!("at line {line} column"));
}

#[test]
fn files_are_written_by_their_endings_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let profile = service();
    for (name, expected) in [
        ("run.json", Format::Json),
        ("run", Format::Json),
        ("run.html", Format::Html),
        ("run.folded", Format::Collapsed),
        ("run.speedscope.json", Format::Speedscope),
        ("Run.Trace.JSON", Format::ChromeTrace),
    ] {
        let path = folder.path().join(name);
        profile.save(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), profile.export(expected), "{name}");
    }
    let again = Profile::load(folder.path().join("run.json")).unwrap();
    assert_eq!(again.export(Format::Json), profile.export(Format::Json));
    let missing = Profile::load(folder.path().join("missing.json")).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read ") && missing.contains("missing.json: "), "{missing}");
    let folder = profile.save(folder.path()).unwrap_err().to_string();
    assert!(folder.starts_with("cannot write "), "{folder}");
}

#[test]
fn a_circle_of_parents_ends() {
    let text = service().export(Format::Json);
    let ids: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("\"status\"") && !line.contains("coroutine"))
        .map(|line| line.trim_start_matches("{\"id\":").split(',').next().unwrap())
        .collect();
    // Every trace becomes a child of the next one, and the last one of the first.
    let mut circle = String::new();
    for line in text.lines() {
        let place =
            ids.iter().position(|id| line.starts_with(&format!("{{\"id\":{id},")) && !line.contains("coroutine"));
        match place {
            Some(place) => {
                let parent = ids[(place + 1) % ids.len()];
                let rest = &line[line.find(",\"name\"").unwrap()..];
                circle.push_str(&format!("{{\"id\":{},\"parent\":{parent}{rest}\n", ids[place]));
            }
            None => circle.push_str(&format!("{line}\n")),
        }
    }
    let profile = Profile::from_json(circle.as_bytes()).unwrap();
    for format in Format::ALL {
        assert!(!profile.export(format).is_empty());
    }
    assert!(profile.to_string().contains("query"));
}
