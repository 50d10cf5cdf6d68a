//! The problem document of everything that can be refused or go wrong.

use axum::response::IntoResponse;
use http_body_util::BodyExt;

use super::{Answer, assert_private};
use crate::{
    client::ProblemCode,
    http::Problem,
    mls::{NotAnExternalCommit, NotAnExternalProposal},
    sequencer::{Fact, Rejection, SizeLimit},
    service::Error,
    store,
};

async fn document(error: Error) -> (Answer, serde_json::Value) {
    let (head, body) = Problem::from(error).into_response().into_parts();
    let answer = Answer { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() };
    answer.check_problem();
    let document = serde_json::from_slice(&answer.body).unwrap();
    (answer, document)
}

/// Each rejection and its code. A new one does not compile until it stands here.
fn code_of(rejection: Rejection) -> ProblemCode {
    match rejection {
        Rejection::UnknownGroup => ProblemCode::UnknownGroup,
        Rejection::GroupDeleted => ProblemCode::GroupDeleted,
        Rejection::GroupExists => ProblemCode::GroupExists,
        Rejection::GroupIdNotReserved => ProblemCode::GroupIdNotReserved,
        Rejection::PartitionFull => ProblemCode::PartitionFull,
        Rejection::BranchTerminated => ProblemCode::BranchTerminated,
        Rejection::CommitConflict => ProblemCode::CommitConflict,
        Rejection::RatchetTreeRequired => ProblemCode::RatchetTreeRequired,
        Rejection::GroupInfoMismatch => ProblemCode::GroupInfoMismatch,
        Rejection::WelcomeProviderMismatch => ProblemCode::WelcomeProviderMismatch,
        Rejection::UnknownProvider => ProblemCode::UnknownProvider,
        Rejection::WelcomeRefused => ProblemCode::WelcomeRefused,
        Rejection::NotAnExternalCommit(_) | Rejection::WelcomeInJoin | Rejection::NotAnExternalProposal(_) => {
            ProblemCode::Malformed
        }
        Rejection::Denied(_) | Rejection::InvalidSignature => ProblemCode::PolicyDenied,
        Rejection::UnsupportedSuite => ProblemCode::UnsupportedSuite,
        Rejection::StaleJoin => ProblemCode::StaleJoin,
        Rejection::NoGroupInfo => ProblemCode::NoGroupInfo,
        Rejection::TooLarge(_) => ProblemCode::TooLarge,
        Rejection::RateLimited { .. } => ProblemCode::RateLimited,
    }
}

const REJECTIONS: [Rejection; 35] = [
    Rejection::Denied(Fact::BannedUser),
    Rejection::Denied(Fact::MutedUser),
    Rejection::Denied(Fact::BlockedProvider),
    Rejection::Denied(Fact::BannedCommitter),
    Rejection::Denied(Fact::BannedMember),
    Rejection::Denied(Fact::TooManyMembers),
    Rejection::UnsupportedSuite,
    Rejection::UnknownGroup,
    Rejection::GroupDeleted,
    Rejection::GroupExists,
    Rejection::GroupIdNotReserved,
    Rejection::PartitionFull,
    Rejection::BranchTerminated,
    Rejection::CommitConflict,
    Rejection::RatchetTreeRequired,
    Rejection::GroupInfoMismatch,
    Rejection::WelcomeProviderMismatch,
    Rejection::UnknownProvider,
    Rejection::WelcomeRefused,
    Rejection::NotAnExternalCommit(NotAnExternalCommit::Sender),
    Rejection::NotAnExternalCommit(NotAnExternalCommit::Path),
    Rejection::NotAnExternalCommit(NotAnExternalCommit::ExternalInit),
    Rejection::NotAnExternalCommit(NotAnExternalCommit::Removes),
    Rejection::NotAnExternalCommit(NotAnExternalCommit::Proposal),
    Rejection::WelcomeInJoin,
    Rejection::NotAnExternalProposal(NotAnExternalProposal::Sender),
    Rejection::NotAnExternalProposal(NotAnExternalProposal::Proposal),
    Rejection::InvalidSignature,
    Rejection::StaleJoin,
    Rejection::NoGroupInfo,
    Rejection::TooLarge(SizeLimit::Application(111_111)),
    Rejection::TooLarge(SizeLimit::Handshake(222_222)),
    Rejection::TooLarge(SizeLimit::Welcome(333_333)),
    Rejection::TooLarge(SizeLimit::GroupInfo(444_444)),
    Rejection::RateLimited { retry_after_seconds: 77 },
];

