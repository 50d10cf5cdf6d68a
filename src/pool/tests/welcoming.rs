//! Welcomes: which are taken, from whom, how many, and when they go.

use bytes::Bytes;

use super::world::{DAY, NOW, SUITE, World, client, last_resort, package, tag};
use crate::{
    mls::CipherSuite,
    pool::{
        Acknowledge, Addressed, Deliver, DeliveryKey, ExpiryOf, InboxPolicy, Issue, LetterKey, Policy, ReferenceKey,
        Refusal, Rejection, Room, TicketKey, acknowledge, deliver, has_room, issue, judge,
    },
    wire::{
        ServiceProviderId,
        WelcomeDecision::{self, Accepted, AlreadyUsed, Expired, Refused, Unknown},
    },
};

fn hub(number: u8) -> ServiceProviderId {
    format!("hub-{number}.example").parse().unwrap()
}

/// How a delivery went: to how many it could not be, or why to nobody.
type Outcome = Result<usize, Rejection>;

impl World {
    fn decide_on(&self, from: u8, names: &[&str]) -> Vec<WelcomeDecision> {
        let decide = |name: &&str| {
            judge(self, &hub(from), &ReferenceKey::of(name.as_bytes()), &self.policy.inbox, self.now).unwrap()
        };
        names.iter().map(decide).collect()
    }

    /// Asks, and gets that ticket for what is accepted.
    fn ask(&mut self, from: u8, ticket: u8, names: &[&str]) -> Result<Vec<WelcomeDecision>, Rejection> {
        let decisions = self.decide_on(from, names);
        let accepted = names.iter().zip(&decisions).filter(|(_, decision)| **decision == Accepted);
        let references = accepted.map(|(name, _)| ReferenceKey::of(name.as_bytes())).collect();
        let command = Issue { ticket: TicketKey::of(&[ticket]), hub: hub(from), references };
        let transition = issue(self, command, &self.policy.inbox, self.now).map_err(rejection)?;
        self.apply(transition);
        Ok(decisions)
    }

    /// Delivers a Welcome with those entries.
    fn bring(&mut self, from: u8, ticket: u8, content: &str, names: &[&str]) -> Outcome {
        self.bring_part(from, ticket, content, names, true)
    }

    fn bring_part(&mut self, from: u8, ticket: u8, content: &str, names: &[&str], is_last: bool) -> Outcome {
        let reference = |name: &&str| ReferenceKey::of(name.as_bytes());
        let addressed = (0..).zip(names.iter().map(reference));
        let command = Deliver {
            ticket: TicketKey::of(&[ticket]),
            hub: hub(from),
            cipher_suite: if content.starts_with("of another suite") { CipherSuite(2) } else { SUITE },
            delivery: DeliveryKey::of(&hub(from), content.as_bytes()),
            content: Bytes::copy_from_slice(content.as_bytes()),
            addressed: addressed.map(|(place, reference)| Addressed { place, reference }).collect(),
            is_last,
        };
        let delivered = deliver(self, &command, &self.policy.inbox, self.now).map_err(rejection)?;
        self.apply(delivered.transition);
        Ok(delivered.left_out)
    }

    fn ask_and_bring(&mut self, from: u8, content: &str, names: &[&str]) -> Outcome {
        let ticket = self.inbox.tickets.len().try_into().unwrap();
        self.ask(from, ticket, names)?;
        self.bring(from, ticket, content, names)
    }

    fn acknowledge(&mut self, letter: LetterKey, joined: bool) {
        let transition = acknowledge(self, &Acknowledge { letter, joined }).unwrap();
        self.apply(transition);
    }

    /// Acknowledges everything that the user has.
    fn acknowledge_all(&mut self, user: &str, joined: bool) {
        for (letter, _) in self.inbox.of(tag(user)) {
            self.acknowledge(letter, joined);
        }
    }

