//! What the validator says of each payload.

use std::error::Error;
use std::fs;

use report::{ROOT, Report};

use crate::caught;
use crate::payloads::Payload;

const INPUTS: &[&str] = &[
    "openapi/dist/json-schema-2020-12/run-event.json",
    "openapi/dist/json-schema-draft-07/run-event.json",
    "openapi/dist/json-schema-2020-12/observed-run-event.json",
    "openapi/dist/json-schema-draft-07/observed-run-event.json",
];

pub fn report(payloads: &[Payload]) -> Result<(), Box<dyn Error>> {
    for input in INPUTS {
        let schema = serde_json::from_slice(&fs::read(format!("{ROOT}/{input}"))?)?;
        let report = Report {
            input,
            note: "with formats, and the feature arbitrary-precision".to_owned(),
            ..Report::new("validator", "jsonschema")
        };
        let validator = caught(|| {
            Ok(jsonschema::options()
                .should_validate_formats(true)
                .build(&schema)?)
        });
        match validator {
            Ok(validator) => {
                let verdict = |payload: &Payload| {
                    let value = payload.value.as_ref().map_err(String::clone)?;
                    caught(|| Ok(validator.is_valid(value)))
                };
                let verdicts = payloads.iter().map(|payload| {
                    let says = match verdict(payload) {
                        Ok(true) => "valid".to_owned(),
                        Ok(false) => "invalid".to_owned(),
                        Err(why) => why,
                    };
                    (payload.name.clone(), says)
                });
                Report {
                    verdicts: Some(verdicts.collect()),
                    ..report
                }
            }
            Err(error) => Report { error, ..report },
        }
        .print();
    }
    Ok(())
}
