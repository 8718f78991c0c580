//! Which calls the loaded policies need, and the permissions for them. Nothing is asked that no policy would read.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::history::History;
use super::quota::LOOKUP_EVENTS;
use crate::engine::Engine;
use crate::facts::schema::Origin;
use crate::facts::{Grant, Guardrail};
use crate::findings::gaps::AcceptedGaps;
use crate::policy::Policy;
use crate::snapshot::api::*;
use crate::value::{Reading, Why};

/// Finds out who is asked for. It needs no permission.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>
pub const GET_CALLER_IDENTITY: &str = "sts:GetCallerIdentity";
/// How many functions there are, for `--plan`.
pub const GET_ACCOUNT_SETTINGS: &str = "lambda:GetAccountSettings";

/// What the trails and event data stores say.
const LOGGING: [&str; 5] =
    [DESCRIBE_TRAILS, GET_EVENT_SELECTORS, GET_TRAIL_STATUS, LIST_EVENT_DATA_STORES, GET_EVENT_DATA_STORE];
/// Who is of the own organization: not a stranger, and perhaps the owner of a trail.
const ORGANIZATION: [&str; 2] = [DESCRIBE_ORGANIZATION, LIST_ACCOUNTS];

/// What a field of a function takes beside the list of functions. `GetFunction` would give tags and concurrency in one
/// call of a wider quota; it also hands out the code, which an auditor has no need of and
/// `function-code-downloaded` reports.
const OF_FIELDS: [(&str, &str); 7] = [
    ("destinations", LIST_EVENT_INVOKE_CONFIGS),
    ("untrusted_destinations", LIST_EVENT_INVOKE_CONFIGS),
    ("failure_targets", LIST_EVENT_INVOKE_CONFIGS),
    ("zones", DESCRIBE_SUBNETS),
    ("tags", LIST_TAGS),
    ("code_signing", GET_CODE_SIGNING),
    ("reserved_concurrency", GET_CONCURRENCY),
];

/// What users and roles may do: their own policies, and what the organization's management account says limits them.
const IDENTITY: [&str; 4] =
    [GET_ACCOUNT_AUTHORIZATION_DETAILS, LIST_PARENTS, LIST_POLICIES_FOR_TARGET, DESCRIBE_POLICY];

/// What each guardrail is judged by, beside the functions of the region.
const GUARDRAILS: [(&str, &[&str]); 6] = [
    ("guardduty_lambda", &[LIST_DETECTORS, GET_DETECTOR]),
    ("security_hub_lambda", &[GET_ENABLED_STANDARDS, DESCRIBE_STANDARDS_CONTROLS]),
    ("access_analyzer_external", &[LIST_ANALYZERS]),
    ("access_analyzer_unused", &[LIST_ANALYZERS]),
    (
        "lambda_alerts",
        &[
            DESCRIBE_TRAILS,
            GET_EVENT_SELECTORS,
            GET_TRAIL_STATUS,
            LIST_RULES,
            LIST_TARGETS,
            DESCRIBE_METRIC_FILTERS,
            DESCRIBE_ALARMS,
        ],
    ),
    ("control_policy_exposure", &[LIST_PARENTS, LIST_POLICIES_FOR_TARGET, DESCRIBE_POLICY]),
];

/// What a snapshot may hold and is not asked as a matter of course.
const ON_REQUEST: [&str; 4] = [LIST_VERSIONS, GET_METRIC_DATA, ASSUME_ROLE, LIST_REGIONS];

/// The APIs to ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    apis: BTreeSet<&'static str>,
    /// Records of the past are asked for too, and the roles that made them.
    history: bool,
    roles: bool,
    /// Of functions that share a role, the stacks they are of.
    stacks: bool,
    /// Something is judged by CloudWatch's counts, where these are asked for.
    counts: bool,
}

impl Needs {
    /// Everything a snapshot can hold.
    pub fn everything() -> Self {
        let apis = APIS.iter().copied().filter(|api| !ON_REQUEST.contains(api)).collect();
        Needs { apis, history: true, roles: true, stacks: true, counts: true }
    }

    /// What `logging` shows.
    pub fn logging() -> Self {
        let mut needs = Needs::default();
        needs.add(&LOGGING);
        needs.add(&ORGANIZATION);
        needs.add(&[LIST_FUNCTIONS, LIST_URLS]);
        needs.counts = true;
        needs
    }

