//! The second pass: facts as parts stream by, and at the end those that join parts and those for what is missing.

use std::borrow::Cow;
use std::collections::HashMap;

use super::index::{FunctionRow, Index, UrlRow, data};
use crate::arn;
use crate::exposure::{Assessment, Context, ResourceKind, UrlAdmission, assess};
use crate::facts::from_record::changes::{auth_type, mapping_enabled, mapping_part, source_trust, untrusted};
use crate::facts::grant::Owner;
use crate::facts::schema::Origin;
use crate::facts::{
    Body, EventSource, Fact, Function, FunctionUrl, Grant, Guardrail, InvokeLogging, LayerUse, Place, Role,
    Subject, Trail,
};
use crate::lists::Lists;
use crate::logging::{Event, Target};
use crate::snapshot::api::*;
use crate::snapshot::{Part, Scope};
use crate::trust::Trusts;
use crate::value::{Reading, TextList, Why};

/// Makes facts from the parts of one snapshot, given the index of its first pass.
#[derive(Debug)]
pub struct StateFacts<'s> {
    file: &'s str,
    index: &'s Index,
    trusts: &'s Trusts,
    lists: &'s Lists,
    /// What the policies of functions and aliases admit everyone to through their URL.
    admissions: HashMap<String, Reading<UrlAdmission>>,
}

