//! One request each: the API's name and what it asks about in, AWS's answer as JSON out.
//!
//! The answer is taken as it came over the wire, before the client's types lose what they do not know: a selector
//! with an operator that is newer than the client would else look wider than it is. IAM answers in XML; of it the
//! typed answer is written as JSON.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::{Region, SdkConfig};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use super::ask::Request;
use super::http::Signed;
use super::needs::GET_ACCOUNT_SETTINGS;
use super::outcome::Trouble;
use super::quota::LOOKUP_EVENTS;
use super::{authorization, ec2, json, metrics};
use crate::arn;
use crate::snapshot::api::*;

/// The clients of one account and region.
#[derive(Debug, Clone)]
pub(super) struct Clients {
    lambda: aws_sdk_lambda::Client,
    cloudtrail: aws_sdk_cloudtrail::Client,
    iam: aws_sdk_iam::Client,
    organizations: aws_sdk_organizations::Client,
    /// For the services without a client here.
    signed: Arc<Signed>,
    region: Arc<str>,
}

/// The body of an answer. Its `Debug` shows nothing of it: it holds values of environment variables.
#[derive(Clone, Default)]
struct Body(Arc<Mutex<Vec<u8>>>);

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}

impl Body {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for Body {
    fn name(&self) -> &'static str {
        "body"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(bytes) = context.response().body().bytes() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = bytes.to_vec();
        }
        Ok(())
    }
}

/// Sends a request and gives the body of its answer.
macro_rules! body {
    ($request:expr) => {{
        let body = Body::default();
        match $request.customize().interceptor(body.clone()).send().await {
            Ok(_) => Ok(body.take()),
            Err(error) => Err(Trouble::of(&error)),
        }
    }};
}

impl Clients {
    pub(super) fn new(config: &SdkConfig, region: &str) -> Self {
        let config = config.to_builder().region(Region::new(region.to_owned())).build();
        Clients {
            lambda: aws_sdk_lambda::Client::new(&config),
            cloudtrail: aws_sdk_cloudtrail::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            organizations: aws_sdk_organizations::Client::new(&config),
            signed: Arc::new(Signed::new(config)),
            region: region.into(),
        }
    }

    pub(super) async fn send(&self, request: Request<'_>) -> Result<Vec<u8>, Trouble> {
        let Request { api, resource, token, span, names } = request;
        if let (LOOKUP_EVENTS, Some(span)) = (api, span) {
            return self.look_up(named(resource)?, span, token).await;
        }
        if let (GET_METRIC_DATA, Some(span)) = (api, span) {
            let question = metrics::question(names, span, token);
            return json::ask(&self.signed, &json::CLOUDWATCH, &self.region, ("GetMetricData", &question))
                .await;
        }
        match api.split(':').next() {
            Some("lambda") => self.lambda(api, resource, token).await,
            Some("cloudtrail") => self.cloudtrail(api, resource, token).await,
            Some("organizations") => self.organizations(api, resource, token).await,
            Some("iam") if api == GET_ACCOUNT_AUTHORIZATION_DETAILS => {
                authorization::page(&self.iam, token).await
            }
            Some("iam") => self.role(named(resource)?).await,
            Some("ec2") => ec2::subnets(&self.signed, &self.region, token).await,
            Some("access-analyzer" | "cloudwatch" | "events" | "guardduty" | "logs" | "securityhub") => {
                super::guardrails::ask(&self.signed, &self.region, request).await
            }
            _ => Err(unknown(api)),
        }
    }

    async fn lambda(
        &self,
        api: &str,
        resource: Option<&str>,
        token: Option<&str>,
    ) -> Result<Vec<u8>, Trouble> {
        let marker = token.map(str::to_owned);
        let client = &self.lambda;
        match api {
            LIST_FUNCTIONS => body!(client.list_functions().set_marker(marker).max_items(50)),
            LIST_LAYERS => body!(client.list_layers().set_marker(marker).max_items(50)),
            LIST_MAPPINGS => body!(client.list_event_source_mappings().set_marker(marker).max_items(100)),
            GET_ACCOUNT_SETTINGS => body!(client.get_account_settings()),
            LIST_ALIASES => {
                let request = client.list_aliases().function_name(named(resource)?);
                body!(request.set_marker(marker).max_items(50))
            }
            LIST_VERSIONS => {
                let request = client.list_versions_by_function().function_name(named(resource)?);
                body!(request.set_marker(marker).max_items(50))
            }
            LIST_URLS => {
                let request = client.list_function_url_configs().function_name(named(resource)?);
                body!(request.set_marker(marker).max_items(50))
            }
            LIST_EVENT_INVOKE_CONFIGS => {
                let request = client.list_function_event_invoke_configs().function_name(named(resource)?);
                body!(request.set_marker(marker).max_items(50))
            }
            LIST_LAYER_VERSIONS => {
                let request = client.list_layer_versions().layer_name(named(resource)?);
                body!(request.set_marker(marker).max_items(50))
            }
            GET_POLICY => {
                let (function, qualifier) =
                    arn::split_function(named(resource)?).ok_or_else(|| unknown(api))?;
                let request = client.get_policy().function_name(function);
                body!(request.set_qualifier(qualifier.map(str::to_owned)))
            }
            GET_RESOURCE_POLICY => body!(client.get_resource_policy().resource_arn(named(resource)?)),
            LIST_TAGS => body!(client.list_tags().resource(named(resource)?)),
            GET_CODE_SIGNING => {
                body!(client.get_function_code_signing_config().function_name(named(resource)?))
            }
            GET_CONCURRENCY => body!(client.get_function_concurrency().function_name(named(resource)?)),
            GET_LAYER_VERSION_POLICY => {
                let (layer, version) = named(resource)?.rsplit_once(':').ok_or_else(|| unknown(api))?;
                let version = version.parse().map_err(|_| unknown(api))?;
                body!(client.get_layer_version_policy().layer_name(layer).version_number(version))
            }
            _ => Err(unknown(api)),
        }
    }

