//! The store in a bucket: client set-up, and every call but the multipart upload.
//!
//! Integrity: each body is signed with its SHA-256, which every S3 server verifies; the SDK's own
//! checksum headers are sent only where S3 requires them, because other servers refuse them.

use std::pin::Pin;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    Builder, Credentials, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig, retry::RetryConfig,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_types::service_config::ServiceConfigKey;
use secrecy::ExposeSecret;
use tokio::io::AsyncRead;
use tokio_util::task::TaskTracker;

use super::reader::{Expected, ObjectReader};
use super::{Object, ObjectKey, StoreError, StoreSettings, Stored, keys};

/// S3 takes no presigned URL that lives longer.
const MAX_PRESIGN: Duration = Duration::from_secs(7 * 24 * 3600);

/// The slowest line that a request with a body is given time for.
const SLOWEST_BYTES_PER_SEC: u64 = 64 * 1024;

/// A bucket, a prefix in it, and the client that reaches it.
#[derive(Debug, Clone)]
pub(super) struct S3 {
    pub(super) client: Client,
    pub(super) bucket: String,
    prefix: String,
    pub(super) idle_limit: Duration,
    pub(super) source_limit: Option<Duration>,
    connect_limit: Duration,
    max_attempts: u32,
    /// Aborts of uploads whose `put` was dropped.
    pub(super) aborts: TaskTracker,
}

impl S3 {
    pub(super) async fn connect(
        bucket: String,
        prefix: String,
        settings: StoreSettings,
    ) -> Result<Self, StoreError> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(region) = settings.region.clone() {
            loader = loader.region(Region::new(region));
        }
        let sdk = loader.load().await;
        let endpoint = settings.endpoint_url.clone().or_else(|| configured_endpoint(&sdk));