/// Takes each fact as it is made.
type Emit<'e> = &'e mut dyn FnMut(&Fact<'_>);

impl<'s> StateFacts<'s> {
    pub fn new(file: &'s str, index: &'s Index, trusts: &'s Trusts, lists: &'s Lists) -> Self {
        StateFacts { file, index, trusts, lists, admissions: HashMap::new() }
    }

    fn fact<'f>(
        &'f self,
        subject: Subject<'f>,
        place: (&'f str, u64, String),
        part: String,
        body: Body<'f>,
    ) -> Fact<'f> {
        let (api, line, pointer) = place;
        Fact {
            subject,
            origin: Origin::State,
            place: Place::Part { file: self.file, line, api, pointer },
            part,
            body,
        }
    }

    /// Makes the facts of one part. Parts that were not read make none here: `finish` knows what is missing.
    pub fn part(&mut self, part: &Part, line: u64, emit: Emit<'_>) {
        if !matches!(part.outcome, crate::snapshot::Outcome::Ok) {
            return;
        }
        match part.api.as_str() {
            LIST_FUNCTIONS => {
                if let Ok(page) = data::<FunctionPage>(part) {
                    page.functions
                        .iter()
                        .enumerate()
                        .for_each(|(at, one)| self.function(part, line, at, one, emit));
                }
            }
            GET_POLICY | GET_RESOURCE_POLICY => self.policy(part, line, ResourceKind::Function, emit),
            GET_LAYER_VERSION_POLICY => self.policy(part, line, ResourceKind::Layer, emit),
            LIST_MAPPINGS => {
                if let Ok(page) = data::<MappingPage>(part) {
                    let mappings = page.event_source_mappings.iter().enumerate();
                    mappings.for_each(|(at, one)| self.mapping(part, line, at, one, emit));
                }
            }
            GUARDRAIL => {
                if let Ok(state) = data::<GuardrailState>(part) {
                    self.guardrail(part, line, &state, emit);
                }
            }
            _ => {}
        }
    }

    fn policy(&mut self, part: &Part, line: u64, kind: ResourceKind, emit: Emit<'_>) {
        let (Some(resource), Ok(answer)) = (&part.resource, data::<PolicyText>(part)) else { return };
        // A policy that was put as a whole is read as a whole; GetPolicy may then show less of it.
        if part.api == GET_POLICY && self.index.has_whole_policy(resource) {
            return;
        }
        let owner = self.owner(resource, kind, part, Why::Malformed);
        let Some(text) = &answer.policy else {
            // AWS said there is none.
            self.admit(resource, Reading::Known(UrlAdmission::Neither));
            return;
        };
        let account = owner.subject.account.clone();
        let context = Context { owner: account.as_deref(), kind, trust: self.trusts.of(account.as_deref()) };
        let assessed = assess(text, &context);
        let place = || (part.api.as_str(), line, "/Policy".to_owned());
        match &assessed {
            Ok(Assessment { grants, .. }) => {
                for statement in grants {
                    owner.facts(statement, self.lists, &mut |key, body| {
                        emit(&self.fact(owner.subject.clone(), place(), key, body));
                    });
                }
            }
            Err(unreadable) => {
                let reason = Reading::Known(Cow::Owned(unreadable.to_string()));
                let body = Body::Grant(Box::new(Grant { reason, ..owner.unread() }));
                emit(&self.fact(owner.subject.clone(), place(), String::new(), body));
            }
        }
        let admission = match assessed {
            Ok(Assessment { url: UrlAdmission::Unknown, .. }) | Err(_) => Reading::Unread(Why::Malformed),
            Ok(Assessment { url, .. }) => Reading::Known(url),
        };
        self.admit(resource, admission);
    }

    /// Of two answers about one resource the graver one holds, whatever their order.
    fn admit(&mut self, resource: &str, admission: Reading<UrlAdmission>) {
        let gravity = |admission: &Reading<UrlAdmission>| match admission {
            Reading::Known(UrlAdmission::Both) => 3,
            Reading::Known(UrlAdmission::OnlyOlder) => 2,
            Reading::Known(UrlAdmission::Unknown) | Reading::Unread(_) | Reading::Absent => 1,
            Reading::Known(UrlAdmission::Neither) => 0,
        };
        match self.admissions.get_mut(resource) {
            Some(known) if gravity(known) >= gravity(&admission) => {}
            Some(known) => *known = admission,
            None => {
                self.admissions.insert(resource.to_owned(), admission);
            }
        }
    }

    /// What the grants of one resource have in common.
    fn owner<'f>(&self, resource: &'f str, kind: ResourceKind, part: &'f Part, why: Why) -> Owner<'f> {
        let region = part.region.as_deref();
        owner(resource, kind, &part.account, region, why)
    }

    fn function(&self, part: &Part, line: u64, at: usize, one: &FunctionConfiguration, emit: Emit<'_>) {
        let account = arn::account(&one.function_arn).unwrap_or(&part.account);
        let subject = || function_subject(&one.function_arn, account, part.region.as_deref());
        let place = |member: &str| (LIST_FUNCTIONS, line, format!("/Functions/{at}{member}"));
        let trust = |other: &str| {
            Reading::or_unread(self.trusts.of(Some(account)).account(other, Some(account)), Why::NotCollected)
        };
        for (number, layer) in one.layers.iter().flatten().enumerate() {
            let layer_account = arn::account(&layer.arn);
            let unread = Why::Malformed;
            let body = LayerUse {
                subject: known(&one.function_arn),
                account: known(account),
                region: Reading::or_unread(part.region.as_deref().map(Cow::Borrowed), unread),
                layer: known(&layer.arn),
                layer_account: Reading::or_unread(layer_account.map(Cow::Borrowed), unread),
                trusted: layer_account.map_or(Reading::Unread(unread), trust),
                aws_owned: Reading::or_unread(
                    layer_account.map(|id| self.lists.is_aws_layer_account(id)),
                    unread,
                ),
                existing_function: Reading::Unread(Why::NotCollected),
                before: Reading::Unread(Why::NotCollected),
            };
            let body = Body::LayerUse(Box::new(body));
            emit(&self.fact(subject(), place(&format!("/Layers/{number}")), layer.arn.clone(), body));
        }
        let scope = Scope { account: part.account.clone(), region: part.region.clone().unwrap_or_default() };
        let dead_letter = one.dead_letter_config.as_ref().and_then(|config| config.target_arn.as_deref());
        // A list with versions names each with its qualifier; what else is known of it is known by the function.
        let unqualified = arn::split_function(&one.function_arn).map_or(&*one.function_arn, |(arn, _)| arn);
        let asynchronous = self.index.destinations.get(unqualified);
        let items: Vec<Cow<'_, str>> = dead_letter
            .into_iter()
            .filter(|target| !target.is_empty())
            .chain(asynchronous.into_iter().flatten().map(String::as_str))
            .map(Cow::Borrowed)
            .collect();
        let incomplete = self.index.why(LIST_EVENT_INVOKE_CONFIGS, &scope, Some(unqualified));
        let targets = TextList { items, incomplete };
        let body = Function {
            subject: known(&one.function_arn),
            name: known(&one.function_name),
            account: known(account),
            region: Reading::or_unread(part.region.as_deref().map(Cow::Borrowed), Why::Malformed),
            runtime: Reading::or_absent(one.runtime.as_deref().map(Cow::Borrowed)),
            role: Reading::or_unread(one.role.as_deref().map(Cow::Borrowed), Why::NotCollected),
            untrusted_destinations: Reading::Known(untrusted(&targets, trust)),
            destinations: Reading::Known(targets),
        };
        emit(&self.fact(subject(), place(""), String::new(), Body::Function(Box::new(body))));
    }

    fn mapping(&self, part: &Part, line: u64, at: usize, one: &Mapping, emit: Emit<'_>) {
        let unread = Why::NotCollected;
        let source = Reading::or_unread(one.event_source_arn.as_deref().map(Cow::Borrowed), unread);
        // AWS names one or the other.
        let self_managed = Reading::Known(one.self_managed_event_source.is_some());
        let source = if one.self_managed_event_source.is_some() { Reading::Absent } else { source };
        let owner = part.account.as_str();
        let (source_account, trusted) = source_trust(&source, &self_managed, |account| {
            Reading::or_unread(self.trusts.of(Some(owner)).account(account, Some(owner)), Why::NotCollected)
        });
        let made = one.event_source_mapping_arn.clone().or_else(|| {
            let partition = one.function_arn.as_deref().and_then(arn::partition)?;
            let region = part.region.as_deref()?;
            Some(format!("arn:{partition}:lambda:{region}:{owner}:event-source-mapping:{}", one.uuid))
        });
        let subject = Subject {
            arn: made.map(Cow::Owned),
            kind: "event_source_mapping",
            name: Cow::Borrowed(&one.uuid),
            account: Some(Cow::Borrowed(owner)),
            region: part.region.as_deref().map(Cow::Borrowed),
        };
        let target = Reading::or_unread(one.function_arn.as_deref().map(Cow::Borrowed), unread);
        let key = mapping_part(&source, &target);
        let body = EventSource {
            subject: Reading::Known(Cow::Owned(subject.label().to_owned())),
            account: known(owner),
            region: Reading::or_unread(part.region.as_deref().map(Cow::Borrowed), unread),
            function: target,
            source,
            source_account,
            self_managed,
            trusted,
            enabled: match one.state.as_deref() {
                Some(state) => Reading::or_unread(mapping_enabled(state), Why::Malformed),
                None => Reading::Unread(unread),
            },
            action: Reading::Unread(unread),
            sets_function: Reading::Unread(unread),
        };
        let place = (LIST_MAPPINGS, line, format!("/EventSourceMappings/{at}"));
        emit(&self.fact(subject, place, key, Body::EventSource(Box::new(body))));
    }

    fn guardrail(&self, part: &Part, line: u64, state: &GuardrailState, emit: Emit<'_>) {
        let region = part.region.as_deref();
        let label = format!("{} in {} {}", state.name, part.account, region.unwrap_or("every region"));
        let subject = Subject {
            arn: None,
            kind: "guardrail",
            name: Cow::Owned(label.clone()),
            account: Some(Cow::Borrowed(&part.account)),
            region: region.map(Cow::Borrowed),
        };
        let body = Guardrail {
            subject: Reading::Known(Cow::Owned(label)),
            name: known(&state.name),
            account: known(&part.account),
            region: Reading::or_absent(region.map(Cow::Borrowed)),
            enabled: Reading::or_unread(state.enabled, Why::NotCollected),
        };
        let place = (GUARDRAIL, line, String::new());
        emit(&self.fact(subject, place, String::new(), Body::Guardrail(Box::new(body))));
    }

    /// Facts that join parts, and facts with unread fields for what the snapshot should hold and does not.
    pub fn finish(&self, emit: Emit<'_>) {
        for scope in self.index.scopes() {
            self.missing_of_region(&scope, emit);
            for function in self.index.functions.get(&scope).into_iter().flatten() {
                self.missing_of_function(&scope, function, emit);
            }
            self.missing_of_layers(&scope, emit);
        }
        for url in &self.index.urls {
            self.url(url, emit);
        }
        self.logging(emit);
        self.trails(emit);
        self.roles(emit);
    }

    /// A fact of everything of a kind in an account and region.
    fn whole_region(
        &self,
        scope: &Scope,
        api: &'static str,
        what: &str,
        why: Why,
        body: fn(Why) -> Body<'static>,
        emit: Emit<'_>,
    ) {
        let label = format!("{what} of {} in {}", scope.account, scope.region);
        let subject = Subject {
            arn: None,
            kind: "account_region",
            name: Cow::Owned(label),
            account: Some(Cow::Borrowed(&scope.account)),
            region: Some(Cow::Borrowed(&scope.region)),
        };
        let place = (api, self.index.line(api, scope, None), String::new());
        emit(&self.fact(subject, place, String::new(), body(why)));
    }

    fn missing_of_region(&self, scope: &Scope, emit: Emit<'_>) {
        let functions: [(&str, fn(Why) -> Body<'static>); 5] = [
            ("functions", |why| Body::Function(Box::new(Function::unread(why)))),
            ("policies of functions", |why| {
                let resource_type = Reading::Known(Cow::Borrowed("function"));
                Body::Grant(Box::new(Grant { resource_type, ..Grant::unread(why) }))
            }),
            ("function URLs", |why| Body::FunctionUrl(Box::new(FunctionUrl::unread(why)))),
            ("layers used by functions", |why| Body::LayerUse(Box::new(LayerUse::unread(why)))),
            ("logging of functions", |why| Body::InvokeLogging(Box::new(InvokeLogging::unread(why)))),
        ];
        if let Some(why) = self.index.why(LIST_FUNCTIONS, scope, None) {
            for (what, body) in functions {
                self.whole_region(scope, LIST_FUNCTIONS, what, why, body, emit);
            }
        }
        let others: [(&'static str, &str, fn(Why) -> Body<'static>); 3] = [
            (LIST_MAPPINGS, "event source mappings", |why| {
                Body::EventSource(Box::new(EventSource::unread(why)))
            }),
            (LIST_LAYERS, "layers", |why| {
                let resource_type = Reading::Known(Cow::Borrowed("layer"));
                Body::Grant(Box::new(Grant { resource_type, ..Grant::unread(why) }))
            }),
            (DESCRIBE_TRAILS, "trails", |why| Body::Trail(Box::new(Trail::unread(why)))),
        ];
        for (api, what, body) in others {
            if let Some(why) = self.index.why(api, scope, None) {
                self.whole_region(scope, api, what, why, body, emit);
            }
        }
    }

    fn missing_of_function(&self, scope: &Scope, function: &FunctionRow, emit: Emit<'_>) {
        let arn = function.arn.as_str();
        let mut policy = |resource: &str| match self.index.why(GET_POLICY, scope, Some(resource)) {
            Some(why) if !self.index.has_whole_policy(resource) => {
                self.unread_grant(GET_POLICY, scope, resource, ResourceKind::Function, why, emit);
            }
            _ => {}
        };
        policy(arn);
        for qualified in self.index.qualified.get(arn).into_iter().flatten() {
            policy(qualified);
        }
        if let Some(why) = self.index.why(LIST_ALIASES, scope, Some(arn)) {
            let resource = format!("{arn}:*");
            self.unread_grant(LIST_ALIASES, scope, &resource, ResourceKind::Function, why, emit);
        }
        // Versions are listed only on request; a list that was tried and not read is missing.
        if self.index.asked(LIST_VERSIONS, scope, arn)
            && let Some(why) = self.index.why(LIST_VERSIONS, scope, Some(arn))
        {
            let resource = format!("{arn}:*");
            self.unread_grant(LIST_VERSIONS, scope, &resource, ResourceKind::Function, why, emit);
        }
        if let Some(why) = self.index.why(LIST_URLS, scope, Some(arn)) {
            let subject = Subject {
                kind: "function_url",
                ..function_subject(arn, &scope.account, Some(&scope.region))
            };
            let body = FunctionUrl {
                subject: known(arn),
                account: known(&scope.account),
                region: known(&scope.region),
                ..FunctionUrl::unread(why)
            };
            let place = (LIST_URLS, self.index.line(LIST_URLS, scope, Some(arn)), String::new());
            emit(&self.fact(subject, place, String::new(), Body::FunctionUrl(Box::new(body))));
        }
    }

    fn missing_of_layers(&self, scope: &Scope, emit: Emit<'_>) {
        for layer in self.index.layers.get(scope).into_iter().flatten() {
            if let Some(why) = self.index.why(LIST_LAYER_VERSIONS, scope, Some(layer)) {
                let resource = format!("{layer}:*");
                self.unread_grant(LIST_LAYER_VERSIONS, scope, &resource, ResourceKind::Layer, why, emit);
            }
            for version in self.index.layer_versions.get(layer).into_iter().flatten() {
                if let Some(why) = self.index.why(GET_LAYER_VERSION_POLICY, scope, Some(version)) {
                    self.unread_grant(
                        GET_LAYER_VERSION_POLICY,
                        scope,
                        version,
                        ResourceKind::Layer,
                        why,
                        emit,
                    );
                }
            }
        }
    }

    fn unread_grant(
        &self,
        api: &'static str,
        scope: &Scope,
        resource: &str,
        kind: ResourceKind,
        why: Why,
        emit: Emit<'_>,
    ) {
        let owner = owner(resource, kind, &scope.account, Some(&scope.region), why);
        let asked = resource.strip_suffix(":*").unwrap_or(resource);
        let place = (api, self.index.line(api, scope, Some(asked)), String::new());
        let body = Body::Grant(Box::new(owner.unread()));
        emit(&self.fact(owner.subject.clone(), place, String::new(), body));
    }

    fn url(&self, row: &UrlRow, emit: Emit<'_>) {
        let config = &row.config;
        let arn = config.function_arn.as_str();
        let qualifier = arn::split_function(arn).and_then(|(_, qualifier)| qualifier);
        let account = arn::account(arn).unwrap_or_default();
        let region = arn::region(arn);
        let admission = match self.admissions.get(arn) {
            Some(admission) => admission.clone(),
            None => {
                let scope =
                    Scope { account: account.to_owned(), region: region.unwrap_or_default().to_owned() };
                let why = self.index.why(GET_POLICY, &scope, Some(arn));
                Reading::Unread(why.unwrap_or(Why::NotCollected))
            }
        };
        let admits_public = match admission {
            Reading::Known(UrlAdmission::Both) => Reading::Known(Cow::Borrowed("both")),
            Reading::Known(UrlAdmission::OnlyOlder) => Reading::Known(Cow::Borrowed("older_only")),
            Reading::Known(UrlAdmission::Neither) => Reading::Known(Cow::Borrowed("neither")),
            Reading::Known(UrlAdmission::Unknown) | Reading::Absent => Reading::Unread(Why::Malformed),
            Reading::Unread(why) => Reading::Unread(why),
        };
        let cors = config.cors.as_ref();
        let origins = cors.and_then(|cors| cors.allow_origins.as_deref()).unwrap_or_default();
        let subject = Subject { kind: "function_url", ..function_subject(arn, account, region) };
        let body = FunctionUrl {
            subject: known(arn),
            account: Reading::or_unread(
                (!account.is_empty()).then_some(Cow::Borrowed(account)),
                Why::Malformed,
            ),
            region: Reading::or_unread(region.map(Cow::Borrowed), Why::Malformed),
            qualifier: Reading::or_absent(qualifier.map(Cow::Borrowed)),
            url: Reading::or_absent(config.function_url.as_deref().map(Cow::Borrowed)),
            auth_type: match config.auth_type.as_deref() {
                Some(word) => Reading::or_unread(auth_type(word).map(Cow::Borrowed), Why::Malformed),
                None => Reading::Unread(Why::NotCollected),
            },
            admits_public,
            allow_origins: Reading::Known(TextList::complete(origins.iter().map(String::as_str))),
            allow_credentials: Reading::Known(cors.and_then(|cors| cors.allow_credentials).unwrap_or(false)),
        };
        let place = (LIST_URLS, row.line, row.pointer.clone());
        emit(&self.fact(subject, place, String::new(), Body::FunctionUrl(Box::new(body))));
    }

    fn logging(&self, emit: Emit<'_>) {
        let solver = self.index.recorders.solver();
        let with_url: std::collections::HashSet<&str> = self
            .index
            .urls
            .iter()
            .filter_map(|row| Some(arn::split_function(&row.config.function_arn)?.0))
            .collect();
        for (scope, functions) in &self.index.functions {
            for function in functions {
                let arn = function.arn.as_str();
                let target = Target {
                    arn,
                    account: &scope.account,
                    region: &scope.region,
                    partition: arn::partition(arn).unwrap_or("aws"),
                };
                // Whether it has a URL is unread: what a URL would need is asked for too.
                let urls_unread = self.index.why(LIST_URLS, scope, Some(arn)).is_some();
                let events = if with_url.contains(arn) || urls_unread {
                    Event::OF_FUNCTION_WITH_URL
                } else {
                    Event::OF_FUNCTION
                };
                let answer = solver.solve(&target, events);
                let mut excluded: Vec<&str> = answer.excluded.iter().map(|one| one.case.as_str()).collect();
                excluded.dedup();
                let proof: Vec<String> = answer.proof.iter().map(ToString::to_string).collect();
                let body = InvokeLogging {
                    subject: known(arn),
                    account: known(&scope.account),
                    region: known(&scope.region),
                    configured: answer.configured.map(|configured| Cow::Borrowed(configured.as_str())),
                    delivery_failing: answer.delivery_failing.clone(),
                    reason: Reading::Known(Cow::Borrowed(&answer.reason)),
                    proof: Reading::or_absent((!proof.is_empty()).then(|| Cow::Owned(proof.join("; ")))),
                    excluded: Reading::Known(TextList::complete(excluded)),
                };
                let subject = function_subject(arn, &scope.account, Some(&scope.region));
                let line = self.index.line(DESCRIBE_TRAILS, scope, None);
                let place = (DESCRIBE_TRAILS, line, String::new());
                emit(&self.fact(subject, place, String::new(), Body::InvokeLogging(Box::new(body))));
            }
        }
    }

    fn trails(&self, emit: Emit<'_>) {
        for trail in self.index.recorders.trails() {
            let account = trail.account.known().copied();
            let region = trail.region.known().cloned();
            let subject = Subject {
                arn: Some(Cow::Borrowed(trail.arn)),
                kind: "trail",
                name: Cow::Owned(trail.name.known().cloned().unwrap_or_else(|| trail.arn.to_owned())),
                account: account.map(Cow::Borrowed),
                region: region.clone().map(Cow::Owned),
            };
            let scope =
                Scope { account: account.unwrap_or_default().to_owned(), region: region.unwrap_or_default() };
            let line = self.index.line(DESCRIBE_TRAILS, &scope, None);
            let body = Trail {
                subject: known(trail.arn),
                account: trail.account.map(Cow::Borrowed),
                region: trail.region.map(Cow::Owned),
                organization: trail.organization,
                multi_region: trail.multi_region,
                logging: trail.logging,
                validation: trail.validation,
                covers_lambda: trail.covers_lambda,
            };
            let place = (DESCRIBE_TRAILS, line, "/trailList".to_owned());
            emit(&self.fact(subject, place, String::new(), Body::Trail(Box::new(body))));
        }
    }

    fn roles(&self, emit: Emit<'_>) {
        let mut used: std::collections::BTreeMap<&str, Vec<Cow<'_, str>>> = std::collections::BTreeMap::new();
        for function in self.index.functions.values().flatten() {
            if let Some(role) = &function.role {
                used.entry(role).or_default().push(Cow::Borrowed(&function.arn));
            }
        }
        for (role, functions) in used {
            let account = arn::account(role);
            let name = role.rsplit('/').next().unwrap_or(role);
            let call = super::index::Call {
                api: GET_ROLE,
                account: account.unwrap_or_default().to_owned(),
                region: None,
                resource: Some(role.to_owned()),
            };
            let state = self.index.calls.get(&call);
            let lambda_may_assume = match (self.index.roles.get(role), state) {
                (Some(answer), _) => Reading::or_unread(trusts_lambda(answer), Why::Malformed),
                (None, state) => {
                    Reading::Unread(state.and_then(|state| state.why()).unwrap_or(Why::NotCollected))
                }
            };
            let incomplete =
                self.index.scopes().iter().find_map(|scope| self.index.why(LIST_FUNCTIONS, scope, None));
            let body = Role {
                subject: known(role),
                name: known(name),
                account: Reading::or_unread(account.map(Cow::Borrowed), Why::Malformed),
                functions: Reading::Known(TextList { items: functions, incomplete }),
                lambda_may_assume,
            };
            let subject = Subject {
                arn: Some(Cow::Borrowed(role)),
                kind: "role",
                name: Cow::Borrowed(name),
                account: account.map(Cow::Borrowed),
                region: None,
            };
            let place = (GET_ROLE, state.map_or(1, |state| state.line), String::new());
            emit(&self.fact(subject, place, String::new(), Body::Role(Box::new(body))));
        }
    }
}

fn known(text: &str) -> Reading<Cow<'_, str>> {
    Reading::Known(Cow::Borrowed(text))
}