    fn letters(&self, user: &str) -> usize {
        self.inbox.of(tag(user)).len()
    }
}

fn rejection(refusal: Refusal<impl std::fmt::Debug>) -> Rejection {
    match refusal {
        Refusal::Rejected(rejection) => rejection,
        Refusal::State(error) => panic!("{error:?}"),
    }
}

fn with(inbox: InboxPolicy) -> World {
    World::with(Policy { inbox, ..Policy::default() })
}

/// Bob has two devices, carol one.
fn furnished() -> World {
    furnish(World::new())
}

fn furnish(mut world: World) -> World {
    world.upload("bob", 1, vec![package("a"), package("b"), last_resort("z")]).unwrap();
    world.upload("bob", 2, vec![package("c")]).unwrap();
    world.upload("carol", 3, vec![package("d")]).unwrap();
    world
}

#[test]
fn each_client_gets_a_letter_with_its_own_places() {
    let mut world = furnished();
    assert_eq!(world.ask(1, 7, &["x", "a", "c", "d"]).unwrap(), [Unknown, Accepted, Accepted, Accepted]);
    assert_eq!(world.inbox.letters.len(), 0, "asking delivers nothing");
    assert_eq!(world.bring(1, 7, "a Welcome", &["x", "a", "c", "d", "b"]), Ok(0));
    let letters = world.inbox.of(tag("bob"));
    let places = |at: usize| letters[at].1.addressed.iter().map(|it| it.place).collect::<Vec<_>>();
    assert_eq!(letters.iter().map(|(key, _)| key.client).collect::<Vec<_>>(), [client(1), client(2)]);
    assert_eq!((places(0), places(1)), (vec![1], vec![2]), "b was not asked for");
    assert_eq!(world.letters("carol"), 1);
    assert_eq!(world.inbox.contents.len(), 1, "it is kept once");
    world.acknowledge_all("bob", true);
    assert_eq!(world.inbox.contents.len(), 1);
    world.acknowledge_all("carol", false);
    assert!(world.inbox.contents.is_empty() && world.inbox.deliveries.is_empty());
}

#[test]
fn asking_consumes_nothing() {
    let mut world = furnished();
    for ticket in 0..20 {
        assert_eq!(world.ask(1, ticket, &["a", "z"]).unwrap(), [Accepted, Accepted]);
    }
    assert_eq!(world.bring(1, 19, "a Welcome", &["a"]), Ok(0));
}

#[test]
fn a_ticket_is_good_for_one_hub_one_welcome_and_a_day() {
    let mut world = furnished();
    world.ask(1, 7, &["a"]).unwrap();
    let refused = Err(Rejection::WelcomeRefused);
    assert_eq!(world.bring(2, 7, "a Welcome", &["a"]), refused, "another hub's");
    assert_eq!(world.bring(1, 8, "a Welcome", &["a"]), refused, "never given");
    assert_eq!(world.bring(1, 7, "a Welcome", &["a"]), Ok(0));
    assert_eq!(world.bring(1, 7, "a Welcome", &["a"]), Ok(0), "repeated");
    assert_eq!(world.letters("bob"), 1);
    assert_eq!(world.bring(1, 7, "another Welcome", &["a"]), refused, "used up");
    world.acknowledge_all("bob", true);
    assert_eq!(world.bring(1, 7, "a Welcome", &["a"]), Ok(0), "answered as it was");
    assert_eq!(world.letters("bob"), 0);
    world.now += world.policy.inbox.used_ticket_ms;
    assert_eq!(world.bring(1, 7, "a Welcome", &["a"]), refused, "used long ago");
    world.ask(1, 9, &["b"]).unwrap();
    world.now += DAY;
    assert_eq!(world.bring(1, 9, "a Welcome", &["b"]), refused, "too late");
    world.expire();
    assert!(world.inbox.tickets.is_empty());
    assert!(world.inbox.shares[&Some(hub(1))].is_nothing());
}