    /// What these policies judge a live account by.
    pub fn of(policies: &[&Policy]) -> Self {
        let gaps = AcceptedGaps::default();
        let engine = Engine::new(policies.to_vec(), &gaps);
        let mut needs = Needs::default();
        for resource_type in ["function", "layer"] {
            let resource = Reading::Known(resource_type.into());
            let grant = Grant { resource_type: resource, ..Grant::unread(Why::NotCollected) };
            if !engine.plan(&grant, Origin::State).is_empty() {
                needs.add(if resource_type == "function" {
                    &[LIST_FUNCTIONS, LIST_ALIASES, GET_POLICY, GET_RESOURCE_POLICY]
                } else {
                    &[LIST_LAYERS, LIST_LAYER_VERSIONS, GET_LAYER_VERSION_POLICY]
                });
            }
        }
        for (name, apis) in GUARDRAILS {
            let name = Reading::Known(name.into());
            let guardrail = Guardrail { name, ..Guardrail::unread(Why::NotCollected) };
            if !engine.plan(&guardrail, Origin::State).is_empty() {
                needs.add(&[LIST_FUNCTIONS]);
                needs.add(apis);
            }
        }
        for policy in policies.iter().filter(|policy| policy.origins.contains(&Origin::State)) {
            let fields: Vec<&str> = policy
                .fields()
                .into_iter()
                .filter_map(|index| policy.kind.fields.get(index))
                .map(|field| field.name)
                .collect();
            let reads = |names: &[&str]| fields.iter().any(|field| names.contains(field));
            match policy.kind.name {
                "function_url" => {
                    needs.add(&[LIST_FUNCTIONS, LIST_URLS]);
                    if reads(&["admits_public"]) {
                        needs.add(&[LIST_ALIASES, GET_POLICY, GET_RESOURCE_POLICY]);
                    }
                }
                "layer_use" => needs.add(&[LIST_FUNCTIONS]),
                "event_source" => needs.add(&[LIST_MAPPINGS]),
                "function" => {
                    needs.add(&[LIST_FUNCTIONS]);
                    for (field, api) in OF_FIELDS {
                        if reads(&[field]) {
                            needs.add(&[api]);
                        }
                    }
                }
                "invoke_logging" => {
                    needs.add(&[LIST_FUNCTIONS, LIST_URLS]);
                    needs.add(&LOGGING);
                }
                "invoke_delivery" => {
                    needs.add(&[
                        LIST_FUNCTIONS,
                        LIST_URLS,
                        DESCRIBE_TRAILS,
                        GET_EVENT_SELECTORS,
                        GET_TRAIL_STATUS,
                    ]);
                    needs.counts = true;
                }
                "trail" => needs.add(&[DESCRIBE_TRAILS, GET_EVENT_SELECTORS, GET_TRAIL_STATUS]),
                "role" => {
                    needs.add(&[LIST_FUNCTIONS]);
                    needs.stacks |= reads(&["stacks"]);
                    if reads(&["lambda_may_assume"]) {
                        needs.add(&[GET_ROLE]);
                    }
                    if reads(&["admin", "admin_granted_by", "iam_write", "iam_actions", "iam_granted_by"]) {
                        needs.add(&IDENTITY);
                    }
                }
                "principal" => needs.add(&IDENTITY),
                _ => {}
            }
        }
        if !needs.apis.is_empty() {
            needs.add(&ORGANIZATION);
        }
        let history = History::of(policies, true);
        (needs.history, needs.roles) = (!history.is_empty(), history.asks_roles());
        if needs.roles {
            // Sessions of a function's role are often named like the function.
            needs.add(&[LIST_FUNCTIONS]);
        }
        needs
    }