/// A function, or its alias or version.
fn function_subject<'f>(arn_text: &'f str, account: &'f str, region: Option<&'f str>) -> Subject<'f> {
    let (kind, name) = match arn::split_function(arn_text) {
        Some((function, None)) => ("function", function.rsplit(':').next().unwrap_or(function).to_owned()),
        Some((function, Some(qualifier))) => {
            let name = function.rsplit(':').next().unwrap_or(function);
            let version = qualifier.bytes().all(|byte| byte.is_ascii_digit());
            (if version { "function_version" } else { "alias" }, format!("{name}:{qualifier}"))
        }
        None => ("function", arn_text.to_owned()),
    };
    Subject {
        arn: Some(Cow::Borrowed(arn_text)),
        kind,
        name: Cow::Owned(name),
        account: Some(Cow::Borrowed(account)),
        region: region.map(Cow::Borrowed),
    }
}

fn owner<'f>(
    resource: &'f str,
    kind: ResourceKind,
    asked: &'f str,
    region: Option<&'f str>,
    why: Why,
) -> Owner<'f> {
    let account = arn::account(resource).unwrap_or(asked);
    let (subject, resource_type, qualifier) = match kind {
        ResourceKind::Function => {
            let qualifier = arn::split_function(resource).and_then(|(_, qualifier)| qualifier);
            (function_subject(resource, account, region), "function", qualifier)
        }
        ResourceKind::Layer => {
            let mut tail = resource.rsplitn(3, ':');
            let (version, name) = (tail.next(), tail.next());
            let subject = Subject {
                arn: Some(Cow::Borrowed(resource)),
                kind: "layer_version",
                name: Cow::Owned(format!("{}:{}", name.unwrap_or_default(), version.unwrap_or_default())),
                account: Some(Cow::Borrowed(account)),
                region: region.map(Cow::Borrowed),
            };
            (subject, "layer", version)
        }
    };
    let qualifier = Reading::or_absent(qualifier.map(Cow::Borrowed));
    Owner { subject, resource_type, qualifier, deny_applied: true, why }
}

/// Does the role's trust policy let Lambda assume it? `None`: it does not parse.
fn trusts_lambda(role: &crate::snapshot::api::Role) -> Option<bool> {
    let document = match role.assume_role_policy_document.as_ref()? {
        serde_json::Value::String(text) => serde_json::from_str(&percent_decoded(text)?).ok()?,
        other => other.clone(),
    };
    let statements = match document.get("Statement")? {
        serde_json::Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    let is_lambda = |name: &serde_json::Value| name == "lambda.amazonaws.com" || name == "*";
    Some(statements.iter().any(|statement| {
        let service = statement.pointer("/Principal/Service");
        statement.get("Effect").is_some_and(|effect| effect == "Allow")
            && service.is_some_and(|service| match service {
                serde_json::Value::Array(list) => list.iter().any(is_lambda),
                one => is_lambda(one),
            })
    }))
}

/// IAM answers with percent-encoded JSON (RFC 3986); the CLI decodes it.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
