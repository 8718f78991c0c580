//! What to ask next, given what was answered: regions to functions to aliases to policies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use serde_json::Value;
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinSet;

use super::ask::{Asker, Shared};
use super::clients::Clients;
use super::metrics;
use super::records::Records;
use crate::arn;
use crate::snapshot::api::*;

/// Functions of one region that are asked about at one time.
const FUNCTIONS: usize = 48;

/// One account, with what its regions have found together.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) shared: Arc<Shared>,
    pub(super) id: String,
    pub(super) config: SdkConfig,
    partition: String,
    pub(super) regions: Vec<String>,
    /// Trails whose selectors have been asked for.
    trails: Mutex<BTreeSet<String>>,
    /// Roles that have been asked for.
    roles: Mutex<BTreeSet<String>>,
    /// Execution role → the functions that run under it, each with its region.
    sharing: Mutex<BTreeMap<String, BTreeSet<(String, String)>>>,
    /// Roles that IAM's answer about the whole account has, with their trust policies.
    described: OnceCell<BTreeSet<String>>,
}

impl Account {
    pub(super) fn new(
        shared: Arc<Shared>,
        id: String,
        config: SdkConfig,
        partition: String,
        regions: Vec<String>,
    ) -> Arc<Self> {
        let (trails, roles, sharing, described) =
            (Mutex::default(), Mutex::default(), Mutex::default(), OnceCell::new());
        Arc::new(Account { shared, id, config, partition, regions, trails, roles, sharing, described })
    }

    fn asker(&self, region: &str) -> Asker {
        let clients = Clients::new(&self.config, region);
        Asker::new(self.shared.clone(), clients, self.id.clone(), region.to_owned())
    }

    /// Asks for everything of the account.
    pub(super) async fn walk(self: Arc<Self>) {
        let mut tasks = JoinSet::new();
        for region in &self.regions {
            let asker = self.asker(region);
            tasks.spawn(self.clone().functions(asker.clone()));
            tasks.spawn(layers(asker.clone()));
            tasks.spawn(super::guardrails::guardrails(asker.clone()));
            tasks.spawn(self.clone().trails(asker.clone()));
            tasks.spawn(async move {
                let _: Vec<MappingPage> = asker.list(LIST_MAPPINGS, None).await;
            });
        }
        if let Some(region) = self.regions.first() {
            tasks.spawn(organization(self.asker(region)));
            let (account, asker) = (self.clone(), self.asker(region));
            tasks.spawn(async move {
                account.described(&asker).await;
            });
        }
        let account = self.clone();
        tasks.spawn(async move {
            let (partition, regions) = (account.partition.clone(), account.regions.clone());
            let shared = account.shared.clone();
            Records::of_account(shared, partition, regions, |region| account.asker(region)).await;
            account.roles_of_records().await;
        });
        while tasks.join_next().await.is_some() {}
        self.stacks_of_shared_roles().await;
    }

    /// Which application a function is of matters where its role is another's too: known once all regions are listed.
    async fn stacks_of_shared_roles(&self) {
        // Where tags are read for themselves, all have been asked for.
        if !self.shared.needs.asks_stacks() || self.shared.needs.wants(LIST_TAGS) {
            return;
        }
        let sharing = std::mem::take(&mut *self.sharing.lock().unwrap_or_else(PoisonError::into_inner));
        let mut askers: BTreeMap<String, Asker> = BTreeMap::new();
        for (region, function) in sharing.into_values().filter(|functions| functions.len() > 1).flatten() {
            if self.shared.is_stopped() {
                return;
            }
            let asker = askers.entry(region).or_insert_with_key(|region| self.asker(region));
            let _: Option<Tags> = asker.one_needed(LIST_TAGS, Some(&function)).await;
        }
    }

