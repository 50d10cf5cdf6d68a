//! Tests of the drafts' structures that need no mls-rs: bytes with a comment for each field, every length at which an
//! encoding can be cut, damaged encodings, generated values. The published vectors have a test of their own
//! (`tests/vectors/`); here they are what is cut and damaged.

mod annotated;
mod debug;
mod limits;
mod mutation;
mod prop;
mod truncation;

use std::fs;

use mls_rs_codec::{MlsDecode, MlsEncode};

use super::*;
use crate::mls::{WireGroupInfo, WireKeyPackage, WireMessage, WireRatchetTree, WireWelcome};

/// A well-formed encoding out of `specs/vectors/`.
struct Fixture {
    file: String,
    structure: String,
    name: String,
    bytes: Vec<u8>,
}

impl Fixture {
    /// Whether its bytes say where it ends: one byte more or less is noticed.
    fn is_delimited(&self) -> bool {
        match self.structure.as_str() {
            "GroupMessage" => decode::<WireMessage>(&self.bytes).unwrap().is_delimited(),
            "SendRequest" => decode::<SendRequest>(&self.bytes).unwrap().message.is_delimited(),
            _ => true,
        }
    }

    fn title(&self) -> String {
        format!("{} {} {}", self.file, self.structure, self.name)
    }
}

fn fixtures() -> Vec<Fixture> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/specs/vectors");
    let mut fixtures = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let file: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for vector in file["vectors"].as_array().unwrap().iter().filter(|vector| vector.get("fields").is_some()) {
            let text = |key: &str| vector[key].as_str().unwrap().to_owned();
            fixtures.push(Fixture {
                file: path.file_name().unwrap().to_str().unwrap().to_owned(),
                structure: text("structure"),
                name: text("name"),
                bytes: hex::decode(text("hex")).unwrap(),
            });
        }
    }
    assert!(fixtures.len() > 150, "only {} fixtures", fixtures.len());
    fixtures.sort_by_key(Fixture::title);
    fixtures
}

/// What a test does with a decoded value, whichever structure it is.
trait Check {
    fn check<T: MlsDecode + MlsEncode + PartialEq + std::fmt::Debug>(&mut self, decoded: Result<T, DecodeError>);
}

/// Decodes `bytes` as the structure of that name and hands the outcome to `check`.
fn with_structure(structure: &str, bytes: &[u8], check: &mut impl Check) {
    macro_rules! table {
        ($($name:literal => $type:ty,)* ; $($same:ident)*) => {
            match structure {
                $($name => check.check(decode::<$type>(bytes)),)*
                $(stringify!($same) => check.check(decode::<$same>(bytes)),)*
                other => panic!("no structure {other}"),
            }
        };
    }
    table! {
        "GroupMessage" => WireMessage,
        "Welcome" => WireWelcome,
        "GroupInfo" => WireGroupInfo,
        "KeyPackage" => WireKeyPackage,
        "RatchetTree" => WireRatchetTree,
        ;
        BanList BanSalt BanTag Banned BannedUser BansRequest BansResponse ReportReason ReportRequest Sanction
        BearerToken BearerTokenInput BearerTokenKind ClientId CommitData DeleteKeyPackagesRequest KeyPackageStanding
        KeyPackageStock ListTokensResponse MintTokenRequest MintTokenResponse RevokeTokenRequest RevokeTokenResponse
        TokenHandle TokenUse UploadKeyPackagesRequest CreateGroupRequest CreateGroupResponse DeleteGroupRequest Epoch
        ExternalJoinRequest ExternalProposalRequest ExternalProposalResponse GroupInfoRequest GroupInfoResponse
        HintedEpoch Identity InboxAckRequest InboxEntry InboxOutcome InboxRequest InboxResponse JoinTokenRequest JoinTokenResponse KeyPackageRef KeyPackageRequest KeyPackageRequests
        KeyPackageResponse KeyPackageResult KeyPackageResults KeyPackageStatus LiteralReceiveRequest
        MaskedPartitionKey Message MessageCommit MintGroupIdResponse PartitionKey PartitionKeyContext PushRequest
        PushResponse SubscribeResponse LeaveGroupRequest ReceiveRequest ReceiveResponse SendRequest SendResponse ServiceProviderId SubscribeRequest
        WelcomeData WelcomeDecision WelcomeInitRequest WelcomeInitResponse WelcomePush
    }
}

/// The outcome of decoding, without the value: its encoding, or the error.
#[derive(Default)]
struct Recoded(Option<Result<Vec<u8>, DecodeError>>);

impl Check for Recoded {
    fn check<T: MlsDecode + MlsEncode + PartialEq + std::fmt::Debug>(&mut self, decoded: Result<T, DecodeError>) {
        self.0 = Some(decoded.map(|value| encode(&value).unwrap()));
    }
}

fn recode(structure: &str, bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut recoded = Recoded::default();
    with_structure(structure, bytes, &mut recoded);
    recoded.0.unwrap()
}
