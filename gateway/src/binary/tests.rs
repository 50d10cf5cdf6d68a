//! Messages of RFC 9292 and RFC 9458, the `bhttp` crate's, and everything that a careless decoder would take.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};

use super::{BinaryRequest, DoesNotFit, Malformed, Padded};

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex.replace([' ', '\n'], "")).unwrap()
}

fn decode(message: &[u8]) -> Result<BinaryRequest, Malformed> {
    BinaryRequest::decode(&Bytes::copy_from_slice(message))
}

fn refused(message: &[u8]) -> Malformed {
    decode(message).expect_err("this message must be refused")
}

fn integer(value: usize) -> Vec<u8> {
    match value {
        0..64 => vec![u8::try_from(value).unwrap()],
        _ => (u16::try_from(value).unwrap() | 0x4000).to_be_bytes().to_vec(),
    }
}

fn prefixed(bytes: &[u8]) -> Vec<u8> {
    [integer(bytes.len()), bytes.to_vec()].concat()
}

fn lines(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| [prefixed(name), prefixed(value)].concat()).collect()
}

/// A request of known length.
fn request(control: [&[u8]; 4], fields: &[(&[u8], &[u8])], content: &[u8]) -> Vec<u8> {
    [vec![0], control.map(prefixed).concat(), prefixed(&lines(fields)), prefixed(content), vec![0]].concat()
}

const CONTROL: [&[u8]; 4] = [b"POST", b"https", b"follower.example", b"/v1/key-package"];

fn with_fields(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    request(CONTROL, fields, b"body")
}

fn with_control(place: usize, value: &[u8]) -> Vec<u8> {
    let mut control = CONTROL;
    control[place] = value;
    request(control, &[], b"")
}

/// RFC 9292, §5.1, Figure 8 and Figure 9: `GET /hello.txt`, of known and of indeterminate length.
#[test]
fn the_requests_of_the_rfc_are_read() {
    let known = bytes(
        "00 03474554 056874747073 00 0a2f68656c6c6f2e747874 406c
         0a757365722d6167656e74 346375726c2f372e31362e33206c69626375726c2f372e31362e33204f70656e53534c2f302e392e376c207a6c69622f312e322e33
         04686f7374 0f7777772e6578616d706c652e636f6d
         0f6163636570742d6c616e6775616765 06656e2c206d69 00 00",
    );
    let indeterminate = bytes(
        "02 03474554 056874747073 00 0a2f68656c6c6f2e747874
         0a757365722d6167656e74 346375726c2f372e31362e33206c69626375726c2f372e31362e33204f70656e53534c2f302e392e376c207a6c69622f312e322e33
         04686f7374 0f7777772e6578616d706c652e636f6d
         0f6163636570742d6c616e6775616765 06656e2c206d69 00 00 00 00000000000000000000",
    );
    for message in [known, indeterminate] {
        let request = decode(&message).unwrap();
        assert_eq!(request.method, "GET");
        assert_eq!(request.scheme, "https");
        assert_eq!(request.authority, "www.example.com");
        assert_eq!(request.path, "/hello.txt");
        let fields: Vec<_> = request.fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(fields, [("accept-language", &b"en, mi"[..])], "Host has its place, User-Agent does not pass");
        assert!(request.content.is_empty());
    }
}

/// RFC 9458, Appendix A: everything after the control data may be left out.
#[test]
fn sections_at_the_end_may_be_left_out() {
    let mut message = bytes("00 03474554 056874747073 0b6578616d706c652e636f6d 012f");
    for framing in [0, 2] {
        message[0] = framing;
        let request = decode(&message).unwrap();
        assert_eq!(request.authority, "example.com");
        assert!(request.fields.is_empty() && request.content.is_empty());
    }
}

#[test]
fn content_comes_whole_in_both_forms() {
    let known = with_fields(&[(b"content-length", b"4"), (b"date", b"x")]);
    assert_eq!(decode(&known).unwrap().content, "body");
    let head = [vec![2], CONTROL.map(prefixed).concat(), lines(&[(b"date", b"x")]), vec![0]].concat();
    let chunked = [&head, &prefixed(b"bo")[..], &prefixed(b"dy"), &[0], &lines(&[(b"trailer", b"y")]), &[0, 0, 0]];
    let request = decode(&chunked.concat()).unwrap();
    assert_eq!(request.content, "body");
    assert_eq!(request.fields.len(), 1, "trailers are dropped");
}

