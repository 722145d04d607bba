//! Canaries and their steps.

use std::sync::Arc;

use axum::{extract::State as Extract, response::Response};

use super::{
    ApiError, CanaryDetail, CanaryList, PlannedStep, StepHistory, StepList,
    asked::{Asked, Named},
    json,
};
use crate::{
    service::{CanaryView, Service},
    suite::CanaryPlan,
};

/// The canary of that name.
pub(super) fn known(service: &Service, name: &str) -> Result<Arc<CanaryView>, ApiError> {
    service.canary(name).ok_or_else(|| {
        let known: Vec<_> = service.plan().canaries.iter().map(|it| it.name()).collect();
        ApiError::unknown_canary(name, &known)
    })
}

pub(super) async fn list(
    Extract(service): Extract<Arc<Service>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.only(&[])?;
    let snapshot = service.snapshot();
    Ok(json(CanaryList {
        suite: snapshot.suite.to_string(),
        target: snapshot.target,
        location: snapshot.location,
        started: snapshot.started,
        canaries: snapshot.canaries.iter().map(|it| (&**it).into()).collect(),
    }))
}

pub(super) async fn one(
    Extract(service): Extract<Arc<Service>>,
    Named(canary): Named<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.only(&[])?;
    let view = known(&service, &canary)?;
    let steps = service.plan().canary(&canary).map(|it| planned(it)).unwrap_or_default();
    Ok(json(CanaryDetail { canary: (&*view).into(), steps }))
}

fn planned(plan: &CanaryPlan) -> Vec<PlannedStep> {
    let step = |number| PlannedStep {
        step: plan.title(number),
        fixture: plan.is_fixture(number),
        promise: plan.promise(number).to_owned(),
    };
    (0..plan.len()).map(step).collect()
}

pub(super) async fn steps(
    Extract(service): Extract<Arc<Service>>,
    Named(canary): Named<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let asked = asked.only(&["since"])?;
    let since = asked.since(service.clock().now())?;
    known(&service, &canary)?;
    let steps = service.steps(&canary, since).await?;
    let steps = (*steps).clone();
    Ok(json(StepList { canary, since, steps }))
}

pub(super) async fn step(
    Extract(service): Extract<Arc<Service>>,
    Named((canary, step)): Named<(String, String)>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let limit = asked.only(&["limit"])?.limit()?;
    known(&service, &canary)?;
    let points = service.store().step(&canary, &step, limit).await?;
    // Steps that are no more are found by what is left of them.
    if points.is_empty() {
        let plan = service.plan().canary(&canary);
        let cases: Vec<_> = plan.into_iter().flat_map(|it| it.cases()).map(|(_, name)| name).collect();
        if !cases.contains(&step.as_str()) {
            let hint = crate::nearest(&step, cases.iter().copied());
            let hint = hint.map(|it| format!("; did you mean `{it}`?")).unwrap_or_default();
            return Err(ApiError::not_found(
                format!("the canary `{canary}` has no step `{step}`{hint}"),
                format!("see /api/v1/canaries/{canary} for its steps"),
            ));
        }
    }
    Ok(json(StepHistory { canary, step, points }))
}
