//! The sandbox as a program of its own, for everything that is not this suite: its options, and what it prints.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use coalmine::{
    cli::{Standalone, socket_address},
    config::{ConfigError, Problem},
};

use jiff::SignedDuration;
use sandbox::mail::QuotaStyle;

use crate::world::{SandboxWorld, WorldOptions, known_fault};

/// What a client of the product may want to find in the sandbox, such as the test suite of one of its SDKs.
#[derive(Args)]
#[command(next_help_heading = "Options of the product")]
pub struct Options {
    /// Where the product listens; port 0 takes a free one. The certificate carries the address.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        value_parser = socket_address
    )]
    listen: SocketAddr,
    /// The name of the standing team.
    #[arg(long, value_name = "NAME", default_value_t = sandbox::Options::default().team)]
    team: String,
    /// Makes a development ledger in that team, for clients that cannot make their own.
    #[arg(long, value_name = "NAME")]
    ledger: Option<String>,
    /// The API credential of that team; without it, a random one.
    #[arg(long, value_name = "TEXT")]
    credential: Option<String>,
    /// The address that `/hello` announces; without it, the one that was asked. The certificate carries its host.
    #[arg(long, value_name = "HOST:PORT")]
    announce: Option<String>,
    /// A further name in the certificate, beside `localhost` and the loopback addresses; may be repeated.
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    #[command(flatten)]
    gmail: Gmail,
}

/// How the sandbox's Gmail behaves, for clients that want to see it at its worst.
#[derive(Args)]
struct Gmail {
    /// A scope that the refresh token grants, in full; may be repeated. Without it, reading.
    #[arg(long, value_name = "SCOPE")]
    gmail_scope: Vec<String>,
    /// How many quota units may be spent in a minute; without it, any number.
    #[arg(long, value_name = "UNITS")]
    gmail_quota: Option<u32>,
    /// How Gmail refuses what is over the quota.
    #[arg(long, value_name = "STYLE", default_value = "forbidden", value_parser = quota_style)]
    gmail_quota_style: QuotaStyle,
    /// How many seconds a search does not find a new mail.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    gmail_index_lag: u32,
    /// How many seconds a new mail cannot be read by its id.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    gmail_get_lag: u32,
    /// How many seconds the history goes back; without it, a week.
    #[arg(long, value_name = "SECONDS")]
    gmail_history: Option<u32>,
}

impl Gmail {
    fn options(self) -> sandbox::mail::Options {
        let Gmail {
            gmail_scope,
            gmail_quota,
            gmail_quota_style,
            gmail_index_lag,
            gmail_get_lag,
            gmail_history,
        } = self;
        let seconds = |seconds: u32| SignedDuration::from_secs(seconds.into());
        let mut options = sandbox::mail::Options {
            quota_per_minute: gmail_quota,
            quota_style: gmail_quota_style,
            index_lag: seconds(gmail_index_lag),
            get_lag: seconds(gmail_get_lag),
            ..sandbox::mail::Options::default()
        };
        options.history_kept = gmail_history.map_or(options.history_kept, seconds);
        if !gmail_scope.is_empty() {
            options.scopes = gmail_scope;
        }
        options
    }
}

fn quota_style(text: &str) -> Result<QuotaStyle, String> {
    match text {
        "forbidden" => Ok(QuotaStyle::Forbidden),
        "user-forbidden" => Ok(QuotaStyle::UserForbidden),
        "too-many-requests" => Ok(QuotaStyle::TooManyRequests),
        _ => Err("expected `forbidden`, `user-forbidden` or `too-many-requests`".to_owned()),
    }
}

/// Starts it.
///
/// # Errors
/// As [`SandboxWorld::start`].
pub fn start(faults: Vec<String>, latency: Duration, options: Options) -> Result<Standalone, ConfigError> {
    let unknown = faults.iter().filter_map(|fault| known_fault(fault).err());
    let problems: Vec<_> = unknown
        .map(|error| Problem {
            name: "--fault".to_owned(),
            found: error.to_string(),
            remedy: "take one from the list that `--fault list` prints".to_owned(),
        })
        .collect();
    if !problems.is_empty() {
        return Err(ConfigError { problems });
    }

    let Options { listen, team, ledger, credential, announce, name, gmail } = options;
    let sandbox = sandbox::Options {
        team,
        ledger: ledger.clone(),
        credential,
        announce,
        names: name,
        mail: gmail.options(),
        ..sandbox::Options::default()
    };
    let world = SandboxWorld::start(WorldOptions { faults, latency, proxy: true, listen, sandbox })?;
    let sandbox = world.sandbox();
    Ok(Standalone {
        addresses: vec![
            ("product (ledger API and dashboard)".to_owned(), world.entry()),
            ("  behind the fault proxy".to_owned(), format!("https://{}", sandbox.address())),
            ("Gmail API".to_owned(), format!("https://{}/gmail/v1/users/me/", sandbox.mail_api())),
            ("OAuth page of consent".to_owned(), format!("https://{}/o/oauth2/v2/auth", sandbox.mail_api())),
            ("OAuth token endpoint".to_owned(), format!("https://{}/token", sandbox.mail_api())),
            ("SMTP".to_owned(), sandbox.smtp().to_string()),
            ("PagerDuty (Events and REST API)".to_owned(), sandbox.pagerduty().root().to_owned()),
        ],
        ca_pem: sandbox.ca_pem().to_owned(),
        exports: Box::new({
            let exports = world.exports("");
            let of_sdks = ledger.map(|ledger| sdk_exports(&world, ledger)).unwrap_or_default();
            move |ca: &str| {
                let set = |(name, value): &(String, String)| {
                    let is_ca = matches!(&**name, "COALMINE_CA" | "SEQTLSCA");
                    (name.clone(), if is_ca { ca.to_owned() } else { value.clone() })
                };
                exports.iter().chain(&of_sdks).map(set).collect()
            }
        }),
        world: Arc::new(world),
    })
}

/// The variables that the vendor's SDKs and their tests read, without the certificate's file.
fn sdk_exports(world: &SandboxWorld, ledger: String) -> Vec<(String, String)> {
    let entry = world.entry();
    let address = entry.strip_prefix("https://").unwrap_or(&entry);
    [
        ("SEQADDR", address.to_owned()),
        ("SEQTLSCA", String::new()),
        ("SEQCRED", world.sandbox().credential().to_owned()),
        ("LEDGER_NAME", ledger),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