    fn add(&mut self, apis: &[&'static str]) {
        self.apis.extend(apis);
    }

    /// Published versions too, each with its policy.
    pub fn with_versions(mut self) -> Self {
        if self.wants(GET_POLICY) {
            self.add(&[LIST_VERSIONS]);
        }
        self
    }

    /// CloudWatch's counts of invocations too, if anything is judged by them.
    pub fn with_metrics(mut self) -> Self {
        if self.counts {
            self.add(&[GET_METRIC_DATA]);
        }
        self
    }

    pub fn wants(&self, api: &str) -> bool {
        self.apis.contains(api)
    }

    /// Does it take the trust policies of the roles that records name?
    pub fn asks_roles(&self) -> bool {
        self.roles
    }

    /// Does it take the tags of functions that share a role?
    pub fn asks_stacks(&self) -> bool {
        self.stacks
    }

    pub fn is_empty(&self) -> bool {
        self.apis.is_empty()
    }

    /// The calls in order of name.
    pub fn apis(&self) -> impl Iterator<Item = &'static str> {
        self.apis.iter().copied()
    }

    /// The IAM actions, each with the calls that it is for.
    pub fn permissions(&self) -> BTreeMap<&'static str, &'static str> {
        let mut all: BTreeMap<&'static str, &'static str> =
            self.apis().map(|api| (api, purpose(api))).collect();
        if !all.is_empty() {
            all.insert(LIST_REGIONS, purpose(LIST_REGIONS));
            all.insert(GET_ACCOUNT_SETTINGS, purpose(GET_ACCOUNT_SETTINGS));
        }
        if self.history {
            all.insert(LOOKUP_EVENTS, purpose(LOOKUP_EVENTS));
        }
        if self.roles {
            all.insert(GET_ROLE, purpose(GET_ROLE));
        }
        if self.stacks {
            all.insert(LIST_TAGS, purpose(LIST_TAGS));
        }
        all
    }

    /// The least IAM policy that lets the calls through. The actions have no resource-level narrowing that would hold
    /// for functions that are made tomorrow, so their resource is `*`; all of them only read.
    pub fn document(&self) -> Document {
        let mut by_service: BTreeMap<&'static str, Vec<&'static str>> = BTreeMap::new();
        for action in self.permissions().into_keys() {
            let service = action.split(':').next().unwrap_or_default();
            by_service.entry(service).or_default().push(action);
        }
        let statement = |(service, actions): (&str, Vec<&'static str>)| Statement {
            // Letters and digits are all that IAM takes here.
            sid: service.split('-').map(capitalised).fold("LambdaAudit".to_owned(), |sid, word| sid + &word),
            effect: "Allow",
            action: actions,
            resource: "*",
        };
        Document { version: "2012-10-17", statement: by_service.into_iter().map(statement).collect() }
    }
}

