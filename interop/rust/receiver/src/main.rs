//! A receiver of run events: verifies each, and has its rows, whatever its server sends.

use std::{env, error::Error};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Router, routing::post};
use runhooks::event::CanonicalRunEventType::{RunCompleted, RunFailed, Test};
use runhooks::{CanonicalRunEvent, ParseOptions, Verdict, VerifyOptions};

const MAX_BYTES: usize = 64 << 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = Router::new()
        .route("/events", post(receive))
        .layer(DefaultBodyLimit::max(MAX_BYTES))
        .with_state(env::var("RUNHOOKS_SECRET")?);

    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    eprintln!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn receive(
    State(secret): State<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, (StatusCode, String)> {
    // The id is the same on every attempt, so it tells whether the event was here before.
    let id = runhooks::verify(&headers, &body, [secret], &VerifyOptions::default())
        .map_err(refuse)?
        .id;
    let parsed = runhooks::parse(&body, &ParseOptions::default()).map_err(refuse)?;
    let first = parsed.findings.first();
    match parsed.event {
        Some(event) => {
            if parsed.verdict == Verdict::Deviates {
                println!("{id} deviates: see runhooks check");
            }
            take(&id, &event);
            Ok(StatusCode::NO_CONTENT)
        }
        // An event, and none of ours: refused, it would only be sent again.
        None if !parsed.event_type.is_empty() && first.is_some_and(|f| f.code == "event.type-unknown") => {
            println!("{id}: nobody wants {:?}", parsed.event_type);
            Ok(StatusCode::NO_CONTENT)
        }
        None => Err((
            StatusCode::UNPROCESSABLE_ENTITY,
            first.map_or(String::new(), |f| format!("{}: {}\n", f.pointer, f.message)),
        )),
    }
}

fn refuse(why: runhooks::Error) -> (StatusCode, String) {
    let status = match why {
        runhooks::Error::NotGenuine { .. } => StatusCode::UNAUTHORIZED,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, why.to_string())
}

/// Takes an event. Store it here: after the answer, nobody sends it again.
fn take(id: &str, event: &CanonicalRunEvent) {
    match event.type_ {
        RunCompleted => {
            for group in event.texts.iter().chain(&event.lists) {
                println!("{id}: {}: {} rows", group.name, group.rows.len());
            }
        }
        RunFailed => println!("{id} failed: {:?}", event.error.as_ref().map(|e| &e.message)),
        Test => println!("{id} tries this endpoint"),
    }
}