    async fn cloudtrail(
        &self,
        api: &str,
        resource: Option<&str>,
        token: Option<&str>,
    ) -> Result<Vec<u8>, Trouble> {
        let client = &self.cloudtrail;
        match api {
            DESCRIBE_TRAILS => body!(client.describe_trails().include_shadow_trails(true)),
            GET_EVENT_SELECTORS => body!(client.get_event_selectors().trail_name(named(resource)?)),
            GET_TRAIL_STATUS => body!(client.get_trail_status().name(named(resource)?)),
            LIST_EVENT_DATA_STORES => {
                body!(client.list_event_data_stores().set_next_token(token.map(str::to_owned)))
            }
            GET_EVENT_DATA_STORE => body!(client.get_event_data_store().event_data_store(named(resource)?)),
            _ => Err(unknown(api)),
        }
    }

    /// One page of the records with an attribute, `EventName=AddPermission20150331v2`, between two seconds.
    async fn look_up(
        &self,
        attribute: &str,
        (from, to): (i64, i64),
        token: Option<&str>,
    ) -> Result<Vec<u8>, Trouble> {
        use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
        let (key, value) = attribute.split_once('=').ok_or_else(|| unknown(LOOKUP_EVENTS))?;
        let attribute =
            LookupAttribute::builder().attribute_key(LookupAttributeKey::from(key)).attribute_value(value);
        let attribute = attribute.build().map_err(|_| unknown(LOOKUP_EVENTS))?;
        let time = aws_smithy_types::DateTime::from_secs;
        let request = self.cloudtrail.lookup_events().lookup_attributes(attribute);
        let request = request.start_time(time(from)).end_time(time(to)).max_results(50);
        body!(request.set_next_token(token.map(str::to_owned)))
    }

    async fn organizations(
        &self,
        api: &str,
        resource: Option<&str>,
        token: Option<&str>,
    ) -> Result<Vec<u8>, Trouble> {
        use aws_sdk_organizations::types::PolicyType;
        let (client, next) = (&self.organizations, token.map(str::to_owned));
        match api {
            LIST_PARENTS => body!(client.list_parents().child_id(named(resource)?).set_next_token(next)),
            LIST_POLICIES_FOR_TARGET => {
                let request = client.list_policies_for_target().target_id(named(resource)?);
                body!(request.filter(PolicyType::ServiceControlPolicy).set_next_token(next))
            }
            DESCRIBE_POLICY => body!(client.describe_policy().policy_id(named(resource)?)),
            DESCRIBE_ORGANIZATION => body!(client.describe_organization()),
            LIST_ACCOUNTS => body!(client.list_accounts().set_next_token(next)),
            _ => Err(unknown(api)),
        }
    }

    async fn role(&self, role: &str) -> Result<Vec<u8>, Trouble> {
        let name = role.rsplit('/').next().unwrap_or(role);
        let answer = self.iam.get_role().role_name(name).send().await.map_err(|error| Trouble::of(&error))?;
        let role = answer.role().ok_or_else(|| Trouble::Malformed("the answer names no role".to_owned()))?;
        let document =
            role.assume_role_policy_document().map(|text| serde_json::Value::from(text.to_owned()));
        let answer = GetRole {
            role: Role {
                role_name: Some(role.role_name().to_owned()),
                arn: role.arn().to_owned(),
                assume_role_policy_document: document,
            },
        };
        serde_json::to_vec(&answer).map_err(|error| Trouble::Malformed(error.to_string()))
    }
}

fn named(resource: Option<&str>) -> Result<&str, Trouble> {
    resource.ok_or_else(|| Trouble::NotAsked("nothing was named to ask about".to_owned()))
}

fn unknown(api: &str) -> Trouble {
    Trouble::NotAsked(format!("{api} cannot be asked about this"))
}