        let mut builder = Builder::from(&sdk)
            .region(sdk.region().cloned().unwrap_or(Region::from_static("us-east-1")))
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .retry_config(RetryConfig::standard().with_max_attempts(settings.max_attempts))
            .stalled_stream_protection(
                StalledStreamProtectionConfig::enabled().grace_period(settings.idle_limit).build(),
            )
            .force_path_style(endpoint.is_some());
        if let Some(endpoint) = endpoint {
            builder = builder.endpoint_url(endpoint);
        }
        if let Some((key, secret)) = settings.keys {
            builder = builder.credentials_provider(Credentials::new(
                key,
                secret.expose_secret(),
                None,
                None,
                "odooops settings",
            ));
        }
        let s3 = Self {
            client: Client::from_conf(builder.timeout_config(TimeoutConfig::disabled()).build()),
            bucket,
            prefix,
            idle_limit: settings.idle_limit,
            source_limit: settings.source_limit,
            connect_limit: settings.connect_limit,
            max_attempts: settings.max_attempts,
            aborts: TaskTracker::new(),
        };
        Ok(s3)
    }

    /// Limits for a request whose body has `body_bytes`: connect, each attempt, all attempts together.
    pub(super) fn limits(&self, body_bytes: usize) -> Builder {
        let transfer = Duration::from_secs(body_bytes as u64 / SLOWEST_BYTES_PER_SEC);
        let attempt = self.idle_limit + transfer;
        let limits = TimeoutConfig::builder()
            .connect_timeout(self.connect_limit)
            .operation_attempt_timeout(attempt)
            .operation_timeout(attempt * self.max_attempts)
            .build();
        Builder::new().timeout_config(limits)
    }

    pub(super) fn full_key(&self, key: &ObjectKey) -> String {
        if self.prefix.is_empty() {
            key.as_str().to_owned()
        } else {
            format!("{}/{}", self.prefix, key.as_str())
        }
    }

    pub(super) fn url_of(&self, key: &ObjectKey) -> String {
        format!("s3://{}/{}", self.bucket, self.full_key(key))
    }

    /// Fails where the bucket is known not to exist: some servers would make it on the first put.
    pub(super) async fn check_bucket(&self) -> Result<(), StoreError> {
        let url = format!("s3://{}/{}", self.bucket, self.prefix);
        let request = self.client.head_bucket().bucket(&self.bucket).customize();
        match request.config_override(self.limits(0)).send().await.map_err(|error| judge(&url, error)) {
            // Who may only put and get objects may not ask for the bucket.
            Ok(_) | Err(StoreError::AccessDenied { .. }) => Ok(()),
            Err(StoreError::NotFound { url }) => Err(StoreError::NoSuchBucket { url }),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn put<R: AsyncRead + Send>(
        &self,
        key: &ObjectKey,
        content_type: &str,
        source: Pin<&mut R>,
    ) -> Result<Stored, StoreError> {
        super::upload::put(self, key, content_type, source).await
    }

    pub(super) async fn get(&self, url: &str, sha256: Option<&str>) -> Result<Object, StoreError> {
        let key = self.key_of(url)?;
        let request = self.client.get_object().bucket(&self.bucket).key(key).customize();
        let answer =
            request.config_override(self.limits(0)).send().await.map_err(|error| judge(url, error))?;
        let size_bytes = answer.content_length().and_then(|size| u64::try_from(size).ok());
        let Some(size_bytes) = size_bytes else {
            return Err(StoreError::Failed { url: url.to_owned(), reason: "the server sent no size".into() });
        };
        let expected = Expected { url: url.to_owned(), size_bytes, sha256: sha256.map(str::to_owned) };
        let body = Box::pin(answer.body.into_async_read());
        Ok(Object { size_bytes, reader: ObjectReader::new(body, expected, self.idle_limit) })
    }

    pub(super) async fn presign(&self, url: &str, expires: Duration) -> Result<String, StoreError> {
        let key = self.key_of(url)?;
        let expires = PresigningConfig::expires_in(expires.min(MAX_PRESIGN))
            .map_err(|error| StoreError::invalid(url, error.to_string()))?;
        let signed = self.client.get_object().bucket(&self.bucket).key(key).presigned(expires).await;
        Ok(signed.map_err(|error| judge(url, error))?.uri().to_owned())
    }

    pub(super) async fn delete(&self, url: &str) -> Result<(), StoreError> {
        let key = self.key_of(url)?;
        let request = self.client.delete_object().bucket(&self.bucket).key(key).customize();
        match request.config_override(self.limits(0)).send().await.map_err(|error| judge(url, error)) {
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn settle(&self, limit: Duration) {
        self.aborts.close();
        if tokio::time::timeout(limit, self.aborts.wait()).await.is_err() {
            tracing::warn!(bucket = %self.bucket, "unfinished uploads may stay behind; let the bucket's lifecycle rule abort them");
        }
        self.aborts.reopen();
    }

    /// The key of an object URL of this store.
    fn key_of(&self, url: &str) -> Result<String, StoreError> {
        let outside = || {
            let root = format!("s3://{}/{}", self.bucket, self.prefix);
            StoreError::invalid(url, format!("it is not in the store {root}"))
        };
        let in_bucket = url.strip_prefix("s3://").and_then(|rest| rest.strip_prefix(self.bucket.as_str()));
        let key = in_bucket.and_then(|rest| rest.strip_prefix('/')).ok_or_else(outside)?;
        let below_prefix = match self.prefix.as_str() {
            "" => Some(key),
            prefix => key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')),
        };
        match below_prefix.map(keys::path_problem) {
            Some(None) => Ok(key.to_owned()),
            Some(Some(_)) | None => Err(outside()),
        }
    }
}

/// The endpoint that the SDK would use: the one for S3 alone before the one for all services.
fn configured_endpoint(sdk: &SdkConfig) -> Option<String> {
    let key =
        ServiceConfigKey::builder().service_id("S3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let for_s3 = key.ok().and_then(|key| sdk.service_config().and_then(|config| config.load_config(key)));
    for_s3.or_else(|| sdk.endpoint_url().map(str::to_owned))
}

/// Tells the SDK's errors apart by what the server said, or why it said nothing.
pub(super) fn judge<E>(url: &str, error: SdkError<E, aws_sdk_s3::config::http::HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let url = url.to_owned();
    let reason = chain(&error);
    match &error {
        SdkError::TimeoutError(_) => StoreError::TimedOut { url, what: "the store" },
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            StoreError::Unreachable { url, reason: format!("no answer in time: {reason}") }
        }
        SdkError::DispatchFailure(failure) if failure.is_io() => StoreError::Unreachable { url, reason },
        SdkError::DispatchFailure(failure) if failure.is_user() => StoreError::invalid(&url, reason),
        SdkError::DispatchFailure(_) if reason.contains("credential") => {
            StoreError::NoCredentials { url, reason }
        }
        SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => StoreError::Unreachable { url, reason },
        SdkError::ServiceError(answer) => {
            judge_answer(url, answer.err().code(), answer.err().message(), answer.raw().status().as_u16())
        }
        _ => StoreError::Failed { url, reason },
    }
}

fn judge_answer(url: String, code: Option<&str>, message: Option<&str>, status: u16) -> StoreError {
    let said = match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, Some(message)) => message.to_owned(),
        (None, None) => format!("HTTP {status}"),
    };
    match (code.unwrap_or_default(), status) {
        ("NoSuchBucket", _) => StoreError::NoSuchBucket { url },
        ("NoSuchKey" | "NotFound", _) => StoreError::NotFound { url },
        ("EntityTooLarge", _) => StoreError::TooLarge { url, limit_bytes: super::upload::MAX_OBJECT_BYTES },
        ("QuotaExceeded" | "XMinioStorageFull", _) | (_, 507) => StoreError::DiskFull { url },
        (_, 401 | 403) => StoreError::AccessDenied { url, reason: said },
        (_, 404) => StoreError::NotFound { url },
        (_, 500..=599) => StoreError::Unreachable { url, reason: format!("HTTP {status}, {said}") },
        _ => StoreError::Failed { url, reason: said },
    }
}

/// An error with all its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut said: Vec<String> = causes.map(ToString::to_string).collect();
    said.dedup();
    said.join(": ")
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::config::http::HttpResponse;
    use aws_sdk_s3::error::ConnectorError;
    use aws_sdk_s3::operation::get_object::GetObjectError;

    use super::*;

    #[test]
    fn answers_are_told_apart_by_code_then_status() {
        let kind = |code, status| {
            let error = judge_answer("s3://b/k".into(), code, None, status);
            let text = format!("{error:?}");
            (text.split([' ', '{']).next().unwrap_or_default().to_owned(), error.is_infrastructure())
        };
        for (code, status, expected, infra) in [
            (Some("NoSuchBucket"), 404, "NoSuchBucket", true),
            (Some("NoSuchKey"), 404, "NotFound", false),
            (None, 404, "NotFound", false),
            (Some("SignatureDoesNotMatch"), 403, "AccessDenied", true),
            (Some("InvalidAccessKeyId"), 403, "AccessDenied", true),
            (Some("XMinioStorageFull"), 507, "DiskFull", true),
            (Some("SlowDown"), 503, "Unreachable", true),
            (Some("EntityTooLarge"), 400, "TooLarge", false),
            (Some("InvalidArgument"), 400, "Failed", true),
        ] {
            assert_eq!(kind(code, status), (expected.to_owned(), infra), "{code:?} {status}");
        }
    }

    #[test]
    fn missing_keys_are_told_apart_from_a_missing_server() {
        let failed = |error| {
            let error: SdkError<GetObjectError, HttpResponse> = SdkError::dispatch_failure(error);
            judge("s3://b/k", error)
        };
        let keys = failed(ConnectorError::other("an error occurred while loading credentials".into(), None));
        assert!(matches!(keys, StoreError::NoCredentials { .. }), "{keys:?}");
        let server = failed(ConnectorError::io("connection refused".into()));
        assert!(matches!(server, StoreError::Unreachable { .. }), "{server:?}");
    }

    #[tokio::test]
    async fn only_objects_below_the_prefix_have_a_key() {
        let settings = StoreSettings {
            endpoint_url: Some("http://127.0.0.1:9".into()),
            region: Some("x".into()),
            keys: Some(("a".into(), "b".into())),
            ..StoreSettings::default()
        };
        let s3 = S3::connect("bucket".into(), "pre".into(), settings).await.expect("connects to nobody");
        assert_eq!(s3.key_of("s3://bucket/pre/a/b").expect("inside"), "pre/a/b");
        for outside in [
            "s3://bucket/other/a",
            "s3://bucket/prefix/a",
            "s3://bucket/pre/",
            "s3://bucket/pre/../other/a",
            "s3://bucket2/pre/a",
            "file:///pre/a",
            "https://bucket/pre/a",
        ] {
            assert!(matches!(s3.key_of(outside), Err(StoreError::Invalid { .. })), "{outside}");
        }
    }
}