#[test]
fn the_same_welcome_is_one_letter_however_often_and_with_whatever_ticket_it_comes() {
    let mut world = furnished();
    for ticket in 0..10 {
        world.ask(1, ticket, &["a", "z"]).unwrap();
        assert_eq!(world.bring(1, ticket, "a Welcome", &["a", "z"]), Ok(0));
        assert_eq!(world.letters("bob"), 1);
    }
    // Also when it was acknowledged meanwhile, and has nowhere left its bytes.
    world.acknowledge_all("bob", false);
    assert_eq!(world.ask_and_bring(1, "a Welcome", &["a", "z"]), Ok(0));
    assert_eq!(world.letters("bob"), 0);
    // From another hub it is another one.
    assert_eq!(world.ask_and_bring(2, "a Welcome", &["a"]), Ok(0));
    assert_eq!(world.letters("bob"), 1);
}

#[test]
fn a_one_time_key_package_takes_four_of_a_hub_and_sixteen_of_all() {
    let mut world = furnished();
    let mut taken = 0;
    for from in 0..6 {
        for number in 0..6 {
            let decision = world.decide_on(from, &["a"]);
            let expected = number < 4 && taken < 16;
            assert_eq!(decision, [if expected { Accepted } else { Refused }], "{from} {number}");
            // Dropping garbage makes no room for more of it.
            if expected {
                assert_eq!(world.ask_and_bring(from, &format!("garbage {number}"), &["a"]), Ok(0));
                world.acknowledge_all("bob", false);
                taken += 1;
            }
        }
    }
    assert_eq!(taken, 16);
    assert_eq!(world.decide_on(0, &["b"]), [Accepted], "another KeyPackage");
}

/// Others came first for what a ticket was given for. A one-time KeyPackage never has room again: nobody is told to come
/// back for it, and what else the Welcome is for is taken. A last-resort KeyPackage has.
#[test]
fn who_comes_too_late_for_a_key_package_is_not_told_to_come_again() {
    for (reference, others, left_out) in [("a", 4, 0), ("z", 16, 1)] {
        let mut world = furnished();
        world.ask(1, 77, &[reference, "d"]).unwrap();
        for number in 0..others {
            assert_eq!(world.ask_and_bring(1, &format!("in the way {number}"), &[reference]), Ok(0));
        }
        assert_eq!(world.decide_on(1, &[reference, "d"]), [Refused, Accepted]);
        assert_eq!(world.bring(1, 77, "a Welcome", &[reference, "d"]), Ok(left_out), "{reference}");
        assert_eq!((world.letters("bob"), world.letters("carol")), (others, 1));
        let is_done = world.inbox.tickets[&TicketKey::of(&[77])].used_for.is_some();
        assert_eq!(is_done, left_out == 0);
        world.acknowledge_all("bob", false);
        let expected = if left_out == 0 { 0 } else { 1 };
        assert_eq!(world.bring(1, 77, "a Welcome", &[reference, "d"]), Ok(0));
        assert_eq!(world.letters("bob"), expected);
    }
}

#[test]
fn a_last_resort_key_package_takes_as_many_as_wait_at_the_same_time() {
    let mut world = furnished();
    for number in 0..16 {
        assert_eq!(world.ask_and_bring(1, &format!("group {number}"), &["z"]), Ok(0));
    }
    assert_eq!(world.decide_on(1, &["z"]), [Refused]);
    for from in 2..5 {
        for number in 0..16 {
            assert_eq!(world.ask_and_bring(from, &format!("group {number}"), &["z"]), Ok(0));
        }
    }
    assert_eq!(world.decide_on(5, &["z"]), [Refused]);
    let (first, _) = world.inbox.of(tag("bob"))[0].clone();
    world.acknowledge(first, true);
    assert_eq!(world.decide_on(1, &["z"]), [Accepted], "never used up");
    world.acknowledge_all("bob", true);
    for number in 16..200 {
        assert_eq!(world.ask_and_bring(1, &format!("group {number}"), &["z"]), Ok(0));
        world.acknowledge_all("bob", true);
        world.now += DAY;
        world.expire();
    }
    assert_eq!(world.inbox.welcomed.values().map(|it| it.taken.len()).collect::<Vec<_>>(), [64], "bounded");
}

