//! `redact rules`: for those who want to know what is looked for, and for those who write rules.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use redact_stream::{
    AllowList, CheckFailure, Confidence, Engine, Rule, RuleSet, ValueSyntax, lint,
};
use zeroize::Zeroizing;

use crate::args::{ConfigArgs, RuleArgs, RulesCommand};
use crate::error::{EXIT_ERROR, Error};
use crate::run::{load_rules, print, problem_lines, read_rules};
use crate::settings::Settings;
use crate::{explain_cmd, rule_docs, rule_schema};

pub(crate) fn run(command: RulesCommand) -> Result<ExitCode, Error> {
    match command {
        RulesCommand::List { json, rules, config } => list(json, rules, config),
        RulesCommand::Show { id, rules, config } => show(&id, rules, config),
        RulesCommand::Test { files } => test(&files),
        RulesCommand::New { id } => print(rule_schema::template(&id)?.as_bytes()),
        RulesCommand::Hash => hash(),
        RulesCommand::Schema => print(rule_schema::text().as_bytes()),
        RulesCommand::Docs => print(rule_docs::page()?.as_bytes()),
        RulesCommand::Explain { text, show, rules, config } => {
            explain_cmd::run(text, show, rules, config)
        }
        RulesCommand::Lint { files } => lint_files(&files),
    }
}

fn list(json: bool, rules: RuleArgs, config: ConfigArgs) -> Result<ExitCode, Error> {
    let settings = Settings::of_rules(rules, config)?;
    let (rules, problems) = load_rules(&settings.rules.value);
    if !problems.is_empty() {
        return Err(Error::all(problems));
    }
    let engine = settings
        .builder(rules.clone())
        .build()
        .map_err(|error| Error::all(problem_lines(&error)))?;
    let used: HashSet<&str> = engine.rules().map(Rule::id).collect();
    let text = match json {
        true => json_list(&rules, &used),
        false => table(&rules, &used),
    };
    print(text.as_bytes())
}

