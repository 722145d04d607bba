//! Runs, newest first, and each alone.

use std::sync::Arc;

use axum::{extract::State as Extract, response::Response};

use super::{
    ApiError, RunAnswer, RunList,
    asked::{Asked, Named},
    canaries::known,
    json,
};
use crate::{service::Service, store::Filter};

pub(super) async fn list(
    Extract(service): Extract<Arc<Service>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let asked = asked.only(&["canary", "verdict", "limit", "after"])?;
    let canary = asked.canary().map(ToOwned::to_owned);
    page(&service, canary, &asked).await
}

pub(super) async fn of_canary(
    Extract(service): Extract<Arc<Service>>,
    Named(canary): Named<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let asked = asked.only(&["verdict", "limit", "after"])?;
    page(&service, Some(canary), &asked).await
}

async fn page(service: &Service, canary: Option<String>, asked: &Asked) -> Result<Response, ApiError> {
    let (limit, verdict) = (asked.limit()?, asked.verdict()?);
    let filter = Filter { limit, verdict, after: asked.after(), canary, before: None };
    if let Some(canary) = &filter.canary {
        known(service, canary)?;
    }
    let page = service.store().runs(&filter).await?;
    Ok(json(RunList::from(page)))
}

pub(super) async fn one(
    Extract(service): Extract<Arc<Service>>,
    Named(run): Named<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.only(&[])?;
    match service.store().run(&run).await? {
        Some(kept) => Ok(json(RunAnswer::from(kept))),
        None => Err(ApiError::not_found(
            format!("there is no run `{run}`, or it was too old to keep"),
            "see /api/v1/runs for those that there are; one in flight is there when it has ended",
        )),
    }
}
