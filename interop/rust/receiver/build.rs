//! Generates the types of the events from the schemas of the OpenAPI document.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, error::Error, fs};

use schemars::schema::Schema;
use typify::{TypeSpace, TypeSpaceSettings};

const DOCUMENT: &str = "receiver-3.0.json";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={DOCUMENT}");
    let mut document: serde_json::Value = serde_json::from_slice(&fs::read(DOCUMENT)?)?;
    let schemas: BTreeMap<String, Schema> =
        serde_json::from_value(document["components"]["schemas"].take())?;

    let mut types = TypeSpace::new(&TypeSpaceSettings::default());
    types.add_ref_types(schemas)?;
    let code = prettyplease::unparse(&syn::parse2(types.to_stream())?);
    fs::write(Path::new(&env::var("OUT_DIR")?).join("events.rs"), code)?;
    Ok(())
}
