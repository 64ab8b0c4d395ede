//! What the generated types make of the payloads that conform, and of canonical forms.

use std::collections::BTreeMap;
use std::error::Error;

use report::{Answer, Decoded, Report};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::caught;
use crate::payloads::Payload;

/// What the types of both documented events are generated from.
const DOCUMENTED: &str = "openapi/dist/receiver-3.0.json";

macro_rules! generated {
    ($name:ident, $file:literal) => {
        #[allow(dead_code)]
        mod $name {
            include!(concat!("../../generated/", $file));
        }
    };
}

generated!(canonical, "canonical.rs");
generated!(progenitor, "progenitor.rs");
generated!(typify, "typify.rs");

/// Reports on the types of both tools, with the payloads that conform and the canonical forms. What cargo said is JSON, a line for each message.
pub fn report(payloads: &[Payload], forms: &[Payload], said: &str) -> Result<(), Box<dyn Error>> {
    let said: Vec<Value> = serde_json::Deserializer::from_str(said)
        .into_iter()
        .collect::<Result<_, _>>()?;
    union(
        payloads,
        "event_type",
        DOCUMENTED,
        "typify",
        compiles(&said, "/typify.rs"),
        |event: &typify::RunEvent| match event {
            typify::RunEvent::Completed(event) => event.event_type.to_string(),
            typify::RunEvent::Failed(event) => event.event_type.to_string(),
        },
    );
    union(
        payloads,
        "event_type",
        DOCUMENTED,
        "progenitor",
        compiles(&said, "/progenitor.rs"),
        |event: &progenitor::types::RunEvent| match event {
            progenitor::types::RunEvent::Completed(event) => event.event_type.to_string(),
            progenitor::types::RunEvent::Failed(event) => event.event_type.to_string(),
        },
    );
    union(
        forms,
        "type",
        "openapi/dist/json-schema-2020-12/canonical-run-event.json",
        "typify",
        compiles(&said, "/canonical.rs"),
        canonical_type,
    );
    Ok(())
}

/// Compiles only if there are three types, a cell is a text or null, and an instant may be absent.
fn canonical_type(event: &canonical::CanonicalRunEvent) -> String {
    use canonical::CanonicalRunEventType as Type;
    let row = event.lists.first().and_then(|list| list.rows.first());
    let _cell: Option<&Option<String>> = row.and_then(|row| row.get("Price"));
    let started = event.run.started_at.as_ref();
    let _instant: Option<chrono::DateTime<chrono::Utc>> = started.and_then(|time| time.instant);
    match event.type_ {
        Type::RunCompleted => "run_completed".to_owned(),
        Type::RunFailed => "run_failed".to_owned(),
        Type::Test => "test".to_owned(),
    }
}

/// Whether rustc has nothing to say of a generated file.
fn compiles(said: &[Value], file: &str) -> Answer {
    let of_file = |message: &&Value| {
        let spans = message["spans"].as_array();
        spans.is_some_and(|spans| {
            let mut names = spans.iter().filter_map(|span| span["file_name"].as_str());
            names.any(|name| name.ends_with(file))
        })
    };
    let warnings: Vec<_> = said
        .iter()
        .filter(|line| line["reason"] == "compiler-message")
        .map(|line| &line["message"])
        .filter(of_file)
        .filter_map(|message| message["message"].as_str())
        .collect();
    Answer {
        ok: warnings.is_empty(),
        note: match warnings.as_slice() {
            [] => String::new(),
            [first, ..] => format!("{} warnings, the first: {first}", warnings.len()),
        },
    }
}

/// Reports on the type of all events, of which `name` tells the event by its variant, as the
/// payload's `member` has it.
fn union<T: DeserializeOwned + Serialize>(
    payloads: &[Payload],
    member: &str,
    input: &str,
    tool: &str,
    compiles: Answer,
    name: impl Fn(&T) -> String,
) {
    let mut decoded = BTreeMap::new();
    let mut mistaken = Vec::new();
    for payload in payloads {
        let again = decode::<T>(payload).and_then(|event| {
            if payload.text(member) != Some(&name(&event)) {
                mistaken.push(payload.name.as_str());
            }
            // By way of a value, whose members are sorted: those of a HashMap never are.
            caught(|| Ok(serde_json::to_value(&event)?.to_string()))
        });
        decoded.insert(
            payload.name.clone(),
            again.map_or_else(Decoded::Error, Decoded::Json),
        );
    }
    Report {
        input,
        note: "decodes from a serde_json::Value, with arbitrary_precision and unbounded_depth"
            .to_owned(),
        compiles: Some(compiles),
        narrows: Some(Answer {
            ok: mistaken.is_empty(),
            note: match mistaken.as_slice() {
                [] => "an enum, over which match is exhaustive".to_owned(),
                names => format!("of another event: {}", names.join(", ")),
            },
        }),
        decoded: Some(decoded),
        ..Report::new("generator", tool)
    }
    .print();
}

fn decode<T: DeserializeOwned>(payload: &Payload) -> Result<T, String> {
    let value = payload.value.as_ref().map_err(String::clone)?;
    caught(|| Ok(T::deserialize(value)?))
}
