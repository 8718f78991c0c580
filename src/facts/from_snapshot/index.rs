//! The first pass: how every call ended, which functions, aliases and layers there are, and what joins parts.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::de::DeserializeOwned;

use super::call::{Call, CallState};
use super::controls::Controls;
use super::counted::Counts;
use super::guardrails::Guardrails;
use super::identities::Identities;
use crate::arn;
use crate::facts::sessions::{Admits, Sessions, admits_lambda};
use crate::hashed::Keys;
use crate::logging::Recorders;
use crate::snapshot::api::*;
use crate::snapshot::{End, Header, Outcome, Part, Scope, Visit};
use crate::trust::{Trust, Trusts};
use crate::value::{Reading, Why};

/// A function, as far as other parts join to it.
#[derive(Debug, Clone)]
pub(super) struct FunctionRow {
    pub(super) arn: String,
    pub(super) role: Option<String>,
}

/// A URL, kept until its resource's policy has been judged.
#[derive(Debug, Clone)]
pub(super) struct UrlRow {
    pub(super) config: UrlConfig,
    pub(super) line: u64,
    pub(super) pointer: String,
}

/// What the first pass learned.
#[derive(Debug, Default)]
pub struct Index {
    pub header: Option<Header>,
    pub end: Option<End>,
    /// Parts read.
    pub parts: u64,
    pub calls: BTreeMap<Call, CallState>,
    /// Parts that are none of the format's: line and what is wrong.
    pub foreign: Vec<(u64, String)>,
    /// By account and region, each function once.
    pub(super) functions: BTreeMap<Scope, Vec<FunctionRow>>,
    /// All functions that are in `functions`.
    function_arns: BTreeSet<(Scope, String)>,
    /// Resources whose whole policy `GetResourcePolicy` gave.
    whole_policies: HashSet<String>,
    /// Function → its aliases and listed versions, as qualified ARNs.
    pub(super) qualified: HashMap<String, BTreeSet<String>>,
    pub(super) urls: Vec<UrlRow>,
    /// Function → targets of asynchronous invocation, of all its qualifiers.
    pub(super) destinations: HashMap<String, BTreeSet<String>>,
    pub(super) settings: Settings,
    pub(super) layers: BTreeMap<Scope, BTreeSet<String>>,
    pub(super) layer_versions: HashMap<String, BTreeSet<String>>,
    pub(super) recorders: Recorders,
    pub(super) counts: Counts,
    pub(super) roles: BTreeMap<String, Role>,
    /// By account.
    pub(super) identities: BTreeMap<String, Identities>,
    pub(super) controls: Controls,
    pub(super) guardrails: Guardrails,
    /// Account → the organization it said it belongs to.
    organizations: BTreeMap<String, Organization>,
    /// Account that was asked → the accounts of its organization, as far as they were listed.
    members: BTreeMap<String, Members>,
}

/// What was asked of each function for itself, by its ARN.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// Targets of events that could not be processed, of all its qualifiers.
    pub(super) on_failure: HashMap<String, BTreeSet<String>>,
    /// Keys of its tags.
    pub(super) tags: HashMap<String, Vec<String>>,
    /// The CloudFormation stack it was made by, if one.
    pub(super) stacks: HashMap<String, Option<String>>,
    pub(super) code_signing: HashMap<String, Option<String>>,
    pub(super) concurrency: HashMap<String, Option<i64>>,
    /// Subnet → availability zone.
    pub(super) subnet_zones: HashMap<String, String>,
}

#[derive(Debug, Default)]
struct Members {
    accounts: BTreeSet<String>,
    complete: bool,
    /// A page came that does not parse.
    page_lost: bool,
}

impl Index {
    /// Takes in one line.
    pub fn add(&mut self, visit: Visit) {
        match visit {
            Visit::Header(header) => self.header = Some(header),
            Visit::End(end) => self.end = Some(end),
            Visit::Part(part, line) => self.add_part(&part, line),
        }
    }