#[test]
fn only_a_join_uses_a_key_package_up() {
    let mut world = furnished();
    world.ask(1, 90, &["a"]).unwrap();
    world.ask_and_bring(1, "garbage", &["a"]).unwrap();
    world.acknowledge_all("bob", false);
    assert_eq!(world.decide_on(1, &["a"]), [Accepted]);
    world.ask_and_bring(1, "the Welcome", &["a"]).unwrap();
    world.acknowledge_all("bob", true);
    assert_eq!(world.decide_on(1, &["a"]), [AlreadyUsed]);
    assert_eq!(world.decide_on(2, &["a"]), [AlreadyUsed]);
    assert!(!world.inbox.welcomed.contains_key(&ReferenceKey::of(b"a")), "from whom is forgotten");
    // What was accepted before is not any more. Nothing is gained if the hub comes back with it.
    assert_eq!(world.bring(1, 90, "garbage again", &["a"]), Ok(0));
    assert_eq!(world.bring(1, 90, "garbage again", &["a"]), Ok(0));
    assert_eq!(world.letters("bob"), 0);
}

#[test]
fn a_key_package_past_its_lifetime_takes_nothing() {
    let mut world = furnished();
    world.now += 365 * DAY;
    assert_eq!(world.decide_on(1, &["a", "z"]), [Expired, Expired]);
    world.expire();
    assert_eq!(world.decide_on(1, &["a"]), [Expired], "it is remembered");
    world.now += 30 * DAY;
    world.expire();
    assert_eq!(world.decide_on(1, &["a"]), [Unknown]);
}

#[test]
fn what_nobody_comes_for_goes_after_thirty_days() {
    let mut world = furnished();
    world.ask_and_bring(1, "a Welcome", &["a", "d"]).unwrap();
    world.now += 30 * DAY - 1;
    world.expire();
    assert_eq!((world.letters("bob"), world.letters("carol")), (1, 1));
    world.now += 1;
    world.expire();
    assert!(world.inbox.letters.is_empty() && world.inbox.contents.is_empty());
    assert_eq!(world.decide_on(1, &["a"]), [Accepted], "nobody joined with it");
    assert_eq!(world.ask_and_bring(1, "a Welcome", &["a"]), Ok(0));
    assert_eq!(world.letters("bob"), 0, "that one was there");
}

#[test]
fn what_a_hub_sent_is_forgotten_with_the_key_package() {
    let mut world = furnished();
    world.ask_and_bring(1, "a Welcome", &["a", "b", "c", "d", "z"]).unwrap();
    world.acknowledge_all("bob", false);
    world.acknowledge_all("carol", false);
    world.now = NOW + 396 * DAY;
    world.expire();
    assert!(world.inbox.welcomed.is_empty() && world.references.is_empty());
}

