//! Parses payloads down to the 1,000 levels that the contract allows. serde_json itself stops
//! at 128 or, told not to, nowhere.

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::{Deserializer, Error, Value};

const MAX_LEVELS: usize = 1_000;

/// The stack of a thread that parses: serde_json works by recursion, which takes up to 4 KiB a
/// level in a debug build.
pub const STACK_BYTES: usize = 16 << 20;

pub fn parse(payload: &[u8]) -> Result<Value, Error> {
    if levels(payload) > MAX_LEVELS {
        return Err(Error::custom(format!("more than {MAX_LEVELS} levels")));
    }
    let mut json = Deserializer::from_slice(payload);
    json.disable_recursion_limit();
    let value = Value::deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

/// The most brackets that are open at once, but for those in strings.
fn levels(payload: &[u8]) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    let (mut string, mut escaped) = (false, false);
    for byte in payload {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if string => escaped = true,
            b'"' => string = !string,
            b'[' | b'{' if !string => open += 1,
            b']' | b'}' if !string => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}