fn json_list(rules: &RuleSet, used: &HashSet<&str>) -> String {
    let rules: Vec<_> = rules
        .iter()
        .map(|rule| {
            serde_json::json!({
                "id": rule.id(),
                "group": rule.group(),
                "confidence": rule.confidence().name(),
                "provider": rule.provider(),
                "description": rule.description(),
                "reference": rule.reference(),
                "source": rule.source(),
                "used": used.contains(rule.id()),
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::from(rules))
}

fn table(rules: &RuleSet, used: &HashSet<&str>) -> String {
    let width = |column: fn(&Rule) -> &str, head: &str| {
        rules.iter().map(|rule| column(rule).chars().count()).fold(head.len(), usize::max)
    };
    let (id, group) = (width(Rule::id, "ID"), width(Rule::group, "GROUP"));
    let row = |cells: [&str; 5]| {
        let [a, b, c, d, e] = cells;
        let row = format!("{a:<id$}  {b:<group$}  {c:<10}  {d:<4}  {e}");
        format!("{}\n", row.trim_end())
    };
    let mut out = row(["ID", "GROUP", "CONFIDENCE", "USED", "PROVIDER"]);
    for rule in rules.iter() {
        let on = if used.contains(rule.id()) { "yes" } else { "no" };
        out.push_str(&row([
            rule.id(),
            rule.group(),
            rule.confidence().name(),
            on,
            rule.provider(),
        ]));
    }
    out
}

fn show(id: &str, rules: Option<Vec<PathBuf>>, config: ConfigArgs) -> Result<ExitCode, Error> {
    let rules = RuleArgs { rules, ..RuleArgs::default() };
    let settings = Settings::of_rules(rules, config)?;
    let (rules, problems) = load_rules(&settings.rules.value);
    if !problems.is_empty() {
        return Err(Error::all(problems));
    }
    let Some(rule) = rules.find(id) else {
        let near: Vec<_> =
            rules.iter().map(Rule::id).filter(|other| other.contains(id)).take(8).collect();
        let hint = match near.is_empty() {
            true => "`redact rules list` shows all".to_owned(),
            false => format!("there are {}", near.join(", ")),
        };
        return Err(Error::new(format!("there is no rule `{id}`")).hint(hint));
    };
    print(description(rule, &rules)?.as_bytes())
}

fn description(rule: &Rule, rules: &RuleSet) -> Result<String, Error> {
    let mut out = String::new();
    let mut field = |name: &str, value: &str| {
        if !value.is_empty() {
            out.push_str(&format!("{name:<12} {value}\n"));
        }
    };
    field("id", rule.id());
    field("label", rule.label());
    field("description", rule.description());
    field("provider", rule.provider());
    field("group", rule.group());
    field("confidence", rule.confidence().name());
    field("pattern", rule.pattern());
    field("longest", &format!("{} bytes", rule.max_len()));
    let keywords: Vec<_> = rule.keywords().collect();
    field("keywords", &keywords.join(", "));
    if !keywords.is_empty() {
        field("near", &format!("{} bytes", rule.near()));
    }
    if rule.entropy() > 0.0 {
        field("entropy", &format!("at least {} bits per byte", rule.entropy()));
    }
    if let Some(check) = rule.check() {
        let failure = match rule.on_check_fail() {
            CheckFailure::Lower => "a failure lowers the confidence",
            CheckFailure::Refuse => "a failure refuses the finding",
        };
        field("check", &format!("{}: {failure}", name(check)));
    }
    match rule.value() {
        ValueSyntax::Match => {}
        ValueSyntax::Assignment => {
            field("value", "what is assigned to the key that the pattern matches")
        }
    }
    if let Some(block) = rule.block() {
        field("block", &format!("of several lines: {}", name(block)));
    }
    rule.allow().for_each(|allow| field("allow", allow));
    field("reference", rule.reference());
    field("source", &format!("{}:{}", rule.source(), rule.line()));
    let mut alone = rules.clone();
    alone.retain(|other| other.id() == rule.id());
    let engine = Engine::builder()
        .rules(alone)
        .only([rule.id()])
        .confidence(Confidence::Low)
        .build()
        .map_err(|error| Error::all(problem_lines(&error)))?;
    let mut examples = |title: &str, texts: Vec<&str>| {
        for text in texts {
            let text = lint::expand(rule, text);
            let masked = engine.redact_str(&text);
            out.push_str(&format!("{title:<12} {}\n", masked.replace('\n', "\n             ")));
        }
    };
    examples("matches", rule.matches().collect());
    examples("rejects", rule.rejects().collect());
    Ok(out)
}

/// The name that a rule file has for it.
fn name(value: impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn test(files: &[PathBuf]) -> Result<ExitCode, Error> {
    let mut problems = Vec::new();
    let mut sets = Vec::new();
    match files {
        [] => sets.push(RuleSet::builtin()),
        files => files.iter().map(|file| read_rules(file)).for_each(|read| match read {
            Ok(set) => sets.push(set),
            Err(more) => problems.extend(more),
        }),
    }
    for set in &sets {
        problems.extend(lint::examples(set).iter().map(ToString::to_string));
    }
    if !problems.is_empty() {
        return Err(Error::all(problems));
    }
    let rules: usize = sets.iter().map(RuleSet::len).sum();
    let all = sets.iter().flat_map(RuleSet::iter);
    let examples: usize = all.map(|rule| rule.matches().len() + rule.rejects().len()).sum();
    let costs = if files.is_empty() { String::new() } else { costs(&sets)? };
    print(format!("{rules} rules, {examples} examples: all as they should be\n{costs}").as_bytes())
}

/// A table of what each rule costs on clean log text.
fn costs(sets: &[RuleSet]) -> Result<String, Error> {
    let text = lint::sample().repeat((1 << 20) / lint::sample().len());
    let all: Vec<&Rule> = sets.iter().flat_map(RuleSet::iter).collect();
    let id = all.iter().map(|rule| rule.id().len()).fold(4, usize::max);
    let mut out = format!("\n{:<id$}  {:>11}  {:>9}\n", "RULE", "HITS PER MB", "MS PER MB");
    for set in sets {
        for rule in set.iter() {
            let mut alone = set.clone();
            alone.retain(|other| other.id() == rule.id());
            let engine =
                Engine::builder().rules(alone).only([rule.id()]).confidence(Confidence::Low);
            let engine = engine.build().map_err(|error| Error::all(problem_lines(&error)))?;
            let time = || {
                let start = Instant::now();
                std::hint::black_box(engine.redact(&text));
                start.elapsed().as_secs_f64() * 1e3 * 1e6 / text.len() as f64
            };
            // The first run compiles; of the others the best is the least disturbed.
            let best = (0..4).map(|_| time()).fold(f64::INFINITY, f64::min);
            let hits = lint::hits_per_megabyte(rule);
            out.push_str(&format!("{:<id$}  {hits:>11.1}  {best:>9.3}\n", rule.id()));
        }
    }
    Ok(out)
}

fn hash() -> Result<ExitCode, Error> {
    let value = explain_cmd::standard_input("be a value", "give it the value alone")?;
    let value = Zeroizing::new(value);
    let value = value.strip_suffix(b"\n").unwrap_or(&value);
    let value = value.strip_suffix(b"\r").unwrap_or(value);
    if value.is_empty() {
        let problem = "standard input: holds no value";
        return Err(
            Error::new(problem).hint("for example: printf %s \"$VALUE\" | redact rules hash")
        );
    }
    print(format!("{}\n", AllowList::line_of(value)).as_bytes())
}

fn lint_files(files: &[PathBuf]) -> Result<ExitCode, Error> {
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    let mut together = RuleSet::builtin();
    for file in files {
        let set = match read_rules(file) {
            Ok(set) => set,
            Err(more) => {
                errors.extend(more);
                continue;
            }
        };
        errors.extend(lint::examples(&set).iter().map(ToString::to_string));
        warnings.extend(set.iter().flat_map(missing));
        warnings.extend(lint::cost(&set).iter().map(ToString::to_string));
        match together.clone().merge(set) {
            Ok(merged) => together = merged,
            Err(error) => errors.extend(problem_lines(&error)),
        }
    }
    let mut out = String::new();
    errors.iter().for_each(|text| out.push_str(&format!("error: {text}\n")));
    warnings.iter().for_each(|text| out.push_str(&format!("warning: {text}\n")));
    out.push_str(&format!("{} errors, {} warnings\n", errors.len(), warnings.len()));
    let printed = print(out.as_bytes())?;
    Ok(if errors.is_empty() { printed } else { ExitCode::from(EXIT_ERROR) })
}

/// What a careful author would add.
fn missing(rule: &Rule) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut when = |is_missing: bool, advice: &str| {
        if is_missing {
            let (source, line, id) = (rule.source(), rule.line(), rule.id());
            warnings.push(format!("{source}:{line}: rule `{id}`: {advice}"));
        }
    };
    when(
        rule.description().is_empty(),
        "`description` is missing; say in a line what the secret is",
    );
    when(
        rule.reference().is_empty(),
        "`reference` is missing; link the page that describes the form",
    );
    when(rule.rejects().len() == 0, "`rejects` is empty; add a near-miss that must not be found");
    warnings
}
