//! The command line: one definition per flag, from which parsing, `--help`, the man pages and completions come.
//!
//! The first line of each comment is the short help (`-h`), the whole comment the long one (`--help`).

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::settings::{ColorChoice, ConfidenceChoice, EngineChoice, MaskChoice, ThreadsChoice};

const EXAMPLES: &str = "\
Examples:
  tail -f app.log | redact                      watch a log without its secrets
  make deploy 2>&1 | redact | tee build.log     keep them out of a build log
  redact -o public.log app.log                  write a clean copy
  redact --in-place logs/*.log                  clean files where they are
  redact -z --in-place logs/*.gz                ... also compressed ones
  redact --check --report found.jsonl *.log     only look; exit code 1 if there is something
  redact --only private-key,jwt < in > out      look only for these
  redact --pii access.log                       personal data too

Exit codes:
  0  done (also when the reader of the output went away)
  1  --check found something
  2  an error; standard error says which, never with bytes of the input

Files:
  redact.toml of the working folder or the nearest above it, else ~/.config/redact/redact.toml;
  `redact config` shows what is in effect and where it comes from.

Signals:
  SIGHUP  a filter from standard input to standard output reads the files of --rules and --allow again

Environment:
  REDACT_MASK_KEY   the key of --mask pseudonym, if there is no --mask-key-file
  NO_COLOR          no colour, unless --color always
  XDG_CONFIG_HOME   instead of ~/.config";

/// Masks secrets in what passes through it
///
/// Reads standard input, or files, and writes the same bytes with every secret replaced by a mask such as
/// [REDACTED:github-token]. Lines leave as soon as they are complete; a prompt or progress bar without a newline leaves
/// after a short pause. What is no secret passes unchanged, text or not, and memory stays small for any input.
#[derive(Debug, Parser)]
#[command(name = "redact", version, after_long_help = EXAMPLES, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the settings in effect, and where each comes from
    ///
    /// Prints a complete redact.toml; a comment behind each value says whether it is the default or comes from the command
    /// line, the environment or a line of a configuration file. Takes the same flags as a run.
    Config(SettingArgs),
    /// List, show, test and check rules
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Print a completion script for a shell
    ///
    /// For example: redact completions bash > ~/.local/share/bash-completion/completions/redact
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man {
        /// Write the pages of all commands into this folder instead
        #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
        dir: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// List all rules: id, group, confidence, provider, and whether a run with these settings uses them
    List {
        /// Print a JSON array instead of a table
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        rules: RuleArgs,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Show everything about one rule
    ///
    /// Its examples are shown as the rule masks them.
    Show {
        /// The rule's id, as in `redact rules list`
        id: String,
        /// Your own rules, beside the built-in ones
        #[arg(long = "rules", value_name = "FILE", value_hint = ValueHint::FilePath)]
        rules: Option<Vec<PathBuf>>,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Test rules with their own examples
    ///
    /// Every example under `matches` must be found by its rule, none under `rejects` may be. Exit code 2 if a rule fails. For
    /// FILEs, also says what each rule costs on clean log text: how often it wakes the engine, and the time it takes alone.
    Test {
        /// Rule files; without any, the built-in rules
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
    },
    /// Print a rule file to start from, with comments
    ///
    /// For example: redact rules new acme-token > acme.toml
    New {
        /// The id of its rule
        #[arg(default_value = "acme-token")]
        id: String,
    },
    /// Read a value from standard input and print its line for --allow FILE
    ///
    /// A newline at its end does not count. For example: printf %s "$VALUE" | redact rules hash >> allow.txt
    Hash,
    /// Print the JSON Schema of rule files, for editors
    ///
    /// Save it, and name it in the first line of a rule file: #:schema ./redact-rules.schema.json
    Schema,
    /// Print docs/rules.md
    #[command(hide = true)]
    Docs,
    /// Explain which rules come near a text, and why each match is masked or left
    ///
    /// For each match of a rule's pattern: the rule, what became of it (accepted, merged into another finding, refused by
    /// which condition, not in use), and the spans in bytes. Values are shown as their length and mask only. Rules that the
    /// settings leave out are looked at too.
    Explain {
        /// The text, or `-` for standard input, which leaves no trace in the shell's history
        #[arg(value_name = "TEXT|-", allow_hyphen_values = true)]
        text: String,
        /// Show the values too, secret or not
        #[arg(long)]
        show: bool,
        #[command(flatten)]
        rules: RuleArgs,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Check rule files: errors, failing examples, and what a careful author would add
    ///
    /// Exit code 2 if there is an error; warnings alone leave it at 0.
    Lint {
        /// Rule files
        #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// Files to read, in order; `-` is standard input, which is also read if there are none
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,

    /// Write to FILE instead of standard output
    ///
    /// FILE appears, or is replaced, only once everything went well: a failed run leaves it as it was. For a stream without
    /// an end use the shell's `> FILE`. FILE may not be one of the inputs; that is --in-place.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    #[arg(help_heading = "Output", conflicts_with_all = ["in_place", "check"])]
    pub(crate) output: Option<PathBuf>,

    /// Redact the files where they are
    ///
    /// Each file is written anew beside the old one, flushed to disk, and takes its name in one step, with its mode and (as
    /// far as permitted) its owner; if anything fails the old one stays as it was. Files without findings are not touched.
    /// Symbolic links are followed. A file that changes meanwhile, such as a log in use, is left alone with an error.
    #[arg(short, long, help_heading = "Output", conflicts_with = "check")]
    pub(crate) in_place: bool,

    /// Change and print nothing; exit with 1 if something was found
    ///
    /// How many secrets were found in which file is said on standard error; --report says where.
    #[arg(long, help_heading = "Output")]
    pub(crate) check: bool,

    /// Write one JSON line per finding to FILE, never the secret
    ///
    /// {"file":"app.log","rule":"jwt","line":7,"offset":1234,"length":180}: offset and length are bytes of the original
    /// (with -z, of what is inside), line counts from 1, and file is left out if only standard input is read. Every line is
    /// written at once. `/dev/stderr` works.
    #[arg(long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    pub(crate) report: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) settings: SettingArgs,
}

/// Everything that a configuration file can say too.
#[derive(Debug, Args)]
pub(crate) struct SettingArgs {
    #[command(flatten)]
    pub(crate) rules: RuleArgs,

    /// What stands in place of a secret: label, fixed:TEXT, stars, partial:N, pseudonym
    ///
    /// label, the default: [REDACTED:github-token], says which rule.
    /// fixed:TEXT: always TEXT.
    /// stars: as many * as the secret has bytes.
    /// partial:N: **** and the last N characters, at most 8 and at most a quarter of the secret.
    /// pseudonym: [REDACTED:github-token:1f0c5e7a9b2d], the same for the same secret under one key.
    #[arg(long, value_name = "MASK", help_heading = "Mask", verbatim_doc_comment)]
    pub(crate) mask: Option<MaskChoice>,

    /// File with the key of --mask pseudonym, at least 16 bytes
    ///
    /// The environment variable REDACT_MASK_KEY holds it otherwise. There is no flag for the key itself: a command line is
    /// seen by every user of the machine and stays in the shell's history, and who has the key can test guesses of a secret
    /// against its pseudonym. Make one with: openssl rand -hex 32 > FILE; chmod 600 FILE. A newline at its end does not count.
    #[arg(long, value_name = "FILE", help_heading = "Mask", value_hint = ValueHint::FilePath)]
    pub(crate) mask_key_file: Option<PathBuf>,

    /// Colour masks: auto (on a terminal), always, never [default: auto]
    ///
    /// auto also respects the environment variable NO_COLOR. A file written by -o is coloured only with always, one redacted
    /// in place never.
    #[arg(long, value_name = "WHEN", help_heading = "Mask", hide_possible_values = true)]
    pub(crate) color: Option<ColorChoice>,

    /// Look inside gzip and zstd data, and write the same format
    ///
    /// Each input is recognised by its first bytes, not by its name; what is neither passes as it is.
    #[arg(short = 'z', long, overrides_with = "no_compressed", help_heading = "Input")]
    pub(crate) compressed: bool,

    #[arg(long, hide = true, overrides_with = "compressed")]
    pub(crate) no_compressed: bool,

    /// After this pause, write an incomplete line as far as it cannot be the start of a secret [default: 50]
    ///
    /// In milliseconds. So prompts (`Password: `), dots and progress bars appear although their line has no end yet. What may
    /// be the start of a secret waits for the rest.
    #[arg(long, value_name = "MS", help_heading = "Input")]
    pub(crate) flush_after: Option<u64>,

    /// How to search: auto, simd, hyperscan, regex [default: auto]
    ///
    /// All give the same output and differ in speed only. One that this build or machine does not have is replaced by regex,
    /// with a warning.
    #[arg(long, value_name = "ENGINE", help_heading = "Search", hide_possible_values = true)]
    pub(crate) engine: Option<EngineChoice>,

    /// Fail if the engine asked for is not there, instead of using another
    #[arg(long, overrides_with = "no_engine_strict", help_heading = "Search")]
    pub(crate) engine_strict: bool,

    #[arg(long, hide = true, overrides_with = "engine_strict")]
    pub(crate) no_engine_strict: bool,

    /// How many threads look at a file: auto, or a number [default: auto]
    ///
    /// The output is the same, in the same order. auto takes as many as cores are idle, at most 4, for files of 8 MiB and more,
    /// and one for anything else. Pipes and compressed data always have one.
    #[arg(long, value_name = "N", help_heading = "Search")]
    pub(crate) threads: Option<ThreadsChoice>,

    /// At the end, say on standard error: bytes, lines, findings by rule, speed, engine
    #[arg(long, overrides_with = "no_stats", help_heading = "Output")]
    pub(crate) stats: bool,

    #[arg(long, hide = true, overrides_with = "stats")]
    pub(crate) no_stats: bool,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Debug, Default, Args)]
pub(crate) struct RuleArgs {
    /// Your own rules, beside the built-in ones; can be given several times
    ///
    /// A TOML file in the form of the built-in rules. All its errors are reported before any input is read; check it with
    /// `redact rules lint FILE`.
    #[arg(long = "rules", value_name = "FILE", help_heading = "What to look for")]
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) rules: Option<Vec<PathBuf>>,

    /// Look only for these rules or groups; several by commas or repeated
    ///
    /// Ids and groups are those of `redact rules list`. Without this flag the group `secrets` is looked for; another group,
    /// such as one of your own rules, is switched on by naming it here.
    #[arg(long, value_name = "RULE|GROUP", value_delimiter = ',')]
    #[arg(help_heading = "What to look for")]
    pub(crate) only: Option<Vec<String>>,

    /// Look for personal data too: e-mail, phone, card, IBAN, ids, addresses, and users in home paths
    ///
    /// Switches on the groups `pii` and `paths`, beside what else is looked for. For one of them only: --pii --except paths.
    #[arg(long, overrides_with = "no_pii", help_heading = "What to look for")]
    pub(crate) pii: bool,

    #[arg(long, hide = true, overrides_with = "pii")]
    pub(crate) no_pii: bool,

    /// Do not look for these rules or groups
    #[arg(long, value_name = "RULE|GROUP", value_delimiter = ',')]
    #[arg(help_heading = "What to look for")]
    pub(crate) except: Option<Vec<String>>,

    /// Mask the values of these keys, whatever they are, in JSON and logfmt lines; several by commas or repeated
    ///
    /// `password`: at any depth; `user.token`: inside `user`; `*` is any part of a name, `**` any number of names;
    /// `/users/*/token`: a JSON pointer from the start of the document. Case does not count. Strings and numbers are masked,
    /// also all those inside an object or array; the rule is `key`.
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    #[arg(help_heading = "What to look for")]
    pub(crate) keys: Option<Vec<String>>,

    /// How often text in a coding is decoded to look inside; 0 not to [default: 1]
    ///
    /// Terminal escapes, JSON escapes such as \u0061, percent-encoding, base64 and hex. What is found is masked where it
    /// stands, a payload as a whole. 2 also finds what was encoded twice.
    #[arg(long, value_name = "N", help_heading = "What to look for")]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=4))]
    pub(crate) decode_depth: Option<u8>,

    /// Leave the values alone whose SHA-256 stands in FILE
    ///
    /// One hash in 64 hex digits per line; # starts a comment. `redact rules hash` reads a value and prints its line. A value is
    /// what the mask would replace. Who has FILE can test guesses, so list random values, not passwords.
    #[arg(long, value_name = "FILE", help_heading = "What to look for")]
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) allow: Option<PathBuf>,

    /// Least confidence of a finding: low, medium, high [default: medium]
    ///
    /// high: the form says what it is; medium: a context and a form; low: the form alone.
    #[arg(long, value_name = "LEVEL", help_heading = "What to look for")]
    #[arg(hide_possible_values = true)]
    pub(crate) confidence: Option<ConfidenceChoice>,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Read settings from FILE instead of looking for a redact.toml
    ///
    /// Names and values are those of the long flags, such as mask = "stars" or except = ["jwt"]; a flag wins over the file.
    /// Paths in it are relative to its folder. A file that is found without this flag must belong to you or to root
    /// and not be writable by all.
    #[arg(long, value_name = "FILE", help_heading = "Settings", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,

    /// Read no configuration file
    #[arg(long, help_heading = "Settings", conflicts_with = "config")]
    pub(crate) no_config: bool,
}

impl RuleArgs {
    pub(crate) fn pii(&self) -> Option<bool> {
        switch(self.pii, self.no_pii)
    }
}

impl SettingArgs {
    pub(crate) fn compressed(&self) -> Option<bool> {
        switch(self.compressed, self.no_compressed)
    }

    pub(crate) fn engine_strict(&self) -> Option<bool> {
        switch(self.engine_strict, self.no_engine_strict)
    }

    pub(crate) fn stats(&self) -> Option<bool> {
        switch(self.stats, self.no_stats)
    }
}

fn switch(on: bool, off: bool) -> Option<bool> {
    (on || off).then_some(on)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