    /// Accounts and regions the snapshot set out to read, or read anything regional of Lambda's in.
    pub fn scopes(&self) -> BTreeSet<Scope> {
        let declared = self.header.iter().flat_map(|header| header.scope.iter().cloned());
        let seen =
            self.calls.keys().filter(|call| call.api.starts_with("lambda:")).filter_map(|call| {
                Some(Scope { account: call.account.clone(), region: call.region.clone()? })
            });
        declared.chain(seen).collect()
    }

    /// How many functions are listed.
    pub fn function_count(&self) -> u64 {
        self.functions.values().map(|rows| rows.len() as u64).sum()
    }

    /// Has it its closing line, with the right count of parts?
    pub fn is_complete(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.parts == self.parts)
    }

    /// What the snapshot says about sessions: the trust policies of roles, and which functions there are.
    pub fn sessions(&self, keys: Keys) -> Sessions {
        let mut sessions = Sessions::new(keys);
        for role in self.roles.values() {
            let document = role.assume_role_policy_document.as_ref();
            sessions.snapshot_role(&role.arn, document.map_or(Admits::Unread, admits_lambda));
        }
        self.functions.values().flatten().for_each(|function| sessions.function(&function.arn));
        sessions
    }

    /// Was an organization's answer read?
    pub fn has_organization(&self) -> bool {
        !self.organizations.is_empty()
    }

    /// Whom each account trusts: what the configuration says, and its own organization as the snapshot has it.
    pub fn trusts(&self, configured: &Trust) -> Trusts {
        let mut configured = configured.clone();
        let organizations: BTreeSet<&str> = self.organizations.values().map(|one| one.id.as_str()).collect();
        for id in &organizations {
            // A trusted organization's members may be known from the snapshot.
            if configured.organization(id) {
                configured.add_organization(*id, self.members_of(id));
            }
        }
        let mut trusts = Trusts::new(configured);
        for id in organizations {
            let members = self.members_of(id);
            let said = self.organizations.iter().filter(|(_, one)| one.id == id).map(|(account, _)| account);
            let owners: BTreeSet<&String> = said.chain(members.iter().flatten()).collect();
            for owner in owners {
                trusts.add_own_organization(owner, id, members.clone());
            }
        }
        trusts
    }

    /// All accounts of an organization; `None`: no account of it could list them to the end.
    fn members_of(&self, id: &str) -> Option<BTreeSet<String>> {
        let asked = self.organizations.iter().filter(|(_, one)| one.id == id).map(|(account, _)| account);
        let lists: Vec<&Members> = asked
            .filter_map(|account| self.members.get(account))
            .filter(|list| list.complete && !list.page_lost)
            .collect();
        if lists.is_empty() {
            return None;
        }
        Some(lists.into_iter().flat_map(|list| list.accounts.iter().cloned()).collect())
    }

    /// To be called when every part has been added: tells the recorders what only the whole snapshot says.
    pub fn finish(&mut self) {
        for (account, organization) in &self.organizations {
            self.recorders.add_organization(account, organization.master_account_id.as_deref());
        }
        let known: Vec<(String, BTreeSet<String>)> = self
            .organizations
            .values()
            .filter_map(|one| Some((one.master_account_id.clone()?, self.members_of(&one.id)?)))
            .collect();
        for (management, members) in known {
            self.recorders.add_members(&management, members);
        }
    }

    /// Why what `api` says about `resource` (or of the whole region) is unread; `None`: it was read.
    pub(super) fn why(&self, api: &'static str, scope: &Scope, resource: Option<&str>) -> Option<Why> {
        let call = Call::of(api, scope, resource);
        self.calls.get(&call).map_or(Some(Why::NotCollected), CallState::why)
    }

    /// The same of a whole account.
    pub(super) fn why_of_account(
        &self,
        api: &'static str,
        account: &str,
        resource: Option<&str>,
    ) -> Option<Why> {
        let call = Call::global(api, account, resource);
        self.calls.get(&call).map_or(Some(Why::NotCollected), CallState::why)
    }

    /// The organization that an account belongs to; `Absent`: to none.
    pub(super) fn organization_of(&self, account: &str) -> Reading<&Organization> {
        match self.organizations.get(account) {
            Some(organization) => Reading::Known(organization),
            None => match self.why_of_account(DESCRIBE_ORGANIZATION, account, None) {
                Some(why) => Reading::Unread(why),
                None => Reading::Absent,
            },
        }
    }

    /// Was this asked about the resource, whatever came of it?
    pub(super) fn asked(&self, api: &'static str, scope: &Scope, resource: &str) -> bool {
        self.calls.contains_key(&Call::of(api, scope, Some(resource)))
    }

    /// How many functions' published versions were not listed.
    pub fn functions_without_versions(&self) -> u64 {
        let without = |(scope, rows): (&Scope, &Vec<FunctionRow>)| {
            rows.iter().filter(|row| !self.asked(LIST_VERSIONS, scope, &row.arn)).count() as u64
        };
        self.functions.iter().map(without).sum()
    }

    /// Lists of a whole region that the snapshot should hold and were never asked for.
    pub fn never_asked(&self) -> Vec<(Scope, &'static str)> {
        let apis = [LIST_FUNCTIONS, LIST_LAYERS, LIST_MAPPINGS, DESCRIBE_TRAILS, LIST_EVENT_DATA_STORES];
        let scopes = self.scopes();
        let missing = scopes
            .iter()
            .flat_map(|scope| apis.map(|api| (scope, api)))
            .filter(|(scope, api)| !self.calls.contains_key(&Call::of(api, scope, None)));
        missing.map(|(scope, api)| (scope.clone(), api)).collect()
    }

    /// The line a call's first part stands on.
    pub(super) fn line(&self, api: &'static str, scope: &Scope, resource: Option<&str>) -> u64 {
        let call = Call::of(api, scope, resource);
        self.calls.get(&call).map_or(1, |state| state.line)
    }

    pub(super) fn line_of_account(&self, api: &'static str, account: &str) -> u64 {
        self.calls.get(&Call::global(api, account, None)).map_or(1, |state| state.line)
    }

    fn add_part(&mut self, part: &Part, line: u64) {
        self.parts += 1;
        let Some(api) = APIS.iter().copied().find(|known| *known == part.api) else {
            self.foreign.push((line, format!("unknown API `{}`", part.api)));
            return;
        };
        if !arn::is_account(&part.account) {
            self.foreign.push((line, format!("`{}` is not an account id", part.account)));
            return;
        }
        let call = Call {
            api,
            account: part.account.clone(),
            region: part.region.clone(),
            resource: part.resource.clone(),
        };
        let read = match part.outcome {
            Outcome::Ok => self.join(api, part, line),
            // Asked and answered: there is nothing there.
            Outcome::Disabled { .. } if !asks_about_what_is_there(api) => {
                self.disabled(api, part);
                Ok(true)
            }
            ref failure => Err(failure.clone()),
        };
        if let Err(failure) = &read {
            self.unread(api, part, failure.why().unwrap_or(Why::Failed));
        }
        if let (GET_POLICY, Some(resource)) = (api, part.resource.as_deref()) {
            // Whatever is asked about is judged, listed or not: a version that only an alias or a statement names.
            if let Some((function, Some(qualifier))) = arn::split_function(resource)
                && qualifier != "$LATEST"
            {
                self.qualified.entry(function.to_owned()).or_default().insert(resource.to_owned());
            }
        }
        let new = CallState { answered: false, page_lost: false, failure: None, line };
        let state = self.calls.entry(call).or_insert(new);
        match read {
            Ok(last_page) => state.answered |= last_page,
            Err(failure) => {
                state.page_lost |= LISTS.contains(&api) && matches!(part.outcome, Outcome::Ok);
                state.failure = Some(failure);
            }
        }
    }

    /// A function of a list. `FunctionVersion=ALL` lists versions too, each with its qualified ARN: they are versions
    /// of one function, to which everything else is joined. A page that is there twice adds nothing.
    fn add_function(&mut self, scope: &Scope, function: FunctionConfiguration) {
        let arn = match arn::split_function(&function.function_arn) {
            Some((unqualified, Some(qualifier))) => {
                if qualifier != "$LATEST" {
                    let versions = self.qualified.entry(unqualified.to_owned()).or_default();
                    versions.insert(function.function_arn.clone());
                }
                unqualified.to_owned()
            }
            Some((_, None)) | None => function.function_arn,
        };
        if self.function_arns.insert((scope.clone(), arn.clone())) {
            let rows = self.functions.entry(scope.clone()).or_default();
            rows.push(FunctionRow { arn, role: function.role });
        }
    }

    /// Is the whole policy of the resource known from `GetResourcePolicy`? Its "there is none" does not count: that
    /// it also speaks for what `AddPermission` wrote is documented nowhere.
    pub(super) fn has_whole_policy(&self, resource: &str) -> bool {
        self.whole_policies.contains(resource)
    }

    /// Takes in an answer. `Ok(true)`: it is whole, or the last page.
    fn join(&mut self, api: &'static str, part: &Part, line: u64) -> Result<bool, Outcome> {
        let scope = |part: &Part| {
            let region = part.region.clone().ok_or_else(|| malformed("a region is missing"))?;
            Ok::<_, Outcome>(Scope { account: part.account.clone(), region })
        };
        let resource = || part.resource.clone().ok_or_else(|| malformed("the resource is missing"));
        match api {
            LIST_FUNCTIONS => {
                let page: FunctionPage = data(part)?;
                let scope = scope(part)?;
                for function in page.functions {
                    self.add_function(&scope, function);
                }
                return Ok(page.next_marker.is_none());
            }
            LIST_ALIASES => {
                let page: AliasPage = data(part)?;
                let function = resource()?;
                let aliases = page.aliases.iter().map(|alias| format!("{function}:{}", alias.name));
                self.qualified.entry(function.clone()).or_default().extend(aliases.collect::<Vec<_>>());
                return Ok(page.next_marker.is_none());
            }
            LIST_VERSIONS => {
                let page: VersionPage = data(part)?;
                let function = resource()?;
                let versions = page.versions.iter().filter(|version| version.version != "$LATEST");
                let versions: Vec<String> =
                    versions.map(|version| format!("{function}:{}", version.version)).collect();
                self.qualified.entry(function).or_default().extend(versions);
                return Ok(page.next_marker.is_none());
            }
            LIST_URLS => {
                let page: UrlPage = data(part)?;
                for (at, config) in page.function_url_configs.into_iter().enumerate() {
                    self.urls.push(UrlRow { config, line, pointer: format!("/FunctionUrlConfigs/{at}") });
                }
                return Ok(page.next_marker.is_none());
            }
            LIST_EVENT_INVOKE_CONFIGS => {
                let page: EventInvokePage = data(part)?;
                let targets = self.destinations.entry(resource()?).or_default();
                let failed = self.settings.on_failure.entry(resource()?).or_default();
                for config in page.function_event_invoke_configs {
                    let Some(destinations) = config.destination_config else { continue };
                    failed.extend(destinations.on_failure.iter().filter_map(|one| one.destination.clone()));
                    let both = [destinations.on_success, destinations.on_failure];
                    targets.extend(both.into_iter().flatten().filter_map(|one| one.destination));
                }
                return Ok(page.next_marker.is_none());
            }
            LIST_LAYERS => {
                let page: LayerPage = data(part)?;
                let layers = self.layers.entry(scope(part)?).or_default();
                layers.extend(page.layers.into_iter().map(|layer| layer.layer_arn));
                return Ok(page.next_marker.is_none());
            }
            LIST_LAYER_VERSIONS => {
                let page: LayerVersionPage = data(part)?;
                let versions = self.layer_versions.entry(resource()?).or_default();
                versions.extend(page.layer_versions.into_iter().map(|version| version.layer_version_arn));
                return Ok(page.next_marker.is_none());
            }
            LIST_MAPPINGS => return Ok(data::<MappingPage>(part)?.next_marker.is_none()),
            GET_POLICY | GET_RESOURCE_POLICY | GET_LAYER_VERSION_POLICY => {
                let answer: PolicyText = data(part)?;
                let resource = resource()?;
                if api == GET_RESOURCE_POLICY && answer.policy.is_some() {
                    self.whole_policies.insert(resource);
                }
            }
            LIST_TAGS => {
                let mut answer: Tags = data(part)?;
                self.settings.stacks.insert(resource()?, answer.tags.get_mut(STACK).map(std::mem::take));
                self.settings.tags.insert(resource()?, answer.tags.into_keys().collect());
            }
            GET_CODE_SIGNING => {
                let answer: FunctionCodeSigning = data(part)?;
                let config = answer.code_signing_config_arn.filter(|arn| !arn.is_empty());
                self.settings.code_signing.insert(resource()?, config);
            }
            GET_CONCURRENCY => {
                let answer: FunctionConcurrency = data(part)?;
                self.settings.concurrency.insert(resource()?, answer.reserved_concurrent_executions);
            }
            DESCRIBE_SUBNETS => {
                let page: SubnetPage = data(part)?;
                let zoned = |one: Subnet| Some((one.subnet_id, one.availability_zone?));
                self.settings.subnet_zones.extend(page.subnets.into_iter().filter_map(zoned));
                return Ok(page.next_token.is_none());
            }
            DESCRIBE_TRAILS => {
                let scope = scope(part)?;
                let trails: Trails = data(part)?;
                self.recorders.add_trails(&scope.account, &scope.region, &trails);
                self.guardrails.add_trails(&scope, &trails);
            }
            GET_EVENT_SELECTORS => self.recorders.add_selectors(&resource()?, &data(part)?),
            GET_TRAIL_STATUS => {
                let region = scope(part)?.region;
                self.recorders.add_status(&resource()?, &region, &data(part)?);
            }
            LIST_EVENT_DATA_STORES => {
                let scope = scope(part)?;
                let page: EventDataStorePage = data(part)?;
                let last = page.next_token.is_none();
                self.recorders.add_event_data_stores(&scope.account, &scope.region, &page);
                return Ok(last);
            }
            GET_EVENT_DATA_STORE => {
                self.recorders.add_event_data_store(&data::<EventDataStore>(part)?);
            }
            GET_ROLE => {
                let answer: GetRole = data(part)?;
                self.roles.insert(answer.role.arn.clone(), answer.role);
            }
            GET_ACCOUNT_AUTHORIZATION_DETAILS => {
                let page: AuthorizationPage = data(part)?;
                let last = page.marker.is_none();
                for role in &page.role_detail_list {
                    // The same answer as `GetRole`'s, which may have been asked besides.
                    self.roles.entry(role.arn.clone()).or_insert_with(|| Role {
                        role_name: Some(role.role_name.clone()),
                        arn: role.arn.clone(),
                        assume_role_policy_document: role.assume_role_policy_document.clone(),
                    });
                }
                self.identities.entry(part.account.clone()).or_default().add(page, line);
                return Ok(last);
            }
            LIST_PARENTS => return self.controls.parents(&resource()?, data(part)?),
            LIST_POLICIES_FOR_TARGET => return Ok(self.controls.attached(&resource()?, data(part)?)),
            DESCRIBE_POLICY => self.controls.policy(data(part)?),
            DESCRIBE_ORGANIZATION => {
                let answer: DescribeOrganization = data(part)?;
                self.organizations.insert(part.account.clone(), answer.organization);
            }
            LIST_ACCOUNTS => {
                let page: AccountPage = data(part)?;
                let list = self.members.entry(part.account.clone()).or_default();
                list.accounts.extend(page.accounts.into_iter().map(|account| account.id));
                list.complete |= page.next_token.is_none();
                return Ok(page.next_token.is_none());
            }
            GET_METRIC_DATA => {
                let page: MetricPage = data(part)?;
                let last = page.next_token.is_none();
                self.counts.add(scope(part)?, page, line)?;
                return Ok(last);
            }
            ASSUME_ROLE | LIST_REGIONS => {}
            _ => return self.guardrails.add(api, part, scope(part)?),
        }
        Ok(true)
    }

    /// A service that is not enabled or not offered records nothing there.
    fn disabled(&mut self, api: &'static str, part: &Part) {
        let region = part.region.as_deref().unwrap_or_default();
        match api {
            DESCRIBE_TRAILS => self.recorders.add_trails(&part.account, region, &Trails::default()),
            LIST_EVENT_DATA_STORES => {
                self.recorders.add_event_data_stores(&part.account, region, &EventDataStorePage::default());
            }
            _ => {}
        }
    }

    /// What could not be read and others join to.
    fn unread(&mut self, api: &'static str, part: &Part, why: Why) {
        let region = part.region.as_deref().unwrap_or_default();
        let resource = part.resource.as_deref().unwrap_or_default();
        match api {
            DESCRIBE_TRAILS => self.recorders.add_trails_unread(&part.account, region, why),
            GET_EVENT_SELECTORS => self.recorders.add_selectors_unread(resource, why),
            GET_TRAIL_STATUS => self.recorders.add_status_unread(resource, region, why),
            LIST_EVENT_DATA_STORES => self.recorders.add_event_data_stores_unread(&part.account, region, why),
            LIST_ACCOUNTS if matches!(part.outcome, Outcome::Ok) => {
                self.members.entry(part.account.clone()).or_default().page_lost = true;
            }
            GET_EVENT_DATA_STORE => self.recorders.add_event_data_store_unread(resource, why),
            _ => {}
        }
    }
}