    /// Whether a role's session may be a function's is told by the role's trust policy, where a snapshot is judged.
    async fn roles_of_records(&self) {
        let (Some(records), Some(region)) = (&self.shared.records, self.regions.first()) else { return };
        if !self.shared.needs.asks_roles() {
            return;
        }
        let asker = self.asker(region);
        for role in records.roles(&self.id) {
            if self.is_new(&self.roles, &role) && !self.described(&asker).await.contains(&role) {
                let _: Option<GetRole> = asker.one_needed(GET_ROLE, Some(&role)).await;
            }
        }
    }

    /// Asked once for the account. What it answers of roles need not be asked of each.
    async fn described(&self, asker: &Asker) -> &BTreeSet<String> {
        let ask = async || {
            let pages: Vec<AuthorizationPage> = asker.list(GET_ACCOUNT_AUTHORIZATION_DETAILS, None).await;
            pages.into_iter().flat_map(|page| page.role_detail_list).map(|role| role.arn).collect()
        };
        self.described.get_or_init(ask).await
    }

    async fn functions(self: Arc<Self>, asker: Asker) {
        let pages: Vec<FunctionPage> = asker.list(LIST_FUNCTIONS, None).await;
        // A function that is made while the pages are read can be on two of them.
        let mut functions: BTreeMap<String, FunctionConfiguration> = BTreeMap::new();
        for function in pages.into_iter().flat_map(|page| page.functions) {
            let arn = arn::split_function(&function.function_arn).map(|(arn, _)| arn.to_owned());
            functions.insert(arn.unwrap_or(function.function_arn.clone()), function);
        }
        {
            let mut sharing = self.sharing.lock().unwrap_or_else(PoisonError::into_inner);
            for (arn, function) in &functions {
                if let Some(role) = &function.role {
                    sharing.entry(role.clone()).or_default().insert((asker.region.clone(), arn.clone()));
                }
            }
        }
        let in_vpc = |one: &FunctionConfiguration| {
            one.vpc_config.iter().flat_map(|config| &config.subnet_ids).any(|subnets| !subnets.is_empty())
        };
        let gauge = self.shared.options.gauge.functions(functions.len(), self.shared.each_function());
        let room = Arc::new(Semaphore::new(FUNCTIONS));
        let mut tasks = JoinSet::new();
        if asker.wants(GET_METRIC_DATA) {
            let arns: BTreeSet<String> = functions.keys().cloned().collect();
            tasks.spawn(metrics::invocations(asker.clone(), arns, self.shared.options.counted));
        }
        if functions.values().any(in_vpc) {
            let asker = asker.clone();
            tasks.spawn(async move {
                let _: Vec<SubnetPage> = asker.list(DESCRIBE_SUBNETS, None).await;
            });
        }
        for (function, configuration) in functions {
            if self.shared.is_stopped() {
                break;
            }
            let is_image = configuration.package_type.as_deref() == Some("Image");
            if let Some(role) =
                configuration.role.filter(|role| asker.wants(GET_ROLE) && self.is_new(&self.roles, role))
            {
                let (account, asker) = (self.clone(), asker.clone());
                tasks.spawn(async move {
                    if !account.described(&asker).await.contains(&role) {
                        let _: Option<GetRole> = asker.one(GET_ROLE, Some(&role)).await;
                    }
                });
            }
            let Ok(permit) = room.clone().acquire_owned().await else { break };
            let (asker, gauge) = (asker.clone(), gauge.clone());
            tasks.spawn(async move {
                tokio::join!(of_function(&asker, &function), settings(&asker, &function, is_image));
                gauge.done();
                drop(permit);
            });
            while tasks.try_join_next().is_some() {}
        }
        while tasks.join_next().await.is_some() {}
    }

    fn is_new(&self, asked: &Mutex<BTreeSet<String>>, what: &str) -> bool {
        asked.lock().unwrap_or_else(PoisonError::into_inner).insert(what.to_owned())
    }

