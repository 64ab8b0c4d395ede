//! What the generated types make of the payloads that conform.

use std::error::Error;

use report::{Answer, Decoded, Report};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::caught;
use crate::payloads::Payload;

macro_rules! generated {
    ($name:ident, $file:literal) => {
        #[allow(dead_code)]
        mod $name {
            include!(concat!("../../generated/", $file));
        }
    };
}

generated!(progenitor, "progenitor.rs");
generated!(typify, "typify.rs");
generated!(typify_2020_12, "typify_2020_12.rs");
generated!(typify_draft_07, "typify_draft_07.rs");

pub fn report(payloads: &[Payload], said: &str) -> Result<(), Box<dyn Error>> {
    let said: Vec<Value> = serde_json::Deserializer::from_str(said)
        .into_iter()
        .collect::<Result<_, _>>()?;
    let report = |tool, input, file| Report {
        input,
        note: "decodes from a serde_json::Value, with arbitrary_precision and unbounded_depth"
            .to_owned(),
        compiles: Some(compiles(&said, file)),
        ..Report::new("generator", tool)
    };

    union(
        payloads,
        report("typify", "openapi/dist/receiver-3.0.json", "/typify.rs"),
        |event: &typify::RunEvent| match event {
            typify::RunEvent::Completed(event) => event.event_type.to_string(),
            typify::RunEvent::Failed(event) => event.event_type.to_string(),
        },
    );
    union(
        payloads,
        report(
            "progenitor",
            "openapi/dist/receiver-3.0.json",
            "/progenitor.rs",
        ),
        |event: &progenitor::types::RunEvent| match event {
            progenitor::types::RunEvent::Completed(event) => event.event_type.to_string(),
            progenitor::types::RunEvent::Failed(event) => event.event_type.to_string(),
        },
    );
    one::<typify_2020_12::RunFailed>(
        payloads,
        report(
            "typify",
            "openapi/dist/json-schema-2020-12/run-failed.json",
            "/typify_2020_12.rs",
        ),
    );
    one::<typify_draft_07::RunFailed>(
        payloads,
        report(
            "typify",
            "openapi/dist/json-schema-draft-07/run-failed.json",
            "/typify_draft_07.rs",
        ),
    );
    Ok(())
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

/// Reports on the type of both events, of which `name` tells the event by its variant.
fn union<T: DeserializeOwned + Serialize>(
    payloads: &[Payload],
    report: Report,
    name: impl Fn(&T) -> String,
) {
    let other: Vec<_> = payloads
        .iter()
        .filter(|payload| payload.conforms)
        .filter_map(|payload| Some((payload, decode::<T>(payload).ok()?)))
        .filter(|(payload, event)| payload.event_type() != Some(&name(event)))
        .map(|(payload, _)| payload.name.as_str())
        .collect();
    Report {
        narrows: Some(Answer {
            ok: other.is_empty(),
            note: match other.as_slice() {
                [] => "an untagged enum, over which match is exhaustive".to_owned(),
                other => format!("another event: {}", other.join(", ")),
            },
        }),
        decoded: Some(decoded::<T>(payloads.iter())),
        ..report
    }
    .print();
}

/// Reports on the type of run_failed alone.
fn one<T: DeserializeOwned + Serialize>(payloads: &[Payload], report: Report) {
    let failed = payloads
        .iter()
        .filter(|payload| payload.event_type() == Some("run_failed"));
    Report {
        decoded: Some(decoded::<T>(failed)),
        ..report
    }
    .print();
}

fn decoded<'a, T: DeserializeOwned + Serialize>(
    payloads: impl Iterator<Item = &'a Payload>,
) -> std::collections::BTreeMap<String, Decoded> {
    let again = |payload| -> Result<String, String> {
        let event = decode::<T>(payload)?;
        caught(|| Ok(serde_json::to_string(&event)?))
    };
    payloads
        .filter(|payload| payload.conforms)
        .map(|payload| {
            let decoded = again(payload).map_or_else(Decoded::Error, Decoded::Json);
            (payload.name.clone(), decoded)
        })
        .collect()
}

fn decode<T: DeserializeOwned>(payload: &Payload) -> Result<T, String> {
    let value = payload.value.as_ref().map_err(String::clone)?;
    caught(|| Ok(T::deserialize(value)?))
}
