//! A receiver of run events: verifies each, validates it, and tells them apart.

mod json;

use std::{env, error::Error, sync::Arc};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Router, routing::post};
use jsonschema::Validator;
use serde::Deserialize;
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::runtime::Builder;

use events::RunEvent;

/// The types that build.rs generates.
#[allow(dead_code, clippy::all)]
mod events {
    include!(concat!(env!("OUT_DIR"), "/events.rs"));
}

const MAX_BYTES: usize = 32 << 20;

struct Receiver {
    webhook: Webhook,
    observed: Validator,
}

fn main() -> Result<(), Box<dyn Error>> {
    Builder::new_multi_thread()
        .enable_io()
        .thread_stack_size(json::STACK_BYTES)
        .build()?
        .block_on(serve())
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let observed = serde_json::from_str(include_str!("../observed-run-event.json"))?;
    let receiver = Arc::new(Receiver {
        webhook: Webhook::new(&env::var("RUNHOOKS_SECRET")?)?,
        observed: jsonschema::options()
            .should_validate_formats(true)
            .build(&observed)?,
    });
    let app = Router::new()
        .route("/events", post(receive))
        .layer(DefaultBodyLimit::max(MAX_BYTES))
        .with_state(receiver);

    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    eprintln!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn receive(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, (StatusCode, &'static str)> {
    // With a timestamp far below zero, standardwebhooks 1.0.1 panics in a debug build: its age
    // overflows.
    let negative = header(&headers, "webhook-timestamp").starts_with('-');
    if negative || receiver.webhook.verify(&body, &headers).is_err() {
        return Err((StatusCode::UNAUTHORIZED, "The signature does not verify.\n"));
    }
    let Ok(payload) = json::parse(&body) else {
        return Err((StatusCode::BAD_REQUEST, "The payload is not JSON.\n"));
    };

    // The same on every attempt, so it tells whether the event was here before.
    let id = header(&headers, "webhook-id");
    if !receiver.observed.is_valid(&payload) {
        return match payload["event_type"].as_str() {
            None | Some("" | "run_completed" | "run_failed" | "webhook_test") => Err((
                StatusCode::UNPROCESSABLE_ENTITY,
                "The payload is no run event: see runhooks check.\n",
            )),
            // An event, and none of ours: refused, it would only be sent again.
            Some(other) => {
                println!("{id}: nobody wants {other:?}");
                Ok(StatusCode::NO_CONTENT)
            }
        };
    }
    match RunEvent::deserialize(&payload) {
        Ok(event) => take(id, event),
        Err(_) => take_deviating(id, &payload),
    }
    Ok(StatusCode::NO_CONTENT)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Takes an event as documented. Store it here: after the answer, nobody sends it again.
fn take(id: &str, event: RunEvent) {
    match event {
        RunEvent::Completed(event) => {
            let run = event.data;
            let rows = run.extracted_data.map_or(0, |data| data.total_rows);
            println!(
                "{id}: {:?} completed: {}, {rows} rows",
                run.robot_name, run.status
            );
        }
        RunEvent::Failed(event) => {
            let run = event.data;
            println!("{id}: {:?} failed: {:?}", run.robot_name, run.error.message);
        }
    }
}

/// Takes an event that is none as documented, but as servers are known to send.
fn take_deviating(id: &str, payload: &Value) {
    println!(
        "{id}: {} deviates: see runhooks check",
        payload["event_type"]
    );
}