/// The tag that CloudFormation gives what it makes.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html>
const STACK: &str = "aws:cloudformation:stack-name";

/// APIs that answer in pages.
const LISTS: [&str; 23] = [
    LIST_FUNCTIONS,
    LIST_ALIASES,
    LIST_VERSIONS,
    LIST_URLS,
    LIST_EVENT_INVOKE_CONFIGS,
    LIST_LAYERS,
    LIST_LAYER_VERSIONS,
    LIST_MAPPINGS,
    LIST_EVENT_DATA_STORES,
    LIST_ACCOUNTS,
    DESCRIBE_SUBNETS,
    GET_ACCOUNT_AUTHORIZATION_DETAILS,
    LIST_PARENTS,
    LIST_POLICIES_FOR_TARGET,
    GET_METRIC_DATA,
    LIST_DETECTORS,
    GET_ENABLED_STANDARDS,
    DESCRIBE_STANDARDS_CONTROLS,
    LIST_ANALYZERS,
    DESCRIBE_METRIC_FILTERS,
    DESCRIBE_ALARMS,
    LIST_RULES,
    LIST_TARGETS,
];

/// Does it ask about a resource that AWS itself listed? Then "not enabled, or not offered here" is no answer to it: a
/// region without `GetResourcePolicy` has functions with policies all the same.
fn asks_about_what_is_there(api: &str) -> bool {
    matches!(
        api,
        GET_POLICY
            | GET_RESOURCE_POLICY
            | GET_LAYER_VERSION_POLICY
            | LIST_ALIASES
            | LIST_VERSIONS
            | LIST_LAYER_VERSIONS
            | LIST_TAGS
            | GET_CODE_SIGNING
            | GET_CONCURRENCY
            | DESCRIBE_SUBNETS
    )
}

pub(super) fn malformed(why: impl Into<String>) -> Outcome {
    Outcome::Malformed { message: Some(why.into()) }
}

/// A part's data as the answer of its API.
pub(super) fn data<T: DeserializeOwned>(part: &Part) -> Result<T, Outcome> {
    let data = part.data.as_ref().ok_or_else(|| malformed("the data is missing"))?;
    serde_json::from_str(data.get()).map_err(|error| malformed(error.to_string()))
}