#[test]
fn every_cut_but_those_between_sections_is_noticed() {
    let message = request(CONTROL, &[(b"date", b"x")], b"body");
    let control = 1 + CONTROL.map(prefixed).concat().len();
    let fields = control + prefixed(&lines(&[(b"date", b"x")])).len();
    let content = fields + 5;
    for length in 0..message.len() {
        let whole = [control, fields, content].contains(&length);
        assert_eq!(decode(&message[..length]).is_ok(), whole, "{length} of {} bytes", message.len());
    }
    let message =
        [vec![2], CONTROL.map(prefixed).concat(), lines(&[(b"date", b"x")]), vec![0, 4], b"body".to_vec(), vec![0, 0]];
    let message = message.concat();
    let allowed = [control, message.len() - 7, message.len() - 1];
    for length in 0..message.len() {
        assert_eq!(
            decode(&message[..length]).is_ok(),
            allowed.contains(&length),
            "{length} of {} bytes",
            message.len()
        );
    }
}

#[test]
fn padding_is_of_zeros() {
    let mut message = with_fields(&[]);
    message.extend_from_slice(&[0; 100]);
    assert!(decode(&message).is_ok());
    for place in message.len() - 100..message.len() {
        let mut altered = message.clone();
        altered[place] = 1;
        assert_eq!(refused(&altered), Malformed::Padding, "byte {place}");
    }
}

#[test]
fn only_requests_are_requests() {
    let mut message = with_fields(&[]);
    for framing in [1, 3, 4, 63] {
        message[0] = framing;
        assert_eq!(refused(&message), Malformed::Framing);
    }
}

#[test]
fn lengths_beyond_the_message_allocate_nothing() {
    for length in [&[0x3f][..], &[0x7f, 0xff], &[0xbf, 0xff, 0xff, 0xff], &[0xff; 8]] {
        assert_eq!(refused(&[&[0], length].concat()), Malformed::Truncated);
        assert_eq!(refused(&[&[2], &CONTROL.map(prefixed).concat()[..], length].concat()), Malformed::Truncated);
    }
}

#[test]
fn control_data_is_of_its_form() {
    for method in [&b""[..], b"PO ST", b"POST\r\n", b"PO\0ST", b"P\xc3\x96ST", b":method"] {
        assert_eq!(refused(&with_control(0, method)), Malformed::Control, "{method:?}");
    }
    for scheme in [&b""[..], b"1https", b"https:", b"ht tps", b"https\n"] {
        assert_eq!(refused(&with_control(1, scheme)), Malformed::Control, "{scheme:?}");
    }
    let authorities = [&b"a b"[..], b"a/b", b"user@host", b"a?b", b"a#b", b"a\\b", b"a\r\nb", b"a\0", b"\xff", b"a\tb"];
    for authority in authorities {
        assert_eq!(refused(&with_control(2, authority)), Malformed::Control, "{authority:?}");
    }
    for path in [&b""[..], b"v1", b"*", b"/a b", b"/a\r\nb", b"/a#b", b"/\0", b"/\xc3\xa4", b"https://a/"] {
        assert_eq!(refused(&with_control(3, path)), Malformed::Control, "{path:?}");
    }
}

#[test]
fn names_are_lower_case_tokens_and_never_pseudo_fields() {
    let names = [
        &b""[..],
        b":method",
        b":path",
        b":status",
        b":protocol",
        b"Date",
        b"da te",
        b"date\r\n",
        b"date\0",
        b"da:te",
        b"d\xc3\xa4te",
    ];
    for name in names {
        assert_eq!(refused(&with_fields(&[(name, b"x")])), Malformed::FieldName, "{name:?}");
        let trailer = [&with_fields(&[])[..], &[]].concat();
        let trailer = [&trailer[..trailer.len() - 1], &prefixed(&lines(&[(name, b"x")]))].concat();
        assert_eq!(refused(&trailer), Malformed::FieldName, "{name:?} as a trailer");
    }
}

