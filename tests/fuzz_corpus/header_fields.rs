//! Header fields as clients send them, and a little off.

use super::corpus::Corpus;

pub(crate) fn add(corpus: &mut Corpus) {
    for (name, value) in [
        ("expect_none", "none"),
        ("expect_first", "0"),
        ("expect_some", "4711"),
        ("expect_last", "4294967295"),
        ("expect_too_much", "4294967296"),
        ("expect_with_a_zero", "01"),
        ("wait", "wait=30"),
        ("wait_in_quotes", "respond-async, Wait = \"7\"; x=1, wait=9"),
        ("wait_for_a_word", "wait=soon"),
        ("wait_without_a_number", "wait"),
        ("bytes", ":YWxpY2U=:"),
        ("bytes_of_no_length", "::"),
        ("bytes_without_padding", ":YWxpY2U:"),
        ("bytes_of_a_token", ":Xl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl4=:"),
    ] {
        corpus.add("header_fields", name, value.as_bytes().to_vec());
    }
}
