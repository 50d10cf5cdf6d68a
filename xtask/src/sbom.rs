//! `cargo xtask sbom`: what is linked into each program, as CycloneDX documents for whoever ships or audits them.
//!
//! cargo-cyclonedx reads what cargo has resolved; this module says for which programs, and keeps what it writes out of
//! the source tree and free of this machine's folders. The same commit gives the same bytes.

use std::fs;
use std::path::Path;

use crate::cargo::Cargo;
use crate::deb::commit_seconds;
use crate::failure::Failure;

/// Each program's name, and the folder of its package, beside whose manifest cargo-cyclonedx leaves its document.
const PROGRAMS: [(&str, &str); 3] = [("restante", ""), ("restante-relay", "relay"), ("restante-gateway", "gateway")];

/// What each program links of C and C++, and everybody asks for first: a document without one of them says too little.
const LINKED: [(&str, &str); 4] = [
    ("restante", "librocksdb-sys"),
    ("restante", "aws-lc-sys"),
    ("restante-relay", "aws-lc-sys"),
    ("restante-gateway", "aws-lc-sys"),
];

/// Every package of the workspace gets a document; those of tools are taken away again.
const TOOLS: [(&str, &str); 1] = [("xtask", "xtask")];

/// Writes `target/sbom/PROGRAM.cdx.json` for each program: the packages that are linked into it on this platform, with
/// versions, licences and checksums, without those that only tests or build scripts use.
///
/// # Errors
///
/// When cargo-cyclonedx is not installed, or fails, or has left something out, or a file cannot be written.
pub(crate) fn run(cargo: &mut Cargo, arguments: &[String]) -> Result<(), Failure> {
    if let Some(unknown) = arguments.first() {
        return Err(Failure::usage(format!("sbom takes no arguments, not `{unknown}`")));
    }
    if !cargo.has_subcommand("cyclonedx") {
        return Err(Failure::new("cargo-cyclonedx is not installed: cargo install --locked cargo-cyclonedx"));
    }
    let folder = cargo.target_dir().join("sbom");
    fs::create_dir_all(&folder)
        .map_err(|error| Failure::new(format!("cannot create {}: {error}", folder.display())))?;
    let described = describe(cargo);
    // Also after a failure: a document that stays would be committed by the next `git add`.
    let documents = take(cargo.root());
    described?;
    for (name, text) in documents {
        let Some(text) = text else {
            return Err(Failure::new(format!("cargo-cyclonedx has written nothing about {name}")));
        };
        if let Some(missing) = left_out(name, &text) {
            return Err(Failure::new(format!(
                "the document about {name} does not name {missing}, which is linked into it"
            )));
        }
        let path = folder.join(format!("{name}.cdx.json"));
        fs::write(&path, without_folders(&text, cargo.root()))
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
        eprintln!("sbom: {}", path.display());
    }
    Ok(())
}

fn describe(cargo: &Cargo) -> Result<(), Failure> {
    // Without it each run would write another serial number.
    let time = commit_seconds(cargo.root());
    let variables: Vec<(&str, &str)> = time.iter().map(|time| ("SOURCE_DATE_EPOCH", time.as_str())).collect();
    let call =
        ["cyclonedx", "--format", "json", "--spec-version", "1.5", "--describe", "binaries", "--no-build-deps", "-q"];
    cargo.run_with(&call, &variables)
}

/// The programs' documents, `None` where there is none. All are removed from the source tree.
fn take(root: &Path) -> Vec<(&'static str, Option<String>)> {
    let at = |(name, folder): (&str, &str)| root.join(folder).join(format!("{name}_bin.cdx.json"));
    for tool in TOOLS {
        // Nothing is there if it has failed before.
        let _ = fs::remove_file(at(tool));
    }
    PROGRAMS
        .into_iter()
        .map(|program| {
            let text = fs::read_to_string(at(program)).ok();
            let _ = fs::remove_file(at(program));
            (program.0, text)
        })
        .collect()
}

/// What the program links and its document does not name.
fn left_out(program: &str, text: &str) -> Option<&'static str> {
    let mut linked = LINKED.into_iter().filter(|(known, _)| *known == program).map(|(_, library)| library);
    linked.find(|library| !text.contains(&format!("\"{library}\"")))
}

/// Packages of this repository are named by their folders: seen from the repository, the same on every machine.
fn without_folders(text: &str, root: &Path) -> String {
    text.replace(&format!("file://{}", root.display()), "file://.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_told_as_seen_from_the_repository() {
        let text = r#""path+file:///srv/restante/relay#restante-relay@0.1.0""#;
        let root = Path::new("/srv/restante");
        assert_eq!(without_folders(text, root), r#""path+file://./relay#restante-relay@0.1.0""#);
    }

    #[test]
    fn a_document_names_what_is_linked() {
        let text = r#"{"components":[{"name":"aws-lc-sys"},{"name":"librocksdb-sys-like"}]}"#;
        assert_eq!(left_out("restante", text), Some("librocksdb-sys"));
        assert_eq!(left_out("restante-relay", text), None);
        for (program, _) in PROGRAMS {
            assert!(left_out(program, "{}").is_some(), "{program} links something");
        }
    }

    #[test]
    fn every_program_has_its_package() {
        let root = Cargo::here().unwrap().root().to_owned();
        for (name, folder) in PROGRAMS.into_iter().chain(TOOLS) {
            let manifest = fs::read_to_string(root.join(folder).join("Cargo.toml")).unwrap();
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        }
    }
}