#[test]
fn a_full_mailbox_refuses_and_keeps_nothing_from_others() {
    let per_user = Room { letters: 4, bytes: 100 };
    let mut world = furnish(with(InboxPolicy { per_user, ..InboxPolicy::default() }));
    // Half of it from one hub.
    assert_eq!(world.ask_and_bring(1, "one", &["a"]), Ok(0));
    world.ask(1, 90, &["a", "d"]).unwrap();
    assert_eq!(world.ask_and_bring(1, "two", &["b"]), Ok(0));
    assert_eq!(world.decide_on(1, &["a", "z", "d"]), [Refused, Refused, Accepted]);
    assert_eq!(world.bring(1, 90, "three", &["a", "d"]), Ok(1), "what was accepted finds no room any more");
    assert_eq!((world.letters("bob"), world.letters("carol")), (2, 1));
    assert_eq!(world.decide_on(2, &["a"]), [Accepted]);
    assert_eq!(world.ask_and_bring(2, "one", &["a"]), Ok(0));
    assert_eq!(world.ask_and_bring(2, "two", &["b"]), Ok(0));
    assert_eq!(world.decide_on(3, &["a", "c"]), [Refused, Refused], "all clients together");
    // Nothing that waits was dropped, and room is made by whoever takes it.
    world.acknowledge_all("bob", false);
    assert_eq!(world.bring(1, 90, "three", &["a", "d"]), Ok(0), "the ticket was not used up");
    assert_eq!((world.letters("bob"), world.letters("carol")), (1, 1));
}

#[test]
fn long_welcomes_are_bounded_by_their_bytes() {
    let per_user = Room { letters: 100, bytes: 100 };
    let mut world = furnish(with(InboxPolicy { per_user, ..InboxPolicy::default() }));
    let (long, short) = ("x".repeat(51), "x".repeat(50));
    assert_eq!(world.ask_and_bring(1, &long, &["a"]), Ok(1));
    assert_eq!(world.ask_and_bring(1, &short, &["a"]), Ok(0));
    assert_eq!(world.decide_on(1, &["a"]), [Refused], "not even a byte");
    assert_eq!(world.letters("bob"), 1);
}

#[test]
fn all_mailboxes_together_are_bounded_and_one_hub_has_a_quarter() {
    let mut world = furnish(with(InboxPolicy { bytes_max: 4 * (512 + 10), ..InboxPolicy::default() }));
    let room = |world: &World, from| has_room(world, &hub(from), &world.policy.inbox).unwrap();
    world.ask(1, 90, &["b"]).unwrap();
    assert_eq!(world.ask_and_bring(1, "0123456789", &["a"]), Ok(0));
    assert!(!room(&world, 1) && room(&world, 2));
    assert_eq!(world.bring(1, 90, "more", &["b"]), Err(Rejection::InboxesFull));
    for from in 2..5 {
        assert_eq!(world.ask_and_bring(from, "0123456789", &["a"]), Ok(0));
    }
    assert!(!room(&world, 5));
    world.acknowledge_all("bob", false);
    assert!(room(&world, 1) && room(&world, 5));
    assert_eq!(world.bring(1, 90, "more", &["b"]), Ok(0));
}

#[test]
fn tickets_are_bounded() {
    let inbox = InboxPolicy { tickets_per_hub: 3, ticket_references_per_hub: 5, ..InboxPolicy::default() };
    let mut world = furnish(with(inbox));
    assert_eq!(world.ask(1, 1, &["a", "b", "c", "d"]).map(|_| ()), Ok(()));
    assert_eq!(world.ask(1, 2, &["a", "b"]).map(|_| ()), Err(Rejection::TooManyTickets), "for too many");
    assert_eq!(world.ask(1, 2, &["a"]).map(|_| ()), Ok(()));
    assert_eq!(world.bring(1, 1, "a Welcome", &["a", "b", "c", "d"]), Ok(0));
    assert_eq!(world.ask(1, 3, &["a", "b"]).map(|_| ()), Ok(()), "a used ticket is for nobody");
    assert_eq!(world.ask(1, 4, &["a"]).map(|_| ()), Ok(()), "and has no place when there are few");
    assert_eq!(world.ask(1, 6, &["a"]).map(|_| ()), Err(Rejection::TooManyTickets));
    assert_eq!(world.ask(2, 5, &["a"]).map(|_| ()), Ok(()), "another hub's are not ours");
    world.now += DAY;
    world.expire();
    assert_eq!(world.ask(1, 6, &["a"]).map(|_| ()), Ok(()));
}

