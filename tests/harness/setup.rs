//! How a fixture suite is configured: a folder to leave marks in, and a few switches.

use std::{path::Path, sync::Arc};

use coalmine::{
    Redactor, Resources,
    config::{ConfigError, Settings, Setup, Start},
    http::{HttpPool, Roots, client_config},
};
use tokio::sync::Barrier;

use crate::{marks::MarkFile, server::EchoServer, suites::secrets::Planted};

/// How many steps of the crowd meet before any of them goes on.
pub(crate) const CROWD: usize = 3;

/// What a fixture suite is configured with.
pub(crate) struct FixtureSetup {
    marks: String,
    reports: Option<String>,
    target: String,
    lasting: bool,
    /// Whether clients register what they learn, as they should.
    learn: bool,
    /// What must be seen nowhere.
    secret: Option<String>,
}

/// The folder of the reports, for steps that break it. A resource.
pub(crate) struct ReportFolder(pub(crate) Option<String>);

/// The redactor of the process, which clients that outlive a run register with. A resource.
pub(crate) struct ProcessRedactor(pub(crate) Redactor);

impl Setup for FixtureSetup {
    fn read(settings: &mut Settings<'_>) -> Option<Self> {
        settings.claim("FIXTURE_");
        settings.optional("FIXTURE_SUITE");
        settings.optional("FIXTURE_PROGRAM");
        let reports = settings.optional("COALMINE_REPORTS");
        let target = settings.optional("FIXTURE_TARGET").unwrap_or_else(|| "a fixture".to_owned());
        let lasting = settings.flag("FIXTURE_LASTING");
        let learn = !settings.flag("FIXTURE_FORGET");
        let secret = settings.optional("FIXTURE_SECRET");
        let Some(marks) = settings.optional("FIXTURE_MARKS") else {
            settings.missing("FIXTURE_MARKS", "name a file to leave marks in");
            return None;
        };
        Some(Self { marks, reports, target, lasting, learn, secret })
    }

    fn start(self) -> Result<Start, ConfigError> {
        let Self { marks, reports, target, lasting, learn, secret } = self;
        let marks = MarkFile(Path::new(&marks).to_owned());
        marks.leave("start");
        let redactor = Redactor::new();
        let mut resources = Resources::new()
            .with(marks)
            .with(ReportFolder(reports))
            .with(ProcessRedactor(redactor.clone()))
            .with(Arc::new(Barrier::new(CROWD)));
        let mut keep: Box<dyn std::any::Any + Send> = Box::new(());
        if let Some(secret) = secret {
            let problem = |error: String| ConfigError::one("FIXTURE_SECRET", error, "mend the fixture");
            let server = EchoServer::start().map_err(|error| problem(error.to_string()))?;
            let pem = rcgen::generate_simple_self_signed(["fixture".to_owned()])
                .map_err(|error| problem(error.to_string()))?
                .cert
                .pem();
            let tls = client_config(&Roots::Only(pem)).map_err(|error| problem(error.to_string()))?;
            let pool = HttpPool::new(tls).map_err(|error| problem(error.to_string()))?;
            let planted = Planted { secret, learn, server: server.address() };
            resources = resources.with(pool).with(planted);
            keep = Box::new(server);
        }
        Ok(Start { target, resources, redactor, lasting, world: None, alerts: None, keep })
    }
}
