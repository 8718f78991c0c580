//! Grants from change records: what one AddPermission or AddLayerVersionPermission lets in, judged alone.
//!
//! Other statements of the policy, and with them every Deny, are not in such a record, so the answer is an upper
//! bound. A record that carries a whole policy is judged by [`super::assess`].

use std::fmt::Write;

use super::assess::assess_node;
use super::json::{self, quote_into};
use super::pattern::is_account;
use super::principal::is_unique_id;
use super::{Assessment, Context, Unreadable};

/// The request parameters of AddPermission that say who is let in.
/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html>
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PermissionRequest<'a> {
    /// `statementId`
    pub statement_id: Option<&'a str>,
    /// `action`
    pub action: Option<&'a str>,
    /// `principal`: an account id, an ARN, a service, or `*`.
    pub principal: Option<&'a str>,
    /// `sourceArn`
    pub source_arn: Option<&'a str>,
    /// `sourceAccount`
    pub source_account: Option<&'a str>,
    /// `principalOrgID`
    pub principal_org_id: Option<&'a str>,
    /// `functionUrlAuthType`: `NONE` or `AWS_IAM`.
    pub function_url_auth_type: Option<&'a str>,
    /// `invokedViaFunctionUrl`
    pub invoked_via_function_url: Option<bool>,
    /// `eventSourceToken`
    pub event_source_token: Option<&'a str>,
    /// The ARN the statement is for, qualifier included, where it can be told.
    pub resource: Option<&'a str>,
}

/// The request parameters of AddLayerVersionPermission that say who is let in.
/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_AddLayerVersionPermission.html>
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayerPermissionRequest<'a> {
    /// `statementId`
    pub statement_id: Option<&'a str>,
    /// `action`
    pub action: Option<&'a str>,
    /// `principal`: an account id, an ARN, or `*`.
    pub principal: Option<&'a str>,
    /// `organizationId`
    pub organization_id: Option<&'a str>,
    /// The layer version's ARN, where it can be told.
    pub resource: Option<&'a str>,
}

/// Why a change record's grant cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotInRecord {
    /// A parameter that decides is missing.
    #[error("the record does not say the {0}")]
    Missing(&'static str),
    /// The principal is named by a unique id, which does not tell its account.
    #[error("the principal is named by a unique id, which does not tell its account")]
    UniqueId,
    /// The principal is none of the forms that AWS documents.
    #[error("the principal is not an account, ARN, service or *")]
    Principal,
    /// The statement in the response cannot be read.
    #[error(transparent)]
    Statement(#[from] Unreadable),
}

/// Judges AddPermission: by `responseElements.statement` where the record has it, else by the statement AWS would
/// store for the request.
///
/// # Errors
/// [`NotInRecord`]: the grant's exposure is unknown.
pub fn permission(
    request: &PermissionRequest<'_>,
    response_statement: Option<&str>,
    context: &Context<'_>,
) -> Result<Assessment, NotInRecord> {
    match response_statement {
        Some(statement) => judged(statement, context),
        None => judged(&permission_statement(request)?, context),
    }
}

/// The same for AddLayerVersionPermission.
///
/// # Errors
/// [`NotInRecord`]: the grant's exposure is unknown.
pub fn layer_permission(
    request: &LayerPermissionRequest<'_>,
    response_statement: Option<&str>,
    context: &Context<'_>,
) -> Result<Assessment, NotInRecord> {
    match response_statement {
        Some(statement) => judged(statement, context),
        None => judged(&layer_statement(request)?, context),
    }
}

/// The statement that AddPermission makes of its parameters, as JSON text.
///
/// # Errors
/// [`NotInRecord`] where the request does not tell who is let in or to what.
pub fn permission_statement(request: &PermissionRequest<'_>) -> Result<String, NotInRecord> {
    let (kind, principal) = flat_principal(request.principal)?;
    let action = request.action.ok_or(NotInRecord::Missing("action"))?;
    let via_url = request.invoked_via_function_url.map(|via| if via { "true" } else { "false" });
    let conditions = [
        ("StringEquals", "lambda:FunctionUrlAuthType", request.function_url_auth_type),
        ("StringEquals", "aws:PrincipalOrgID", request.principal_org_id),
        ("StringEquals", "AWS:SourceAccount", request.source_account),
        ("StringEquals", "lambda:EventSourceToken", request.event_source_token),
        ("Bool", "lambda:InvokedViaFunctionUrl", via_url),
        ("ArnLike", "AWS:SourceArn", request.source_arn),
    ];
    Ok(statement(request.statement_id, kind, &principal, action, request.resource, &conditions))
}

/// The statement that AddLayerVersionPermission makes of its parameters: the organization becomes a condition.
///
/// # Errors
/// [`NotInRecord`] where the request does not tell who is let in or to what.
pub fn layer_statement(request: &LayerPermissionRequest<'_>) -> Result<String, NotInRecord> {
    let (kind, principal) = flat_principal(request.principal)?;
    let action = request.action.ok_or(NotInRecord::Missing("action"))?;
    let conditions = [("StringEquals", "aws:PrincipalOrgID", request.organization_id)];
    Ok(statement(request.statement_id, kind, &principal, action, request.resource, &conditions))
}

/// Judges one statement alone.
fn judged(statement: &str, context: &Context<'_>) -> Result<Assessment, NotInRecord> {
    let document = format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{statement}]}}");
    // The statement must be one value by itself: text that closes the list would say something else.
    json::parse(statement).map_err(Unreadable::from)?;
    let root = json::parse(&document).map_err(Unreadable::from)?;
    Ok(assess_node(&root, context)?)
}

