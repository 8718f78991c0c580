//! One signed request at a time, for the services of which a few calls are needed: S3 and CloudWatch. Their clients
//! would take longer to build than everything else that asks AWS.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningParams, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use super::outcome::Trouble;
use super::trust;

/// Credentials are asked for again when less than this is left of them.
const MARGIN: Duration = Duration::from_secs(300);
const CONNECT: Duration = Duration::from_secs(10);
/// For the head of an answer, and for each piece of its body.
const WAIT: Duration = Duration::from_secs(30);

/// What is sent.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// The service's name in signatures: `s3`.
    pub(super) service: &'static str,
    pub(super) region: String,
    pub(super) method: &'static str,
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// The most bytes of an answer.
    pub(super) limit: usize,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
    /// The body was longer than the limit.
    pub(super) cut: bool,
}

/// Sends requests with one identity's credentials.
#[derive(Debug)]
pub(super) struct Signed {
    connector: OnceLock<Connector>,
    config: SdkConfig,
    credentials: Mutex<Option<Credentials>>,
}

impl Signed {
    pub(super) fn new(config: SdkConfig) -> Self {
        Signed { connector: OnceLock::new(), config, credentials: Mutex::default() }
    }

    /// Made when it is first needed: most regions are asked nothing through it.
    fn connector(&self) -> &Connector {
        self.connector.get_or_init(|| {
            let settings =
                HttpConnectorSettings::builder().connect_timeout(CONNECT).read_timeout(WAIT).build();
            Connector::builder()
                .connector_settings(settings)
                .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
                .tls_context(trust::chosen())
                .build()
        })
    }

    pub(super) fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The address of a service in a region: the one that is configured, else its own.
    pub(super) fn address(&self, variable: &str, service: &str, region: &str) -> String {
        let own = || format!("https://{service}.{region}.{}", domain(region));
        let base = endpoint(&self.config, variable).unwrap_or_else(own);
        format!("{}/", base.trim_end_matches('/'))
    }

    async fn credentials(&self) -> Result<Credentials, Trouble> {
        let known = self.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let fresh = |one: &Credentials| one.expiry().is_none_or(|expiry| expiry > SystemTime::now() + MARGIN);
        if let Some(known) = known.filter(fresh) {
            return Ok(known);
        }
        let none = || Trouble::NotAsked("there are no AWS credentials".to_owned());
        let provider = self.config.credentials_provider().ok_or_else(none)?;
        // Their own errors can quote what is secret.
        let given = provider.provide_credentials().await.map_err(|_| none())?;
        *self.credentials.lock().unwrap_or_else(PoisonError::into_inner) = Some(given.clone());
        Ok(given)
    }

    pub(super) async fn send(&self, call: &Call) -> Result<Reply, Trouble> {
        let credentials = self.credentials().await?;
        let request = signed(call, credentials)?;
        let failed = |_| Trouble::Network("the connection failed");
        let late = |_| Trouble::Network("no answer in time");
        let mut response = tokio::time::timeout(CONNECT + WAIT, self.connector().call(request))
            .await
            .map_err(late)?
            .map_err(failed)?;
        let mut stream = ByteStream::new(response.take_body());
        let mut body = Vec::new();
        let mut cut = false;
        while let Some(piece) = tokio::time::timeout(WAIT, stream.next()).await.map_err(late)? {
            let piece = piece.map_err(|_| Trouble::Network("the answer broke off"))?;
            if body.len() + piece.len() > call.limit {
                body.extend_from_slice(&piece[..call.limit - body.len()]);
                cut = true;
                break;
            }
            body.extend_from_slice(&piece);
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // Without this a connection that ends early would look like a short answer.
        let whole = headers.get("content-length").and_then(|length| length.parse::<usize>().ok());
        if !cut && whole.is_some_and(|whole| whole != body.len()) {
            return Err(Trouble::Network("the answer broke off"));
        }
        Ok(Reply { status, headers, body, cut })
    }
}

fn signed(call: &Call, credentials: Credentials) -> Result<HttpRequest, Trouble> {
    let unable = || Trouble::NotAsked("the request could not be built".to_owned());
    let mut settings = SigningSettings::default();
    if call.service == "s3" {
        // Keys are signed as they are, and every request says its body's hash.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let identity = credentials.into();
    let params: SigningParams<'_> = v4::SigningParams::builder()
        .identity(&identity)
        .region(&call.region)
        .name(call.service)
        .time(SystemTime::now())
        .settings(settings)
        .build()
        .map_err(|_| unable())?
        .into();
    let headers = call.headers.iter().map(|(name, value)| (*name, value.as_str()));
    let signable = SignableRequest::new(call.method, &call.url, headers, SignableBody::Bytes(&call.body))
        .map_err(|_| unable())?;
    let (instructions, _) = sign(signable, &params).map_err(|_| unable())?.into_parts();
    let mut request = HttpRequest::new(SdkBody::from(call.body.clone()));
    request.set_method(call.method).map_err(|_| unable())?;
    request.set_uri(call.url.clone()).map_err(|_| unable())?;
    let own = call.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let added = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
    for (name, value) in own.chain(added) {
        request.headers_mut().try_insert(name, value).map_err(|_| unable())?;
    }
    Ok(request)
}

/// The address of a service that is configured: its own, or the one for all.
pub(super) fn endpoint(config: &SdkConfig, service: &str) -> Option<String> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    set(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| config.endpoint_url().map(str::to_owned))
}

/// The domain that the addresses of a region's services end with, by the beginning of its name.
const DOMAINS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
];

/// <https://docs.aws.amazon.com/general/latest/gr/rande.html>
pub(super) fn domain(region: &str) -> &'static str {
    let of = DOMAINS.iter().find(|(beginning, _)| region.starts_with(beginning));
    of.map_or("amazonaws.com", |(_, domain)| domain)
}

/// Percent-encoded as signatures have it; `/` stays where it separates.
pub(super) fn encoded(text: &str, keep_slash: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b'/' if keep_slash => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_has_its_domain() {
        assert_eq!(domain("eu-west-1"), "amazonaws.com");
        assert_eq!(domain("us-gov-west-1"), "amazonaws.com");
        assert_eq!(domain("cn-north-1"), "amazonaws.com.cn");
        assert_eq!(domain("eusc-de-east-1"), "amazonaws.eu");
        assert_eq!(domain("us-isob-east-1"), "sc2s.sgov.gov");
    }
}
