//! The rules of `runhooks lint` on which the validator breaks, each shown by its document.

use std::error::Error;
use std::fs;

use report::{Answer, ROOT, Report};
use serde_json::{Value, json};

use crate::caught;

/// Each rule, and what the validator says with the rule's document of an event whose member
/// `a` is null.
const BREAKS: &[(&str, &str)] = &[
    ("ref-to-file", "retrieving it failed"),
    ("ref-to-defs", "retrieving it failed"),
    ("nullable-in-3.1", "null is not of type \"string\""),
];

pub fn report() -> Result<(), Box<dyn Error>> {
    for (rule, why) in BREAKS {
        let said = |suffix| -> Result<String, Box<dyn Error>> {
            let file = format!("{ROOT}/internal/portability/testdata/{rule}{suffix}.yaml");
            let mut schema: Value = yaml_serde::from_str(&fs::read_to_string(file)?)?;
            schema["$ref"] = json!("#/components/schemas/Event");
            let event = json!({"a": null});
            let validated = caught(|| {
                jsonschema::validator_for(&schema)?
                    .validate(&event)
                    .map_err(|error| error.to_string().into())
            });
            Ok(validated.err().unwrap_or_default())
        };
        let (broken, fixed) = (said("")?, said(".fixed")?);
        Report {
            rule,
            breaks: Some(Answer {
                ok: broken.contains(why),
                note: broken,
            }),
            helps: Some(Answer {
                ok: !fixed.contains(why),
                note: fixed,
            }),
            ..Report::new("rule", "jsonschema")
        }
        .print();
    }
    Ok(())
}
