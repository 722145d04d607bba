//! Whom a client trusts. Configurations are built with an explicit provider (ring), so that nothing depends on a
//! process-wide default and no `main` has to install one.

use std::{fmt, sync::Arc};

use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject};

/// The certificate authorities that a client trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// Those of the machine.
    System,
    /// Those of the machine and those in a PEM text.
    SystemAnd(String),
    /// Only those in a PEM text: for a target that makes its own.
    Only(String),
}

/// Builds the configuration of a client.
///
/// # Errors
/// If a PEM text holds no certificate, or the machine has no trusted authorities.
pub fn client_config(roots: &Roots) -> Result<ClientConfig, TlsError> {
    let mut store = RootCertStore::empty();
    if let Roots::System | Roots::SystemAnd(_) = roots {
        let native = rustls_native_certs::load_native_certs();
        let (added, _) = store.add_parsable_certificates(native.certs);
        if added == 0 {
            return Err(TlsError::NoSystemRoots(native.errors.first().map(ToString::to_string)));
        }
    }
    if let Roots::SystemAnd(pem) | Roots::Only(pem) = roots {
        let mut added = 0;
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| TlsError::BadPem(error.to_string()))?;
            store.add(certificate).map_err(|error| TlsError::BadPem(error.to_string()))?;
            added += 1;
        }
        if added == 0 {
            return Err(TlsError::BadPem("it holds no certificate".to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has suites for the default protocol versions")
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(config)
}

/// For addresses without TLS, which need no authorities, so that it does not matter whether this machine has any.
#[cfg(feature = "harness")]
pub(crate) fn trusting_nobody() -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has suites for the default protocol versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth()
}

/// Why no client could be configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsError {
    /// The machine trusts nobody.
    NoSystemRoots(Option<String>),
    /// A PEM text is not what it should be.
    BadPem(String),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSystemRoots(error) => {
                f.write_str(
                    "this machine has no trusted certificate authorities; install `ca-certificates`",
                )?;
                error.iter().try_for_each(|error| write!(f, " ({error})"))
            }
            Self::BadPem(error) => write!(f, "expected PEM certificates: {error}"),
        }
    }
}

impl std::error::Error for TlsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_certificates_is_refused() {
        assert!(matches!(client_config(&Roots::Only("no PEM".into())), Err(TlsError::BadPem(_))));
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(client_config(&Roots::Only(garbage.into())), Err(TlsError::BadPem(_))));
    }
}
