//! How each operation of the product stands, read off the newest runs.

use std::sync::Arc;

use axum::{extract::State as Extract, response::Response};

use super::{ApiError, OperationAnswer, SeenRun, SurfaceAnswer, asked::Asked, json};
use crate::{
    record::RunRecord,
    report::surface::{SurfaceCase, cases},
    service::Service,
    store::StoreError,
};

/// How many runs of a canary are tried: the newest may not be kept yet, if the store is in trouble.
const TRIED: usize = 5;

pub(super) async fn read(
    Extract(service): Extract<Arc<Service>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.only(&[])?;
    Ok(json(stands(&service).await?))
}

/// How all operations stand, and which runs say so.
pub(in crate::server) async fn stands(service: &Service) -> Result<SurfaceAnswer, StoreError> {
    let records = newest(service).await?;
    let runs = records.iter().map(|it| SeenRun {
        canary: it.canary.clone(),
        run: it.run.clone(),
        started: it.started,
    });
    let runs = runs.collect();
    let plan = service.plan();
    let found = cases(plan, plan.operations.iter().map(String::as_str), &records);
    let operations = found.into_iter().map(|it| operation(service, it, &records)).collect();
    Ok(SurfaceAnswer { runs, operations })
}

/// The newest record of each canary that is kept in full.
async fn newest(service: &Service) -> Result<Vec<RunRecord>, StoreError> {
    let mut records = Vec::new();
    for view in service.snapshot().canaries {
        for summary in view.runs.iter().take(TRIED) {
            if let Some(kept) = service.store().run(&summary.run).await?.filter(|it| it.full) {
                records.push(kept.record);
                break;
            }
        }
    }
    Ok(records)
}

fn operation(service: &Service, case: SurfaceCase, records: &[RunRecord]) -> OperationAnswer {
    let plan = service.plan();
    let planned = plan.prover(&case.operation).map(|(canary, step)| (&plan.canaries[canary], step));
    // Nothing is wrong with an operation only because the service is young.
    let waits = planned.is_some_and(|(canary, _)| !records.iter().any(|it| it.canary == canary.name()));
    let waits = waits && case.prover.is_none();
    let SurfaceCase { operation, verdict, prover, message, cause, also, root, answers, duration_ms } = case;
    OperationAnswer {
        operation,
        prover: prover
            .or_else(|| planned.map(|(canary, it)| format!("{}::{}", canary.name(), canary.title(it)))),
        verdict: (!waits).then_some(verdict),
        message: message.filter(|_| !waits),
        cause: cause.filter(|_| !waits),
        also,
        root,
        answers,
        duration_ms,
    }
}