/// An IAM policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Document {
    pub version: &'static str,
    pub statement: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    pub sid: String,
    pub effect: &'static str,
    pub action: Vec<&'static str>,
    pub resource: &'static str,
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// What a permission is for, in words.
fn purpose(action: &str) -> &'static str {
    match action {
        LIST_FUNCTIONS => "functions: layers, roles, dead-letter targets, network, names of variables",
        LIST_ALIASES => "aliases: each has a policy and perhaps a URL of its own",
        LIST_VERSIONS => "published versions: each has a policy of its own",
        GET_POLICY => "resource policies of functions, aliases and versions",
        GET_RESOURCE_POLICY => "resource policies that were put as a whole, with their Deny statements",
        LIST_URLS => "function URLs",
        LIST_EVENT_INVOKE_CONFIGS => "destinations of asynchronous invocations",
        LIST_TAGS => "tags of functions",
        GET_CODE_SIGNING => "whether a function takes only signed code",
        GET_CONCURRENCY => "concurrency that is reserved for functions",
        DESCRIBE_SUBNETS => "availability zones of the subnets that functions are attached to",
        LIST_LAYERS | LIST_LAYER_VERSIONS => "layers that others may have been given",
        GET_LAYER_VERSION_POLICY => "resource policies of layer versions",
        LIST_MAPPINGS => "event sources",
        DESCRIBE_TRAILS => "trails",
        GET_EVENT_SELECTORS => "what trails record",
        GET_TRAIL_STATUS => "whether trails are recording and delivering",
        LIST_EVENT_DATA_STORES | GET_EVENT_DATA_STORE => "event data stores and what they record",
        GET_ROLE => "trust policies of roles: whether Lambda may assume them",
        GET_ACCOUNT_AUTHORIZATION_DETAILS => "users, groups, roles and their policies: what each may do",
        LIST_PARENTS => "what an account is below in its organization; asked in the management account only",
        LIST_POLICIES_FOR_TARGET => "service control policies of accounts and what they are below; likewise",
        LIST_DETECTORS | GET_DETECTOR => "GuardDuty's detectors: whether Lambda Protection is on",
        GET_ENABLED_STANDARDS | DESCRIBE_STANDARDS_CONTROLS => {
            "Security Hub's standards: whether their controls of Lambda functions are on"
        }
        LIST_ANALYZERS => "analyzers of external and of unused access",
        LIST_RULES | LIST_TARGETS => "rules that watch changes of Lambda's permissions",
        DESCRIBE_METRIC_FILTERS => "metric filters that watch changes of Lambda's permissions",
        DESCRIBE_ALARMS => "alarms on these metric filters",
        DESCRIBE_POLICY => "documents of service control policies; likewise",
        DESCRIBE_ORGANIZATION => "the own organization, whose members are not strangers",
        LIST_ACCOUNTS => "the organization's accounts; asked in its management account only",
        LIST_REGIONS => "the account's regions, for --all-regions",
        GET_ACCOUNT_SETTINGS => "the number of functions, for --plan",
        GET_METRIC_DATA => "how many invocations CloudWatch counts, for --metrics",
        LOOKUP_EVENTS => "who changed what in the last 90 days",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{PolicySet, Selection};

    fn of(globs: &[&str]) -> Needs {
        let (set, errors) = PolicySet::load_with_bundled(&[], &Default::default());
        assert!(errors.is_empty());
        let only = globs.iter().map(|glob| (*glob).to_owned()).collect();
        let (policies, errors) = set.select(&Selection { only, ..Selection::default() });
        assert!(errors.is_empty());
        Needs::of(&policies)
    }

    #[test]
    fn only_what_a_policy_reads_is_asked() {
        let layers = of(&["layer-shared-externally"]);
        assert!(layers.wants(GET_LAYER_VERSION_POLICY) && !layers.wants(GET_POLICY));
        assert!(!layers.wants(LIST_FUNCTIONS));
        let functions = of(&["function-invoke-public"]);
        assert!(functions.wants(GET_POLICY) && functions.wants(LIST_ALIASES));
        assert!(!functions.wants(LIST_LAYERS) && !functions.wants(LIST_MAPPINGS));
        let mappings = of(&["event-source-external"]);
        assert!(mappings.wants(LIST_MAPPINGS) && !mappings.wants(LIST_FUNCTIONS));
        assert!(of(&["function-deleted"]).is_empty());
    }

    /// What the fields of a policy declare is never less than what is asked for it.
    #[test]
    fn the_permissions_of_every_policy_are_among_its_calls() {
        let (set, _) = PolicySet::load_with_bundled(&[], &Default::default());
        let (policies, _) = set.select(&Selection::default());
        for policy in policies {
            let needs = Needs::of(&[policy]).with_metrics();
            for permission in policy.permissions() {
                let of_layers = permission == GET_LAYER_VERSION_POLICY && !needs.wants(LIST_LAYERS);
                let of_functions = permission == GET_POLICY && !needs.wants(LIST_FUNCTIONS);
                let other_kind = policy.kind.name == "grant" && (of_layers || of_functions);
                let url = policy.kind.name == "function_url" && permission == GET_LAYER_VERSION_POLICY;
                // A field of all guardrails: each is read by other calls.
                let url = url || policy.kind.name == "guardrail";
                let asked = needs.permissions().contains_key(permission);
                assert!(asked || other_kind || url, "{}: {permission}", policy.id);
            }
        }
    }

    #[test]
    fn every_permission_says_what_it_is_for() {
        let needs = Needs::everything().with_versions().with_metrics();
        assert!(needs.permissions().values().all(|purpose| !purpose.is_empty()));
        assert_eq!(needs.apis().filter(|api| !APIS.contains(api)).count(), 0);
    }

    #[test]
    fn the_document_lists_each_action_once() {
        let document = Needs::everything().document();
        let actions: Vec<_> = document.statement.iter().flat_map(|one| &one.action).collect();
        let set: BTreeSet<_> = actions.iter().collect();
        assert_eq!(actions.len(), set.len());
        assert!(document.statement.iter().all(|one| one.sid.chars().all(|c| c.is_ascii_alphanumeric())));
    }
}
