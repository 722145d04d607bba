//! Until when the certificate of a host is valid, as its connections show it.
//!
//! The client hands out the certificate of the host itself and not the chain above it, which rarely ends sooner.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use reqwest::{Url, tls::TlsInfo};
use x509_cert::{Certificate, der::Decode as _};

use crate::record::CERTIFICATES;

/// The certificates that a pool has seen, read once each: every answer of a connection comes with its certificate.
/// Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Certificates(Arc<Mutex<HashMap<String, Read>>>);

/// A host's newest certificate, and what was read in it.
struct Read {
    der: Vec<u8>,
    not_after: Option<Timestamp>,
}

impl Certificates {
    /// The host, and the end of the certificate that the answer came with; nothing if it came without, or with one
    /// that cannot be read.
    pub(super) fn of(&self, response: &reqwest::Response) -> Option<(String, Timestamp)> {
        let der = response.extensions().get::<TlsInfo>()?.peer_certificate()?;
        let host = host(response.url())?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = match known.get(&host) {
            Some(read) if read.der == der => read.not_after,
            _ => {
                let not_after = not_after(der);
                if known.len() < CERTIFICATES || known.contains_key(&host) {
                    known.insert(host.clone(), Read { der: der.to_vec(), not_after });
                }
                not_after
            }
        };
        Some((host, read?))
    }
}

/// The host, with its port if that is not the usual one.
fn host(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// When a certificate ends (RFC 5280, 4.1.2.5).
fn not_after(der: &[u8]) -> Option<Timestamp> {
    let certificate = Certificate::from_der(der).ok()?;
    let since_epoch = certificate.tbs_certificate().validity().not_after.to_unix_duration();
    Timestamp::UNIX_EPOCH.checked_add(SignedDuration::try_from(since_epoch).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_read_in_both_of_its_forms() {
        // Until 2049 a certificate has two digits for the year, and four from then on.
        for year in [2026, 2049, 2050, 4096] {
            let mut params = rcgen::CertificateParams::new(vec!["shop.test".to_owned()]).unwrap();
            params.not_after = rcgen::date_time_ymd(year, 12, 31);
            let key = rcgen::KeyPair::generate().unwrap();
            let der = params.self_signed(&key).unwrap().der().to_vec();
            let expected: Timestamp = format!("{year}-12-31T00:00:00Z").parse().unwrap();
            assert_eq!(not_after(&der), Some(expected));
            assert_eq!(not_after(&der[..der.len() - 1]), None, "cut short");
        }
    }

    #[test]
    fn a_host_has_its_port_if_that_is_unusual() {
        for (url, expected) in [
            ("https://api.shop.test/v1?x=1", "api.shop.test"),
            ("https://api.shop.test:443/", "api.shop.test"),
            ("https://127.0.0.1:8443/", "127.0.0.1:8443"),
            ("https://[::1]:8443/", "[::1]:8443"),
        ] {
            assert_eq!(host(&url.parse().unwrap()).as_deref(), Some(expected));
        }
    }
}