#[tokio::test]
async fn every_rejection_has_a_document_of_its_own() {
    let mut details = std::collections::HashSet::new();
    for rejection in REJECTIONS {
        let (answer, document) = document(Error::Rejected(rejection)).await;
        answer.assert_problem(code_of(rejection));
        let detail = document["detail"].as_str().unwrap().to_owned();
        match rejection {
            Rejection::TooLarge(
                SizeLimit::Application(bytes)
                | SizeLimit::Handshake(bytes)
                | SizeLimit::Welcome(bytes)
                | SizeLimit::GroupInfo(bytes),
            ) => assert!(detail.contains(&bytes.to_string()), "{detail}"),
            Rejection::RateLimited { .. } => assert_eq!(answer.header("retry-after"), Some("77")),
            _ => assert!(detail.len() > 20, "{detail}"),
        }
        assert!(details.insert(detail));
    }
}

/// What failed on our side is in our log, not in the answer.
#[tokio::test]
async fn our_own_failures_are_unavailable_and_say_nothing_more() {
    let io = store::Error::Io("While appending to file: /var/lib/secret/000012.log".to_owned());
    let other = store::Error::OtherProvider { found: "hub.example".to_owned(), expected: "b.example".to_owned() };
    let mut documents = std::collections::HashSet::new();
    for error in [
        Error::Store(io),
        Error::Store(store::Error::Corrupt("message")),
        Error::Store(store::Error::FormatVersion { found: 2, expected: 1 }),
        Error::Store(other),
        Error::Store(store::Error::InUse),
        Error::Store(store::Error::BackupsInUse),
        Error::Store(store::Error::Poisoned),
        Error::Store(store::Error::Conflict),
        Error::Overloaded,
        Error::ShuttingDown,
        Error::NoEntropy,
        Error::NoThread,
    ] {
        let (answer, document) = document(error).await;
        answer.assert_problem(ProblemCode::Unavailable);
        assert!(!document.to_string().contains("secret") && !document.to_string().contains("corrupt"));
        documents.insert(document.to_string());
    }
    assert_eq!(documents.len(), 1, "they cannot be told apart from outside");
    let (answer, _) = document(Error::TooManyWaiting).await;
    answer.assert_problem(ProblemCode::RateLimited);
}

#[tokio::test]
async fn everything_that_can_be_malformed_has_a_sentence() {
    use crate::{mls::Fault, wire::DecodeError};
    let faults = (0..=u8::MAX).filter_map(Fault::from_code).map(DecodeError::Fault);
    let others = [
        DecodeError::Truncated,
        DecodeError::NonMinimalLength,
        DecodeError::InvalidLength,
        DecodeError::InvalidPresence,
        DecodeError::TrailingBytes,
        DecodeError::InvalidValue,
    ];
    let mut details = std::collections::HashSet::new();
    for error in faults.chain(others) {
        let (head, body) = Problem::malformed(error).into_response().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let answer = Answer { status: head.status, headers: head.headers, body };
        answer.check_problem();
        let document = answer.assert_problem(ProblemCode::Malformed);
        assert!(details.insert(document["detail"].to_string()), "{error:?} says what another says");
        assert_private(&document.to_string());
    }
    assert!(details.len() > 12);
}
