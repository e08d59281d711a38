//! TLS to Postgres as libpq's `sslmode` means it.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::ContractError;
use super::error::Refusal;
use super::settings::{Target, TlsMode};

/// A connector for what the URL asks for.
pub(crate) fn connector(target: &Target) -> Result<MakeRustlsConnect, ContractError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| tls_error(format!("TLS cannot be set up: {error}")))?;
    let config = match target.tls {
        TlsMode::VerifyFull => builder.with_root_certificates(roots(target)?).with_no_client_auth(),
        TlsMode::VerifyCa => {
            let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(target)?), provider)
                .build()
                .map_err(|error| tls_error(format!("the root certificates cannot be used: {error}")))?;
            unnamed(builder, ChainOnly(chain))
        }
        TlsMode::Disable | TlsMode::Prefer | TlsMode::Require => unnamed(builder, AnyServer(provider)),
    };
    Ok(MakeRustlsConnect::new(config))
}

fn unnamed(
    builder: rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>,
    verifier: impl ServerCertVerifier + 'static,
) -> ClientConfig {
    builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
}

fn roots(target: &Target) -> Result<RootCertStore, ContractError> {
    let mut store = RootCertStore::empty();
    if let Some(path) = &target.root_certificates {
        let certificates = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| tls_error(format!("sslrootcert {path} cannot be read: {error}")))?;
        store.add_parsable_certificates(certificates);
    } else {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if store.is_empty() {
        return Err(tls_error(
            "no root certificate was found to verify the server with; install ca-certificates or name a PEM file with sslrootcert"
                .to_owned(),
        ));
    }
    Ok(store)
}

fn tls_error(message: String) -> ContractError {
    ContractError::BadArgument(Refusal::unreadable(message))
}

/// `require`: encrypted, but anyone may answer (libpq does the same).
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// `verify-ca`: the chain must be good, the name need not be.
#[derive(Debug)]
struct ChainOnly(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for ChainOnly {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/tls");

    fn target(tls: TlsMode, root: Option<&str>) -> Target {
        let root_certificates = root.map(|file| format!("{FIXTURES}/{file}"));
        Target { config: tokio_postgres::Config::new(), tls, root_certificates }
    }

    /// What `verify-ca` says to the server certificate of `db.test` when it trusts this CA.
    fn chain_only(root: &str, host: &str) -> Result<ServerCertVerified, rustls::Error> {
        let roots = Arc::new(roots(&target(TlsMode::VerifyCa, Some(root))).expect("a root certificate"));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chain = WebPkiServerVerifier::builder_with_provider(roots, provider).build().expect("a verifier");
        let server = CertificateDer::from_pem_file(format!("{FIXTURES}/server.pem")).expect("a certificate");
        let name = ServerName::try_from(host.to_owned()).expect("a host name");
        ChainOnly(chain).verify_server_cert(&server, &[], &name, &[], UnixTime::now())
    }

    #[test]
    fn every_mode_has_a_connector() {
        for tls in
            [TlsMode::Disable, TlsMode::Prefer, TlsMode::Require, TlsMode::VerifyCa, TlsMode::VerifyFull]
        {
            assert!(connector(&target(tls, Some("ca.pem"))).is_ok(), "{tls:?}");
        }
    }

    #[test]
    fn verify_ca_takes_any_name_but_no_other_ca() {
        assert!(chain_only("ca.pem", "db.test").is_ok());
        assert!(chain_only("ca.pem", "elsewhere.test").is_ok());
        assert!(chain_only("other-ca.pem", "db.test").is_err());
    }

    #[test]
    fn a_root_certificate_that_cannot_be_read_is_named() {
        let Err(error) = connector(&target(TlsMode::VerifyFull, Some("no-such-file.pem"))) else {
            panic!("a missing file was accepted");
        };
        assert!(matches!(error, ContractError::BadArgument(_)), "{error:?}");
        assert!(error.to_string().contains("no-such-file.pem"), "{error}");
    }
}
