//! `restante fetch-key-packages`: the oblivious client for people and scripts.
//!
//! # Privacy
//! Standard output holds what was asked for, and for whom. Errors hold neither ids nor tokens.

mod bearer_tokens;
mod output;
mod seen_logs;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context, anyhow};
use clap::{CommandFactory, error::ErrorKind};
use restante::{
    client::{
        http::{ChannelError, Limits},
        oblivious::{
            CertificateFault, FetchError, Kems, KeyLogCheck, KeyLogMark, KeyLogReport, KeyPackageFetcher, Relay,
            RelayToken, Surroundings, TrustRoots,
        },
    },
    mls::{CipherSuite, ProtocolVersion},
    service::{Entropy, SystemEntropy},
    wire::{KeyPackageRequest, ServiceProviderId},
};
use restante_process::{
    Exit, block_on,
    config::{read, read_token},
    console::{complain, say},
};

use self::{
    output::Output,
    seen_logs::{SeenEnd, SeenLogs},
};
use crate::{
    cli::{Arguments, FetchKeyPackages},
    date::imf_fixdate,
};

/// Fetches and prints.
pub(crate) fn run(options: &FetchKeyPackages, now: fn() -> SystemTime) -> anyhow::Result<Exit> {
    if !options.token.is_empty() {
        complain(
            "restante: warning: every user of this machine can see the tokens in the arguments of a process; use \
             --token-file",
        );
    }
    let requests = requests(options)?;
    let output = Output::new(options.output.clone(), options.json)?;
    let seen = options.key_log_file.as_deref().map(SeenLogs::open).transpose()?;
    let seen = seen.map(|seen| seen.of(&options.relay)).unwrap_or_default();
    let before = seen.get(&options.provider).copied();
    let fetcher = fetcher(options, seen, now)?;
    let fetched = block_on(fetcher.fetch(&options.provider, requests)).context("no runtime")?;
    // Before anything is said: whoever reads may go away, and what was handed out is handed out once.
    let placed = fetched.as_ref().map(|results| output.place(results)).unwrap_or_default();
    let mut exit = if placed.is_misplaced { Exit::Failed } else { Exit::Done };
    let report = fetcher.key_log(&options.provider);
    if let (Some(file), Some(report)) = (&options.key_log_file, &report) {
        let end = SeenEnd { relay: &options.relay, provider: &options.provider, before, now: report.mark };
        if let Err(error) = seen_logs::remember(file, &end) {
            // What was fetched is not lost for a file.
            complain(&format!("restante: warning: {error:#}"));
            exit = Exit::Failed;
        }
    }
    let fetched = fetched.map_err(|error| explain(error, options))?;
    if let Some(report) = report.filter(|_| !options.json) {
        complain(&describe(&report));
    }
    let width = options.user.iter().map(|user| output::name(user).chars().count()).max().unwrap_or_default();
    for ((user, result), files) in options.user.iter().zip(&fetched).zip(&placed.files) {
        if result.key_packages.is_empty() {
            exit = Exit::Failed;
        }
        output.tell(user, result, files, width).iter().try_for_each(|line| say(line))?;
    }
    Ok(exit)
}

/// Says who cannot be reached or is not believed, and what to do: the library names nobody.
///
/// # Privacy
/// Of what was asked it names the relay's place and the provider, as they stand on the command line.
fn explain(error: FetchError, options: &FetchKeyPackages) -> anyhow::Error {
    let relay = options.relay_address.map_or_else(|| options.relay.authority().to_owned(), |there| there.to_string());
    let advice = match (&error, options.ca.is_empty()) {
        (FetchError::Relay(ChannelError::Connect), _) => {
            format!("nobody answers at {relay}; see whether the relay is there, as --relay or --relay-address says")
        }
        (FetchError::Relay(ChannelError::Tls), true) => format!(
            "{relay} has shown no certificate for {} of an authority that this system believes; if its authority is \
             another one, and you know that, name it with --ca FILE",
            options.relay.authority()
        ),
        (FetchError::Relay(ChannelError::Tls), false) => format!(
            "{relay} has shown no certificate for {} of an authority in the files of --ca, which are believed instead \
             of the system's",
            options.relay.authority()
        ),
        (FetchError::NotTheGateway(CertificateFault::Authority), true) => format!(
            "if you know that the certificate of {} comes from an authority that this system does not believe, name \
             that with --ca FILE",
            options.provider
        ),
        (FetchError::NotTheGateway(CertificateFault::Authority), false) => format!(
            "the files of --ca are believed instead of the system's authorities, for the relay and for {} alike: if \
             you know which one the provider's certificate comes from, name that as well",
            options.provider
        ),
        _ => return error.into(),
    };
    anyhow::Error::from(error).context(advice)
}

