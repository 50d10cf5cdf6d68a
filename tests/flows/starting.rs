//! What keeps a process from starting is said in one line, and nothing is damaged by the attempt.

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    people::Person,
    process::{PROGRAM, Process, run},
    site::{FOLLOWER, HUB, Setting, Site},
    supervised,
};

/// Starts a provider with that provider's database, which it must not serve. Returns its status and what it says.
pub(crate) async fn refused(site: &Site, setting: &Setting, database_of: &str) -> (Option<i32>, String) {
    let file = site.configure(setting);
    let log = site.of("refused.log");
    let _ = fs::remove_file(&log);
    let path = format!("store.path={}", site.database(database_of).display());
    let arguments = ["serve", "--config", file.to_str().unwrap(), "--set", &path].map(OsStr::new);
    let mut process = Process::start(&arguments, &log);
    let code = process.ended().await.code();
    (code, process.logged())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_served_by_one_process_of_its_own_provider() {
    let site = Site::new(&[]).await;
    let mut hub = site.start(&Setting::new(HUB)).await;
    let group = hub.user("alice").found().await;
    hub.user("alice").say(&group, 0, "mine").await.unwrap();

    let (code, said) = refused(&site, &Setting::new(HUB), HUB).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("another process has the database open"), "{said}");
    hub.user("alice").say(&group, 0, "still mine").await.unwrap();

    hub.process.kill().await;
    let (code, said) = refused(&site, &Setting::new(FOLLOWER), HUB).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("belongs to provider hub.example, not to follower.example"), "{said}");

    let hub = site.start(&Setting::new(HUB)).await;
    assert_eq!(hub.user("alice").read_all(&group, 0).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_in_use_is_named() {
    let site = Site::new(&[]).await;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let mut process = site.spawn("", &Setting { local: address.to_string(), ..Setting::new(HUB) });
    assert_eq!(process.ended().await.code(), Some(1));
    let said = process.logged();
    assert!(said.contains("local.listen") && said.contains(&address.to_string()), "{said}");
    assert_eq!(said.matches("in use").count(), 1, "said once: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_configuration_is_told_before_anything_is_touched() {
    let site = Site::new(&[]).await;
    let setting = Setting { more: "[limits]\npage_bites = 5\n".to_owned(), ..Setting::new(HUB) };
    let mut process = site.spawn("", &setting);
    assert_eq!(process.ended().await.code(), Some(78));
    let said = process.logged();
    assert!(said.contains("page_bites") && said.contains("page_bytes"), "{said}");
    assert!(!site.database(HUB).exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_is_asked_for_needs_its_local_listener() {
    let site = Site::new(&[]).await;
    let file = site.configure(&Setting::new(HUB));
    let written = fs::read_to_string(&file).unwrap();
    let (before, local) = written.split_once("[local]").unwrap();
    let (_, after) = local.split_once("[store]").unwrap();
    fs::write(&file, format!("{before}[store]{after}")).unwrap();
    for words in [["forks", "list"], ["bans", "list"], ["reports", "list"], ["retention", "status"]] {
        let output = run(&[words[0], words[1], "--config", file.to_str().unwrap()]).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{stderr}");
        assert!(stderr.contains("through [local], which this configuration does not have"), "{stderr}");
    }
}

/// As in `restante … | head`.
#[test]
fn whoever_stops_reading_is_told_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(PROGRAM);
    let output = command.args(["config", "example"]).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(1), ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_manager_is_told_of_each_step() {
    let site = Site::new(&[]).await;
    supervised::lives(PROGRAM.as_ref(), &site.configure(&Setting::new(HUB))).await;
}

/// What the package brings to /etc/restante, with folders of this test in the place of the machine's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configurations_of_the_package_are_fine() {
    let site = Site::new(&["relay.hub.example", "gateway.example"]).await;
    for (role, program, id, text) in [
        ("hub", "restante", HUB, include_str!("../../packaging/etc/hub.toml")),
        ("relay", "restante-relay", "relay.hub.example", include_str!("../../packaging/etc/relay.toml")),
        ("gateway", "restante-gateway", "gateway.example", include_str!("../../packaging/etc/gateway.toml")),
    ] {
        let (etc, state) = (site.of("etc"), site.of(program));
        fs::create_dir_all(etc.join(role)).unwrap();
        fs::create_dir(&state).unwrap();
        for name in ["cert.pem", "key.pem"] {
            fs::copy(site.of("pki").join(id).join(name), etc.join(role).join(name)).unwrap();
        }
        fs::copy(site.pki.authority(), etc.join(role).join("ca.pem")).unwrap();
        for secret in [etc.join(role).join("service-token"), state.join("tokens")] {
            let text = if secret.ends_with("tokens") { "" } else { "sixteen-bytes-and-more" };
            fs::write(&secret, text).unwrap();
            fs::set_permissions(&secret, fs::Permissions::from_mode(0o640)).unwrap();
        }
        let here = text
            .replace(&format!("\"/var/lib/{program}/"), &format!("\"{}/", state.display()))
            .replace("/etc/ssl/certs/ca-certificates.crt", site.pki.authority().to_str().unwrap());
        assert!(here.contains(state.to_str().unwrap()), "it keeps what it keeps in its own folder");
        let file = etc.join(role).with_extension("toml");
        fs::write(&file, here).unwrap();
        let program = Path::new(PROGRAM).with_file_name(program);
        let output = Command::new(&program).args(["config", "check", "--config"]).arg(file).output().unwrap();
        assert!(output.status.success(), "{role}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