    /// A trail of several regions shows in each of them: its selectors are asked for once, in its home region; whether
    /// it is recording is a question to each region. The trail of an organization belongs to the account in its ARN:
    /// that one is asked, if it is collected too.
    async fn trails(self: Arc<Self>, asker: Asker) {
        let listed = async {
            let trails: Option<Trails> = asker.one(DESCRIBE_TRAILS, None).await;
            for trail in trails.into_iter().flat_map(|trails| trails.trail_list) {
                let owner = arn::account(&trail.trail_arn).unwrap_or(&self.id);
                if owner != self.id && self.shared.accounts.contains(owner) {
                    continue;
                }
                let _: Option<TrailStatus> = asker.one(GET_TRAIL_STATUS, Some(&trail.trail_arn)).await;
                if self.is_new(&self.trails, &trail.trail_arn) {
                    let home = trail.home_region.as_deref().or_else(|| arn::region(&trail.trail_arn));
                    let at_home = match home {
                        Some(home) if home != asker.region => self.asker(home),
                        _ => asker.clone(),
                    };
                    let _: Option<EventSelectors> =
                        at_home.one(GET_EVENT_SELECTORS, Some(&trail.trail_arn)).await;
                }
            }
        };
        let stores = async {
            let pages: Vec<EventDataStorePage> = asker.list(LIST_EVENT_DATA_STORES, None).await;
            for store in pages.into_iter().flat_map(|page| page.event_data_stores) {
                let _: Option<EventDataStore> =
                    asker.one(GET_EVENT_DATA_STORE, Some(&store.event_data_store_arn)).await;
            }
        };
        tokio::join!(listed, stores);
    }
}

/// The accounts of an organization can be listed in its management account, or where they were just listed to find
/// out what to collect. Elsewhere the call is refused, and a refusal would be a gap.
async fn organization(asker: Asker) {
    let answer: Option<DescribeOrganization> = asker.one(DESCRIBE_ORGANIZATION, None).await;
    let Some(organization) = answer.map(|answer| answer.organization) else { return };
    let may = organization.master_account_id.as_deref() == Some(&asker.account)
        || asker.shared.options.lists_accounts(&asker.account);
    if may {
        let _: Vec<AccountPage> = asker.list(LIST_ACCOUNTS, Some(&organization.id)).await;
        control_policies(&asker, organization.master_account_id.as_deref()).await;
    }
}

/// The service control policies of the accounts that are collected, and of all that these are below. The management
/// account is not limited by any.
async fn control_policies(asker: &Asker, management: Option<&str>) {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut policies: BTreeSet<String> = BTreeSet::new();
    let accounts = asker.shared.accounts.iter().filter(|account| Some(account.as_str()) != management);
    let mut pending: Vec<String> = accounts.cloned().collect();
    while let Some(target) = pending.pop() {
        if !seen.insert(target.clone()) {
            continue;
        }
        let attached: Vec<PolicyPage> = asker.list(LIST_POLICIES_FOR_TARGET, Some(&target)).await;
        policies.extend(attached.into_iter().flat_map(|page| page.policies).map(|policy| policy.id));
        if !target.starts_with("r-") {
            let above: Vec<ParentPage> = asker.list(LIST_PARENTS, Some(&target)).await;
            pending.extend(above.into_iter().flat_map(|page| page.parents).map(|parent| parent.id));
        }
    }
    for policy in policies {
        let _: Option<DescribePolicy> = asker.one(DESCRIBE_POLICY, Some(&policy)).await;
    }
}

async fn of_function(asker: &Asker, function: &str) {
    let urls = async {
        let _: Vec<UrlPage> = asker.list(LIST_URLS, Some(function)).await;
    };
    let destinations = async {
        let _: Vec<EventInvokePage> = asker.list(LIST_EVENT_INVOKE_CONFIGS, Some(function)).await;
    };
    tokio::join!(policies(asker, function), urls, destinations);
}