fn fetcher(
    options: &FetchKeyPackages,
    seen: HashMap<ServiceProviderId, KeyLogMark>,
    now: fn() -> SystemTime,
) -> anyhow::Result<KeyPackageFetcher> {
    let relay = Relay {
        url: options.relay.clone(),
        address: options.relay_address,
        token: relay_token(&options.relay_token_file)?,
        operators: options.relay_operator.clone(),
    };
    let roots = trust_roots(&options.ca)?;
    let kems = if options.classical { Kems::Classical } else { Kems::WithHybrid };
    let surroundings = Surroundings { now: Arc::new(now), random: Arc::new(random) };
    let fetcher = KeyPackageFetcher::new(relay, &roots, kems, surroundings, Limits::default());
    if options.no_key_log {
        return Ok(fetcher);
    }
    let change_min = Duration::from_secs(u64::from(options.key_change_min_hours) * 60 * 60);
    Ok(fetcher.with_key_log(KeyLogCheck { change_min, seen }))
}

/// A request for each user, with the token at the same place.
fn requests(options: &FetchKeyPackages) -> anyhow::Result<Vec<KeyPackageRequest>> {
    let tokens = match &options.token_file {
        Some(file) => bearer_tokens::from_file(file)?,
        None => options.token.clone(),
    };
    let (users, given) = (options.user.len(), tokens.len());
    if users != given {
        misused(&format!("{users} users need as many tokens, in the same order; {given} were given"));
    }
    if users > restante::wire::KeyPackageRequests::MAX {
        misused("at most 32 users can be asked for at once");
    }
    let requests = options.user.iter().zip(&tokens).enumerate().map(|(place, (user, token))| {
        let Some(token) = token.decode() else {
            misused(&format!("token {} is not base64 of 1 to 1024 bytes", place + 1));
        };
        KeyPackageRequest {
            user_id: user.id.clone(),
            // Wiped with the request.
            bearer_token: token.to_vec(),
            version: ProtocolVersion::MLS10,
            cipher_suite: CipherSuite(options.suite),
        }
    });
    Ok(requests.collect())
}

/// Ends the process like any other wrong usage, with 2.
fn misused(message: &str) -> ! {
    let mut program = Arguments::command();
    // Built, it knows its whole name, which its usage begins with.
    program.build();
    let command = program.find_subcommand_mut("fetch-key-packages").expect("this is the command that runs");
    command.error(ErrorKind::ValueValidation, message).exit()
}

fn relay_token(file: &Path) -> anyhow::Result<RelayToken> {
    let token = read_token(file).map_err(|sentence| anyhow!(sentence))?;
    RelayToken::new(&token).context("the relay token is no word that a header can carry")
}

/// The authorities of all these files, or the system's if there are none.
fn trust_roots(files: &[PathBuf]) -> anyhow::Result<TrustRoots> {
    if files.is_empty() {
        return Ok(TrustRoots::system()?);
    }
    let mut pem = Vec::new();
    for file in files {
        let text = read(file).map_err(|sentence| anyhow!(sentence))?;
        // Each by itself, to know which of them it is.
        TrustRoots::from_pem(&text).with_context(|| file.display().to_string())?;
        pem.extend(text);
        pem.push(b'\n');
    }
    Ok(TrustRoots::from_pem(&pem)?)
}

/// For pauses. Without the system's generator TLS does not get as far as to need one.
fn random() -> u64 {
    let mut bytes = [0; 8];
    match SystemEntropy.fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => 0,
    }
}

/// What the relay's log said, for people.
fn describe(report: &KeyLogReport) -> String {
    let since = imf_fixdate(report.since_ms);
    let continued =
        if report.is_continued { "which goes on from where it was seen last" } else { "which was not seen before" };
    let refused = match report.refused {
        0 => String::new(),
        number => format!("; {number} lists that the provider showed there too soon were refused"),
    };
    let too_fast = match report.too_fast {
        0 => String::new(),
        number => format!("; {number} lists came too soon after others, and were served"),
    };
    format!(
        "key list: the provider's and the relay's are the same, number {} in the relay's log since {since}, \
         {continued}{refused}{too_fast}",
        report.lists
    )
}