/// However much a hub has delivered within a day, it may ask for more.
#[test]
fn used_tickets_keep_no_place_from_others() {
    let inbox = InboxPolicy { tickets_per_hub: 4, ..InboxPolicy::default() };
    let mut world = furnish(with(inbox));
    for number in 0..100 {
        assert_eq!(world.ask_and_bring(1, &format!("Welcome {number}"), &["z"]), Ok(0), "{number}");
        world.acknowledge_all("bob", true);
    }
    let kept: Vec<_> = world.inbox.tickets.values().map(|ticket| ticket.used_for.is_some()).collect();
    assert_eq!(kept, [true, true], "half of them");
    let timers = world.expiries.iter().filter(|expiry| matches!(expiry.of, ExpiryOf::Ticket(_)));
    assert_eq!(timers.count(), 2, "nothing is left of the others");
    assert_eq!(world.bring(1, 0, "Welcome 0", &["z"]), Ok(0), "answered as it was");
    assert_eq!(world.bring(1, 2, "Welcome 99", &["z"]), Err(Rejection::WelcomeRefused));
    assert_eq!(world.ask_and_bring(1, "Welcome 99", &["z"]), Ok(0), "asked for again, it is known");
    assert_eq!(world.letters("bob"), 0);
    // Somebody has joined before the hub heard that it was taken.
    world.ask(1, 9, &["a"]).unwrap();
    assert_eq!(world.bring(1, 9, "a Welcome", &["a"]), Ok(0));
    world.acknowledge_all("bob", true);
    assert_eq!(world.bring(1, 9, "a Welcome", &["a"]), Err(Rejection::WelcomeRefused));
    assert_eq!(world.decide_on(1, &["a"]), [AlreadyUsed], "nothing is left to be done");
    world.now += world.policy.inbox.used_ticket_ms;
    world.expire();
    assert!(world.inbox.tickets.is_empty() && world.inbox.shares[&Some(hub(1))].is_nothing());
}

#[test]
fn a_long_welcome_is_taken_part_by_part() {
    let mut world = furnished();
    world.ask(1, 7, &["a", "c", "d"]).unwrap();
    assert_eq!(world.bring_part(1, 7, "a Welcome", &["a"], false), Ok(0));
    assert_eq!(world.bring_part(1, 7, "a Welcome", &["c"], false), Ok(0));
    // Interrupted and begun anew: what is done is done.
    assert_eq!(world.bring_part(1, 7, "a Welcome", &["a"], false), Ok(0));
    assert_eq!(world.bring_part(1, 7, "a Welcome", &["c"], false), Ok(0));
    assert_eq!(world.bring_part(1, 7, "a Welcome", &["d"], true), Ok(0));
    assert_eq!((world.letters("bob"), world.letters("carol")), (2, 1));
    assert_eq!(world.inbox.contents.len(), 1);
    assert_eq!(world.bring(1, 7, "another Welcome", &["a"]), Err(Rejection::WelcomeRefused));
}

#[test]
fn garbage_that_nobody_can_open_is_not_kept() {
    let mut world = furnished();
    assert_eq!(world.ask_and_bring(1, "of another suite", &["a", "d"]), Ok(0));
    assert_eq!(world.ask_and_bring(1, "nobody's", &[]), Ok(0));
    assert!(world.inbox.letters.is_empty() && world.inbox.welcomed.is_empty() && world.inbox.contents.is_empty());
    // One entry twice: it is one letter with one place.
    assert_eq!(world.ask_and_bring(1, "twice the same", &["a", "a"]), Ok(0));
    assert_eq!(world.inbox.of(tag("bob"))[0].1.addressed.len(), 1);
}