/// The kind and value of AddPermission's flat `principal`.
fn flat_principal(principal: Option<&str>) -> Result<(&'static str, String), NotInRecord> {
    let principal = principal.ok_or(NotInRecord::Missing("principal"))?;
    if principal == "*" {
        Ok(("*", principal.to_owned()))
    } else if is_account(principal) {
        Ok(("AWS", format!("arn:aws:iam::{principal}:root")))
    } else if principal.starts_with("arn:") {
        Ok(("AWS", principal.to_owned()))
    } else if is_unique_id(principal) {
        Err(NotInRecord::UniqueId)
    } else if principal.contains('.') {
        Ok(("Service", principal.to_owned()))
    } else {
        Err(NotInRecord::Principal)
    }
}

fn statement(
    sid: Option<&str>,
    kind: &str,
    principal: &str,
    action: &str,
    resource: Option<&str>,
    conditions: &[(&str, &str, Option<&str>)],
) -> String {
    let quoted = |text: &str| {
        let mut out = String::with_capacity(text.len() + 2);
        quote_into(text, &mut out);
        out
    };
    let mut out = String::from("{");
    // Writing to a String cannot fail.
    if let Some(sid) = sid {
        drop(write!(out, "\"Sid\":{},", quoted(sid)));
    }
    let principal = quoted(principal);
    let principal = if kind == "*" { principal } else { format!("{{\"{kind}\":{principal}}}") };
    drop(write!(out, "\"Effect\":\"Allow\",\"Principal\":{principal},\"Action\":{}", quoted(action)));
    if let Some(resource) = resource {
        drop(write!(out, ",\"Resource\":{}", quoted(resource)));
    }
    let mut operators: Vec<(&str, Vec<String>)> = Vec::new();
    for (operator, key, value) in conditions {
        let Some(value) = value else { continue };
        let member = format!("{}:{}", quoted(key), quoted(value));
        match operators.iter_mut().find(|(known, _)| known == operator) {
            Some((_, members)) => members.push(member),
            None => operators.push((operator, vec![member])),
        }
    }
    if !operators.is_empty() {
        let blocks: Vec<String> = operators
            .iter()
            .map(|(operator, members)| format!("\"{operator}\":{{{}}}", members.join(",")))
            .collect();
        drop(write!(out, ",\"Condition\":{{{}}}", blocks.join(",")));
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use super::super::{Exposure, ResourceKind, UrlUse};
    use super::*;
    use crate::trust::Trust;

    fn context(trust: &Trust) -> Context<'_> {
        Context { owner: Some("111122223333"), kind: ResourceKind::Function, trust }
    }

    fn exposure(request: PermissionRequest<'_>) -> Exposure {
        let request = PermissionRequest { action: Some("lambda:InvokeFunction"), ..request };
        permission(&request, None, &context(&Trust::default())).unwrap().exposure
    }

    #[test]
    fn flat_parameters_become_the_statement_that_aws_stores() {
        let with = |principal| PermissionRequest { principal: Some(principal), ..Default::default() };
        assert_eq!(exposure(with("*")), Exposure::Public);
        assert_eq!(exposure(with("444455556666")), Exposure::CrossAccount);
        assert_eq!(exposure(with("111122223333")), Exposure::SameAccount);
        assert_eq!(exposure(with("arn:aws:iam::444455556666:role/x")), Exposure::CrossAccount);
        assert_eq!(exposure(with("sns.amazonaws.com")), Exposure::ServiceUnrestricted);
        let account = Some("111122223333");
        let sns = PermissionRequest { source_account: account, ..with("sns.amazonaws.com") };
        assert_eq!(exposure(sns), Exposure::ServiceRestricted);
        assert_eq!(
            exposure(PermissionRequest { source_account: account, ..with("444455556666") }),
            Exposure::None
        );
        let org = PermissionRequest { principal_org_id: Some("o-exampleorg1"), ..with("*") };
        assert_eq!(exposure(org), Exposure::Organization);
        let source_arn = Some("arn:aws:s3:::a-bucket");
        let bucket = PermissionRequest { source_arn, ..with("s3.amazonaws.com") };
        assert_eq!(exposure(bucket), Exposure::ServiceUnrestricted);
    }

    #[test]
    fn a_url_grant_is_marked_as_such() {
        let trust = Trust::default();
        let request = PermissionRequest {
            principal: Some("*"),
            action: Some("lambda:InvokeFunctionUrl"),
            function_url_auth_type: Some("NONE"),
            ..Default::default()
        };
        let judged = permission(&request, None, &context(&trust)).unwrap();
        assert_eq!((judged.exposure, judged.grants[0].url), (Exposure::Public, UrlUse::OnlyOpen));
        let request = PermissionRequest {
            action: Some("lambda:InvokeFunction"),
            function_url_auth_type: None,
            invoked_via_function_url: Some(true),
            ..request
        };
        let judged = permission(&request, None, &context(&trust)).unwrap();
        assert_eq!((judged.exposure, judged.grants[0].url), (Exposure::Public, UrlUse::Only));
    }

    #[test]
    fn the_response_is_preferred_and_a_unique_id_alone_is_unknown() {
        let trust = Trust::default();
        let request = PermissionRequest {
            principal: Some("AIDAEXAMPLEUSERID1234"),
            action: Some("lambda:InvokeFunction"),
            ..Default::default()
        };
        assert_eq!(permission(&request, None, &context(&trust)), Err(NotInRecord::UniqueId));
        let statement = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:user/x"},"Action":"lambda:InvokeFunction"}"#;
        let judged = permission(&request, Some(statement), &context(&trust)).unwrap();
        assert_eq!(judged.exposure, Exposure::CrossAccount);
        let statement = r#"{"Effect":"Deny"}],"x":[{}"#;
        assert!(matches!(
            permission(&request, Some(statement), &context(&trust)),
            Err(NotInRecord::Statement(_))
        ));
    }

    #[test]
    fn a_layers_organization_becomes_a_condition() {
        let trust = Trust::default();
        let layer = Context { kind: ResourceKind::Layer, ..context(&trust) };
        let request = LayerPermissionRequest {
            principal: Some("*"),
            action: Some("lambda:GetLayerVersion"),
            organization_id: Some("o-exampleorg1"),
            ..Default::default()
        };
        let judged = layer_permission(&request, None, &layer).unwrap();
        assert_eq!(judged.exposure, Exposure::Organization);
        let request = LayerPermissionRequest { organization_id: None, ..request };
        let judged = layer_permission(&request, None, &layer).unwrap();
        assert_eq!((judged.exposure, judged.grants[0].url), (Exposure::Public, UrlUse::NotOnly));
        assert_eq!(
            layer_permission(&Default::default(), None, &layer),
            Err(NotInRecord::Missing("principal"))
        );
    }
}
