//! The vectors that are strict JSON.

use std::error::Error;
use std::fs;

use row::ROOT;
use serde::Deserialize;
use serde_json::Value;

pub struct Vector {
    pub name: String,
    pub verdict: String,
    pub value: Result<Value, serde_json::Error>,
}

#[derive(Deserialize)]
struct Expectation {
    verdict: String,
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    code: String,
}

pub fn all() -> Result<Vec<Vector>, Box<dyn Error>> {
    let mut vectors = Vec::new();
    for folder in ["conforms", "deviates", "invalid"] {
        for entry in fs::read_dir(format!("{ROOT}/vectors/{folder}"))? {
            let path = entry?.path();
            let file = path.to_str().ok_or("a name that is no text")?;
            let Some(stem) = file.strip_suffix(".expect.json") else {
                continue;
            };
            let want: Expectation = serde_json::from_slice(&fs::read(&path)?)?;
            // No strict JSON: nothing for a validator to see.
            if want
                .findings
                .iter()
                .any(|finding| finding.code.starts_with("json."))
            {
                continue;
            }
            vectors.push(Vector {
                name: stem.rsplit('/').next().unwrap_or(stem).to_owned(),
                verdict: want.verdict,
                value: parse(&fs::read(format!("{stem}.json"))?),
            });
        }
    }
    vectors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(vectors)
}

/// Parses without serde_json's limit of 128 levels.
fn parse(payload: &[u8]) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(payload);
    deserializer.disable_recursion_limit();
    let value = Value::deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}
