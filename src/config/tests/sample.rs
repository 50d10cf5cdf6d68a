//! The sample file.

use super::*;

#[test]
fn the_sample_file_works_as_it_says() {
    let folder = Folder::new();
    let config = folder.load(EXAMPLE).unwrap();
    assert_eq!(config.provider.id.as_str(), "hub.example");
    assert_eq!(config.provider.listen, Some("127.0.0.1:8443".parse().unwrap()));
    assert_eq!(config.provider.cert_file, folder.path("pki/hub.example/cert.pem"));
    assert_eq!(config.local.as_ref().unwrap().listen, LocalAddress::Tcp("127.0.0.1:8080".parse().unwrap()));
    assert_eq!(config.store.path, folder.path("data"));
    assert_eq!(config.peers[0].id.as_str(), "follower.example");
    assert_eq!(config.peers[0].url, "https://follower.example:8443");
    assert_eq!((&config.limits, &config.policy), (&Limits::default(), &Policy::default()));
    assert_eq!(config.check(now()), Ok(()));
    assert_eq!(config.export, None, "nothing is exported unless somebody wants it");
    assert_eq!(*config.local.unwrap().read_service_token().unwrap(), "0123456789abcdef");
}

#[test]
fn the_sample_file_shows_every_key_with_its_default() {
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting) if is_setting(setting) => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let config = Folder::new().load(&uncommented).unwrap();
    assert_eq!((&config.limits, &config.policy), (&Limits::default(), &Policy::default()));
    let public = config.public.unwrap();
    assert_eq!(
        (public.requests_per_second_and_relay, public.requests_per_second_of_others),
        (Public::EACH_RELAY, Public::OTHERS)
    );
    assert!(!public.x_wing);
    let export = config.export.unwrap();
    assert_eq!((export.interval, export.timeout), (Duration::from_secs(60), Duration::from_secs(10)));
    for (table, keys) in restante_process::config::keys_of::<Written>() {
        for key in keys {
            let line_start = format!("\n{key} = ");
            assert!(uncommented.contains(&line_start), "{table}.{key} is not in the sample file");
        }
    }
}

#[test]
fn every_key_has_a_row_in_the_specification() {
    let specification = include_str!("../../../specs/http.md");
    let (_, rows) = specification.split_once("\n| `provider.id` |").unwrap();
    let rows: Vec<_> = rows.lines().take_while(|line| line.starts_with('|') || line.starts_with(' ')).collect();
    for (table, keys) in restante_process::config::keys_of::<Written>() {
        for key in keys.iter().filter(|key| (table, **key) != ("provider", "id")) {
            let name = format!("`{table}.{key}`");
            let is_there = rows.iter().any(|row| row.split('|').nth(1).is_some_and(|cell| cell.contains(&name)));
            assert!(is_there, "{name} has no row in specs/http.md");
        }
    }
}

/// A table, or a key with a value.
fn is_setting(text: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    match text.split_once(" = ") {
        Some((key, _)) => is_name(key),
        None => text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(is_name),
    }
}
