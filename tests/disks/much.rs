//! Long messages with a number at their head, and which of them there are.

use restante::{client::http::CallError, wire::Message};

use crate::{
    fixtures::{mls, requests},
    people::{Person, key},
    site::User,
};

/// Longer than a page and a sector, so that one write of the database is several of the disk.
const FILLING: usize = 40_000;
/// Of the number.
const DIGITS: usize = 8;

/// What is said: the number, and much behind it.
pub(crate) fn text(number: u32) -> String {
    format!("{number:08}{}", "x".repeat(FILLING))
}

/// Says something long in the partition of that number; gives its index.
pub(crate) async fn say(user: &User, group: &[u8], partition: u8, number: u32) -> Result<u32, CallError> {
    let message = mls::application(group, partition.into(), text(number).as_bytes());
    let request = requests::send(&message, key(partition));
    user.send_encoded(request.into(), None).await.map(|receipt| receipt.index)
}

/// The numbers of what is in a partition where everything is long, in order, page by page.
pub(crate) async fn numbers(user: &User, group: &[u8], partition: u8) -> Result<Vec<u32>, CallError> {
    let (mut numbers, mut counter) = (Vec::new(), 0);
    loop {
        let page = user.read(group, partition, counter).await?;
        numbers.extend(page.response.epoch.messages.iter().map(number_of));
        counter = page.next_index.unwrap();
        assert_eq!(numbers.len(), counter as usize, "no index is passed over");
        if !page.more {
            return Ok(numbers);
        }
    }
}

/// The text is the last field of what was sent, and nothing else in it has changed.
fn number_of(message: &Message) -> u32 {
    let bytes = message.message.bytes();
    let (digits, filling) = bytes[bytes.len() - DIGITS - FILLING..].split_at(DIGITS);
    assert!(filling.iter().all(|byte| *byte == b'x'));
    str::from_utf8(digits).unwrap().parse().unwrap()
}