#[test]
fn values_smuggle_nothing() {
    for value in [&b"a\r\nb: c"[..], b"a\nb", b"a\rb", b"a\0b", b" a", b"a ", b"\ta", b"a\t", b"\x7f", b"\x01"] {
        assert_eq!(refused(&with_fields(&[(b"x-a", value)])), Malformed::FieldValue, "{value:?}");
    }
    for value in [&b""[..], b"a b\tc", b"\xc3\xa4"] {
        assert!(decode(&with_fields(&[(b"x-a", value)])).is_ok(), "{value:?}");
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    for fields in [
        &[(&b"content-length"[..], &b"5"[..])][..],
        &[(b"content-length", b"4, 4")],
        &[(b"content-length", b"+4")],
        &[(b"content-length", b"")],
        &[(b"content-length", b"4"), (b"content-length", b"5")],
        &[(b"transfer-encoding", b"chunked")],
        &[(b"host", b"another.example")],
        &[(b"host", b"follower.example"), (b"host", b"follower.example")],
    ] {
        assert_eq!(refused(&with_fields(fields)), Malformed::Contradiction, "{fields:?}");
    }
    assert_eq!(decode(&with_fields(&[(b"host", b"Follower.Example")])).unwrap().authority, "follower.example");
    assert_eq!(refused(&with_control(2, b"")), Malformed::Control, "no host at all");
    let hosted = request([b"GET", b"https", b"", b"/"], &[(b"host", b"a.example")], b"");
    assert_eq!(decode(&hosted).unwrap().authority, "a.example");
}

#[test]
fn what_concerns_a_connection_or_a_client_does_not_pass() {
    let request = decode(&with_fields(&[
        (b"connection", b"x-listed, close"),
        (b"x-listed", b"1"),
        (b"keep-alive", b"1"),
        (b"proxy-connection", b"x-also"),
        (b"x-also", b"1"),
        (b"proxy-authorization", b"Bearer 1"),
        (b"proxy-authenticate", b"1"),
        (b"te", b"trailers"),
        (b"trailer", b"x"),
        (b"upgrade", b"h2c"),
        (b"cookie", b"id=1"),
        (b"user-agent", b"me/1"),
        (b"forwarded", b"for=192.0.2.1"),
        (b"via", b"1.1 proxy.example"),
        (b"x-forwarded-for", b"192.0.2.1"),
        (b"x-forwarded-for", b"192.0.2.2"),
        (b"x-forwarded-client-cert", b"Subject=\"CN=admin\""),
        (b"x-real-ip", b"192.0.2.1"),
        (b"x-client-ip", b"192.0.2.1"),
        (b"true-client-ip", b"192.0.2.1"),
        (b"cf-connecting-ip", b"192.0.2.1"),
        (b"content-length", b"4"),
        (b"host", b"follower.example"),
        (b"x-kept", b"1"),
    ]))
    .unwrap();
    assert_eq!(request.fields.keys().map(http::HeaderName::as_str).collect::<Vec<_>>(), ["x-kept"]);
}

#[test]
fn fields_are_bounded() {
    let fields = |count| vec![(&b"x-a"[..], &b"1"[..]); count];
    assert!(decode(&with_fields(&fields(64))).is_ok());
    assert_eq!(refused(&with_fields(&fields(65))), Malformed::TooManyFields);
}

#[test]
fn an_expectation_is_told() {
    assert!(!decode(&with_fields(&[])).unwrap().expects_continue);
    let request = decode(&with_fields(&[(b"expect", b"100-continue")])).unwrap();
    assert!(request.expects_continue && request.fields.is_empty());
}

#[test]
fn responses_are_read_by_others_and_have_the_size_of_their_class() {
    let mut response = Response::new(Bytes::from_static(&[7; 300]));
    *response.status_mut() = StatusCode::CREATED;
    for (name, value) in [("x-a", "1"), ("connection", "x-b"), ("x-b", "2"), ("content-length", "300")] {
        response.headers_mut().append(name, HeaderValue::from_static(value));
    }
    for class in [8192, 16384] {
        let padded = Padded::encode(response.clone(), class).unwrap();
        assert_eq!(padded.as_ref().len(), class);
        let read = bhttp::Message::read_bhttp(&mut std::io::Cursor::new(padded.as_ref())).unwrap();
        assert_eq!(read.control().status().unwrap().code(), 201);
        assert_eq!(read.content(), [7; 300]);
        let fields: Vec<_> = read.header().iter().map(|field| (field.name(), field.value())).collect();
        assert_eq!(fields, [(&b"x-a"[..], &b"1"[..])]);
        assert!(read.trailer().is_empty());
    }
}

#[test]
fn a_class_is_filled_to_the_last_byte_and_no_further() {
    // Framing, status, no fields, a length of two bytes.
    let overhead = 1 + 2 + 1 + 2;
    let response = |length| Response::new(Bytes::from(vec![0xff; length]));
    let padded = Padded::encode(response(8192 - overhead), 8192).unwrap();
    assert_eq!((padded.as_ref().len(), padded.as_ref()[8191]), (8192, 0xff));
    assert!(matches!(Padded::encode(response(8193 - overhead), 8192), Err(DoesNotFit)));
}

/// RFC 9458, Appendix A.
#[test]
fn a_bare_status_fits_everywhere() {
    assert_eq!(Padded::bare(StatusCode::OK, 0).as_ref(), bytes("0140c8"));
    assert_eq!(Padded::bare(StatusCode::OK, 10).as_ref(), bytes("0140c800000000000000"));
}

#[test]
fn nothing_of_a_message_is_in_debug_texts() {
    let request = decode(&with_fields(&[(b"authorization", b"Bearer secret")])).unwrap();
    assert_eq!(format!("{request:?}"), "BinaryRequest { .. }");
    assert_eq!(format!("{:?}", Padded::bare(StatusCode::OK, 10)), "Padded { bytes: 10 }");
}

prop_compose! {
    fn any_field()(
        name in "x-[a-z0-9-]{1,20}",
        value in "([!-~]([ -~]{0,40}[!-~])?)?",
    ) -> (String, String) {
        (name, value)
    }
}

proptest! {
    #![proptest_config(Config { rng_seed: RngSeed::Fixed(0x5eed), failure_persistence: None, ..Config::default() })]

    /// What `bhttp` writes, in either form and padded, is what is read.
    #[test]
    fn requests_of_others_are_read(
        fields in proptest::collection::vec(any_field(), 0..20),
        content in proptest::collection::vec(any::<u8>(), 0..2000),
        path in "/[a-z0-9/?=&-]{0,40}",
        known in any::<bool>(),
        padding in 0_usize..100,
    ) {
        let mut message = bhttp::Message::request(
            b"POST".to_vec(), b"https".to_vec(), b"follower.example".to_vec(), path.clone().into_bytes(),
        );
        for (name, value) in &fields {
            message.put_header(name.as_bytes(), value.as_bytes());
        }
        message.write_content(&content);
        let mode = if known { bhttp::Mode::KnownLength } else { bhttp::Mode::IndeterminateLength };
        let mut encoded = Vec::new();
        message.write_bhttp(mode, &mut encoded).unwrap();
        encoded.resize(encoded.len() + padding, 0);
        let request = decode(&encoded).unwrap();
        prop_assert_eq!(request.path, path);
        prop_assert_eq!(&request.content[..], &content[..]);
        prop_assert_eq!(request.fields.len(), fields.len());
        for (name, value) in &fields {
            prop_assert!(request.fields.get_all(name.as_str()).iter().any(|found| found.as_bytes() == value.as_bytes()));
        }
    }

    /// Arbitrary and altered bytes never panic; what is accepted, `bhttp` accepts as well.
    #[test]
    fn altered_messages_are_read_or_refused(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut message = with_fields(&[(b"date", b"Sat, 21 Nov 2026 05:00:00 GMT"), (b"host", b"follower.example")]);
        for (place, byte) in edits {
            let place = place.index(message.len());
            message[place] = byte;
        }
        message.truncate(cut.index(message.len()) + 1);
        if decode(&message).is_ok() {
            // `bhttp` lets sections at the end be left out (RFC 9292 §3.8) with known lengths only.
            if message[0] != 0 {
                message.extend_from_slice(&[0; 3]);
            }
            prop_assert!(bhttp::Message::read_bhttp(&mut std::io::Cursor::new(&message)).is_ok());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(message in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&message);
    }
}