/// What is asked of a function for itself. Images are not signed this way, and the call refuses them.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html>
async fn settings(asker: &Asker, function: &str, is_image: bool) {
    let _: Option<Tags> = asker.one(LIST_TAGS, Some(function)).await;
    let _: Option<FunctionConcurrency> = asker.one(GET_CONCURRENCY, Some(function)).await;
    if !is_image {
        let _: Option<FunctionCodeSigning> = asker.one(GET_CODE_SIGNING, Some(function)).await;
    }
}

/// The policies of a function: its own, those of its aliases, of the versions that aliases route to or a statement
/// names, and, if asked for, of all versions. `GetPolicy` without a qualifier shows only the first.
async fn policies(asker: &Asker, function: &str) {
    let mut asked: BTreeSet<String> = BTreeSet::new();
    let mut pending: Vec<String> = vec![function.to_owned()];
    let aliases: Vec<AliasPage> = asker.list(LIST_ALIASES, Some(function)).await;
    for alias in aliases.iter().flat_map(|page| &page.aliases) {
        pending.push(format!("{function}:{}", alias.name));
        let weights = alias.routing_config.iter().flat_map(|routing| &routing.additional_version_weights);
        let versions = alias.function_version.iter().chain(weights.flat_map(|weights| weights.keys()));
        pending.extend(versions.filter(|version| is_version(version)).map(|one| format!("{function}:{one}")));
    }
    let versions: Vec<VersionPage> = asker.list(LIST_VERSIONS, Some(function)).await;
    let versions = versions.iter().flat_map(|page| &page.versions);
    pending.extend(
        versions.filter(|one| is_version(&one.version)).map(|one| format!("{function}:{}", one.version)),
    );
    while let Some(resource) = pending.pop() {
        if !asked.insert(resource.clone()) {
            continue;
        }
        let whole: Option<PolicyText> = asker.one(GET_RESOURCE_POLICY, Some(&resource)).await;
        let mut text = whole.and_then(|answer| answer.policy);
        // A policy that was put as a whole is known as a whole.
        if text.is_none() {
            let answer: Option<PolicyText> = asker.one(GET_POLICY, Some(&resource)).await;
            text = answer.and_then(|answer| answer.policy);
        }
        pending.extend(text.iter().flat_map(|text| named_versions(text, function)));
    }
}

fn is_version(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The versions of the function that a policy's statements name as their resource.
fn named_versions(policy: &str, function: &str) -> Vec<String> {
    let Ok(document) = serde_json::from_str::<Value>(policy) else { return Vec::new() };
    fn several(value: Option<&Value>) -> Vec<&Value> {
        match value {
            Some(Value::Array(items)) => items.iter().collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        }
    }
    several(document.get("Statement"))
        .into_iter()
        .flat_map(|statement| several(statement.get("Resource")))
        .filter_map(Value::as_str)
        .filter(|resource| {
            let rest = resource.strip_prefix(function).and_then(|rest| rest.strip_prefix(':'));
            rest.is_some_and(is_version)
        })
        .map(str::to_owned)
        .collect()
}

async fn layers(asker: Asker) {
    let pages: Vec<LayerPage> = asker.list(LIST_LAYERS, None).await;
    let layers: BTreeSet<String> =
        pages.into_iter().flat_map(|page| page.layers).map(|layer| layer.layer_arn).collect();
    for layer in layers {
        let pages: Vec<LayerVersionPage> = asker.list(LIST_LAYER_VERSIONS, Some(&layer)).await;
        for version in pages.into_iter().flat_map(|page| page.layer_versions) {
            let _: Option<PolicyText> =
                asker.one(GET_LAYER_VERSION_POLICY, Some(&version.layer_version_arn)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_a_statement_names() {
        let function = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
        let policy = format!(
            r#"{{"Statement":[{{"Resource":"{function}:3"}},{{"Resource":["{function}","{function}:live","{function}:12","{function}:*"]}},{{"Resource":"{function}-other:4"}}]}}"#
        );
        assert_eq!(named_versions(&policy, function), [format!("{function}:3"), format!("{function}:12")]);
        assert_eq!(named_versions("no JSON", function), Vec::<String>::new());
    }
}
