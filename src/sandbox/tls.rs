//! A certificate authority made at start and the one certificate that all of the sandbox's listeners show.

use std::{io, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// Names that every certificate carries.
const ALWAYS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What clients must trust, and what servers show.
pub(crate) struct Identity {
    /// The authority's certificate, for clients.
    pub(crate) ca_pem: String,
    /// Certificate and key, for servers.
    pub(crate) server: Arc<ServerConfig>,
}

/// Makes an authority and a certificate for `localhost`, 127.0.0.1, ::1 and `names`.
pub(crate) fn identity(names: &[String]) -> Result<Identity, io::Error> {
    let (ca_pem, chain, key) = certificates(names).map_err(io::Error::other)?;
    let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { ca_pem, server: Arc::new(server) })
}

type Chain = Vec<rustls::pki_types::CertificateDer<'static>>;

fn certificates(names: &[String]) -> Result<(String, Chain, PrivateKeyDer<'static>), rcgen::Error> {
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "Sandbox authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)?;

    let names: Vec<String> = ALWAYS.into_iter().map(str::to_owned).chain(names.iter().cloned()).collect();
    let mut leaf = CertificateParams::new(names)?;
    leaf.distinguished_name.push(DnType::CommonName, "sandbox");
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Strict verifiers (recent Python and Go) want the certificate to name its issuer's key.
    leaf.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let leaf = leaf.signed_by(&key, &authority)?;

    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok((authority.pem(), vec![leaf.der().clone()], key))
}
