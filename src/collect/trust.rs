//! Which authorities' certificates are taken: those of the system, or those of the file that `AWS_CA_BUNDLE` names in
//! their place, as the AWS CLI does. <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-envvars.html>

use std::sync::OnceLock;

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::session::CollectError;

/// The environment's choice, for all connections: it is made before the first of them.
static CHOSEN: OnceLock<TlsContext> = OnceLock::new();

/// Reads the environment's choice.
///
/// # Errors
/// A file that cannot be read, or holds no certificate of an authority. (Given to the client as it is, it would end the
/// program.)
pub(super) fn choose() -> Result<(), CollectError> {
    let Some(path) = std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let unusable =
        |why: String| CollectError::Certificates { path: path.to_string_lossy().into_owned(), why };
    let text = std::fs::read(&path).map_err(|error| unusable(error.to_string()))?;
    check(&text).map_err(unusable)?;
    let store = TrustStore::empty().with_pem_certificate(text);
    let context = TlsContext::builder().with_trust_store(store).build();
    let context = context.map_err(|error| unusable(error.to_string()))?;
    // Another connection may have made the same choice.
    CHOSEN.get_or_init(|| context);
    Ok(())
}

/// What was chosen; before that, and where nothing is, the system's.
pub(super) fn chosen() -> TlsContext {
    CHOSEN.get().cloned().unwrap_or_default()
}

fn check(text: &[u8]) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text) {
        let certificate = certificate.map_err(|error| format!("it is no PEM: {error:?}"))?;
        roots.add(certificate).map_err(|error| format!("a certificate does not parse: {error}"))?;
    }
    if roots.is_empty() { Err("it holds no certificate".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_certificates_are_taken() {
        let good = include_bytes!("../../tests/fake_aws/tls/ca.pem");
        assert_eq!(check(good), Ok(()));
        assert_eq!(check(&[&good[..], b"\n", good].concat()), Ok(()));
        assert!(check(b"").is_err() && check(b"nothing of the kind").is_err());
        assert!(check(include_bytes!("../../tests/fake_aws/tls/key.pem")).is_err());
        for length in 60..good.len() - 30 {
            assert!(check(&good[..length]).is_err(), "{length}");
        }
        let odd = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(check(odd).is_err());
        assert!(check(&[&good[..], odd].concat()).is_err());
    }
}