#[test]
fn numbers_grow_even_when_the_clock_goes_back_or_an_old_copy_is_put_back() {
    let mut world = furnished();
    world.ask_and_bring(1, "one", &["a"]).unwrap();
    let copy = world.copy();
    world.now -= DAY;
    world.ask_and_bring(1, "two", &["a", "c"]).unwrap();
    let numbers: Vec<_> = world.inbox.of(tag("bob")).iter().map(|(key, _)| key.number).collect();
    let [first, second, third] = numbers[..] else { panic!("{numbers:?}") };
    assert!(first < second && first < third && second != third, "{numbers:?}");
    world.now += DAY + 60_000;
    world.restore(copy);
    world.ask_and_bring(1, "three", &["a"]).unwrap();
    let last = world.inbox.of(tag("bob")).into_iter().map(|(key, _)| key.number).max().unwrap();
    assert!(!numbers.contains(&last));
}

/// A client that runs asks only for what comes behind the last number that it was given.
#[test]
fn numbers_grow_also_when_everything_was_acknowledged() {
    let mut world = furnished();
    let mut last = 0;
    for (number, back) in [("one", 0), ("two", 0), ("three", 1), ("four", DAY)] {
        world.now -= back;
        world.ask_and_bring(1, number, &["z", "c"]).unwrap();
        let letters = world.inbox.of(tag("bob"));
        assert_eq!(letters.len(), 2);
        assert!(letters.iter().all(|(key, _)| key.number > last), "{number}");
        last = letters.iter().map(|(key, _)| key.number).max().unwrap();
        world.acknowledge_all("bob", false);
        assert!(world.inbox.mailboxes.is_empty());
        world.expire();
    }
}

/// The Welcome is repeated while it waits for one and was used up by another: it is not refused for the sake of the latter.
#[test]
fn a_welcome_that_everybody_has_is_taken_again() {
    let per_user = Room { letters: 2, bytes: 100 };
    let mut world = furnish(with(InboxPolicy { per_user, ..InboxPolicy::default() }));
    world.ask(1, 7, &["a", "d"]).unwrap();
    assert_eq!(world.ask_and_bring(1, "in the way", &["b"]), Ok(0));
    assert_eq!(world.bring(1, 7, "a Welcome", &["a", "d"]), Ok(1), "no room for one of them");
    world.acknowledge_all("carol", true);
    assert_eq!(world.bring(1, 7, "a Welcome", &["a", "d"]), Ok(1), "nor now");
    world.acknowledge_all("bob", false);
    assert_eq!(world.bring(1, 7, "a Welcome", &["a", "d"]), Ok(0));
    assert_eq!((world.letters("bob"), world.letters("carol")), (1, 0));
    assert!(world.inbox.tickets[&TicketKey::of(&[7])].used_for.is_some());
}

#[test]
fn an_unknown_letter_is_acknowledged_without_a_word() {
    let mut world = furnished();
    world.ask_and_bring(1, "a Welcome", &["a"]).unwrap();
    let (letter, _) = world.inbox.of(tag("bob"))[0].clone();
    for other in [
        LetterKey { number: letter.number + 1, ..letter },
        LetterKey { client: client(2), ..letter },
        LetterKey { user: tag("carol"), ..letter },
    ] {
        world.acknowledge(other, true);
    }
    assert_eq!(world.letters("bob"), 1);
    assert_eq!(world.decide_on(2, &["a"]), [Accepted]);
    world.acknowledge(letter, true);
    world.acknowledge(letter, false);
    assert_eq!(world.decide_on(2, &["a"]), [AlreadyUsed]);
}

#[test]
fn a_registered_key_package_is_welcomed_and_used_up() {
    let mut world = World::new();
    world.register("bob", 1, vec![package("a")]).unwrap();
    assert_eq!(world.decide_on(1, &["a", "b"]), [Accepted, Unknown]);
    assert_eq!(world.ask_and_bring(1, "the Welcome", &["a"]), Ok(0));
    world.acknowledge_all("bob", true);
    assert_eq!(world.decide_on(1, &["a"]), [AlreadyUsed]);
}
