//! The generated types: that they compile, tell the events apart, decode and encode.

use std::collections::BTreeMap;

use row::Row;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::vectors::Vector;

/// What is generated gets the compiler's own warnings as errors.
macro_rules! generated {
    ($name:ident, $file:literal $(, expect $lint:ident)?) => {
        #[deny(warnings)]
        $(#[expect($lint)])?
        #[allow(dead_code)]
        mod $name {
            include!(concat!("../../generated/", $file));
        }
    };
}

generated!(typify, "typify.rs");
generated!(typify_2020_12, "typify_2020_12.rs");
generated!(typify_draft_07, "typify_draft_07.rs");
// Where a status and its range are both described, the range comes first and hides the status.
generated!(progenitor, "progenitor.rs", expect unreachable_patterns);

pub fn run(vectors: &[Vector]) {
    let document = "openapi/dist/receiver-3.0.json";
    union(
        vectors,
        compiles(Row::new("generator", "typify", document), ""),
        |event: &typify::RunEvent| match event {
            typify::RunEvent::Completed(event) => event.event_type.to_string(),
            typify::RunEvent::Failed(event) => event.event_type.to_string(),
        },
    );
    union(
        vectors,
        compiles(
            Row::new("generator", "progenitor", document),
            "unreachable patterns, of 410, 429 and 503 behind 4XX and 5XX",
        ),
        |event: &progenitor::types::RunEvent| match event {
            progenitor::types::RunEvent::Completed(event) => event.event_type.to_string(),
            progenitor::types::RunEvent::Failed(event) => event.event_type.to_string(),
        },
    );

    let failed = vectors
        .iter()
        .filter(|vector| event_type(vector) == Some("run_failed"));
    let failed: Vec<_> = failed.collect();
    let input = "openapi/dist/json-schema-2020-12/run-failed.json";
    one::<typify_2020_12::RunFailed>(
        &failed,
        compiles(Row::new("generator", "typify", input), ""),
    );
    let input = "openapi/dist/json-schema-draft-07/run-failed.json";
    one::<typify_draft_07::RunFailed>(
        &failed,
        compiles(Row::new("generator", "typify", input), ""),
    );
}

fn event_type(vector: &Vector) -> Option<&str> {
    vector.value.as_ref().ok()?["event_type"].as_str()
}

/// Prints the rows of a union, of which `name` tells the event by its variant.
fn union<T: DeserializeOwned + Serialize>(
    vectors: &[Vector],
    row: Row,
    name: impl Fn(&T) -> String,
) {
    let vectors: Vec<_> = vectors.iter().collect();
    let (mut row, decoded) = one::<T>(&vectors, row);
    let passed = decoded
        .iter()
        .filter(|(vector, event)| event_type(vector) == Some(&name(event)))
        .count();
    row.print(
        "narrows",
        passed,
        decoded.len(),
        "an untagged enum, with a variant an event: match is exhaustive",
    );
}

/// Prints that a tool's code compiles, with deny(warnings) but for what it `warns` of.
fn compiles<'r>(mut row: Row<'r>, warns: &str) -> Row<'r> {
    let note = match warns {
        "" => "with deny(warnings)".to_owned(),
        warns => format!("compiles, but warns: {warns}"),
    };
    row.print("compiles", usize::from(warns.is_empty()), 1, note);
    row
}

/// Prints the rows that every type has, and gives what it decoded.
fn one<'a, 'r, T: DeserializeOwned + Serialize>(
    vectors: &[&'a Vector],
    mut row: Row<'r>,
) -> (Row<'r>, Vec<(&'a Vector, T)>) {
    let (mut decoded, mut refused, mut of) = (Vec::new(), Vec::new(), 0);
    for &vector in vectors.iter().filter(|vector| vector.verdict == "conforms") {
        of += 1;
        match vector.value.as_ref().map(T::deserialize) {
            Ok(Ok(event)) => decoded.push((vector, event)),
            _ => refused.push(vector.name.as_str()),
        }
    }
    let note = if refused.is_empty() {
        String::new()
    } else {
        format!(
            "refused, as integers are 64 bits, and neither 5.0 nor 1e2 is one: {}",
            refused.join(", ")
        )
    };
    row.print("decodes", decoded.len(), of, note);

    let mut same = 0;
    let mut losses = BTreeMap::new();
    for (vector, event) in &decoded {
        let (Ok(before), Ok(after)) = (vector.value.as_ref(), serde_json::to_value(event)) else {
            *losses.entry("can't be encoded").or_insert(0) += 1;
            continue;
        };
        match loss(before, &after) {
            None => same += 1,
            Some(what) => *losses.entry(what).or_insert(0) += 1,
        }
    }
    let losses: Vec<_> = losses
        .iter()
        .map(|(what, count)| format!("{what}: {count}"))
        .collect();
    row.print("round-trip", same, decoded.len(), losses.join("; "));
    (row, decoded)
}

/// What is lost first on the way from `before` to `after`, if anything.
fn loss(before: &Value, after: &Value) -> Option<&'static str> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let added = after.keys().any(|name| !before.contains_key(name));
            let lost = before
                .iter()
                .find_map(|(name, value)| match after.get(name) {
                    None if value.is_null() => Some("a null member is dropped"),
                    None => Some("an unknown member is dropped"),
                    Some(other) => loss(value, other),
                });
            lost.or(added.then_some("a member is added"))
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => before
            .iter()
            .zip(after)
            .find_map(|(before, after)| loss(before, after)),
        // As JSON Schema has it, 5.0 and 5 are the same number.
        (Value::Number(before), Value::Number(after)) => {
            (before != after && before.as_f64() != after.as_f64()).then_some("a number differs")
        }
        (Value::String(before), Value::String(after)) if before != after => Some(
            "a date-time is written otherwise: in UTC, and with 0, 3, 6 or 9 digits of a second",
        ),
        _ => (before != after).then_some("a value differs"),
    }
}
