//! The commands of the scripts.
//!
//! Providers, partitions, groups and texts are plain words; `north` stands for the provider `north.example`. Times are
//! counted from the start of the script. Everything but the first words of a command may be left out.
//!
//! ```text
//! at 1d2h                                 the time from here on
//! in chess                                the group from here on; `g` at first
//! found A epoch=5 users=north             a group that is there already, used by those providers: prints nothing
//! reserve by=ann                          reserve the group's id for that user of the hub
//! create A epoch=5 by=ann                 create the group with root A; `hub` uses A
//!     group-info=good                     … with a GroupInfo: good, no-tree, other-group, other-epoch, other-suite
//!     tree                                … with a ratchet tree beside it
//!     welcome=ref1:north,ref2:south       … with a Welcome for those KeyPackages of those providers, or for `nobody`
//! send app hi to=A by=north               send: app, proposal, commit, public-commit, external-proposal, external-commit
//!     announcing=B                        … a commit that announces B
//!     expect=none                         … only if there is no commit, or none after that index
//!     epoch=5                             … that names this epoch; else the partition's, or 0
//!     group-info= welcome=                … as above
//!     transcript=x                        … whose GroupInfo is of another state than those with other words
//!     preflight=refused                   … and what providers said of the Welcome before; or whose tickets there are
//! present A by=north given=1              a receive, which gave it the commit at index 1
//! deliver B to=south answer=taken         what came of bringing the Welcome into B to that provider: ticket, taken,
//!                                         none-accepted, failed, ticket-refused; now if it is not due yet
//!     retry-after=90s                     … which wants to be left alone for that long
//! subscribe A by=north from=2 until=7d    a subscription, or a renewal
//! pushed A by=north lease=1 next=3        the answer to a push under that lease
//! unsubscribe A by=north lease=1          the same, which ends it
//! follow A from=0 until=2m                (as a follower) a local user needs the partition: its hub is about to be asked
//! granted A until=7d | needed A           … the hub pushes it; somebody needs it as it is
//! keep A from=0 hi ho size=100            … its hub pushes messages
//! unfollow A | followed A                 … nobody wants it; how it stands
//! terminate B | restore B                 the operator ends the branch that begins with B, or takes that back
//! spread                                  … one step more of that
//! retain                                  walk over the group as retention does, until nothing is left to be done
//! delete by-key=A                         delete the group, with that key
//! token by-key=A                          whether a join token is given for that key
//! expire                                  look at every timer that is due, until none is
//! ring Q                                  look at Q's timer, due or not
//! hints A for=north shown=B,C leaf=D      what a reader at the end of A is given; `shown` is what that user showed, and a
//!                                         leaf of the user is where `leaf` says; without both, it is the provider itself
//! create … seen=+hub/ann saves=1K         what was seen of the creation: whose leaves there are; a checkpoint of that size
//! send commit … seen=+north,+?,-0         what was seen of a commit: leaves that are new, or blank; `fits=yes` is said
//!                                         of its GroupInfo; or `unobservable`, or `lie`; the same for `join`
//!     applied-to=C                        … when it was applied to the state of C
//!     knowing=+hub,+?                     … by somebody to whom the leaves before it were those; the same for `save`
//! observe B seen=…                        … and was seen late; `below=A` says where B was then
//! save B saves=1K of=C                    a checkpoint of B, or of what was taken for it
//! forward                                 hints are given to everyone in encrypted groups
//! dominant A                              the dominant child of A
//! show A | tree | timers | budget north   how things stand
//! allow partitions=5000                   a larger budget for each provider in each group
//! allow undelivered=3                     so many Welcomes of each provider that are not delivered
//! allow chain=4                           so many partitions in a row that only one provider uses are free
//! allow steps=3                           so many steps from partition to partition at once, when a branch is ended
//! allow followed=3                        so many followed partitions, of all groups
//! fast-forward A to=4294967294            as if A had had so many messages, all of them gone by now
//! quietly COMMAND                         the command, without a word; it is not refused
//! times 63 COMMAND                        the command so often, with 1, 2, 3… in place of *, and 2, 3, 4… of ^
//! ```
//!
//! A message has 100 bytes, a GroupInfo 1000, a Welcome 500, unless `size`, `group-info-size` or `welcome-size` says
//! so. Beneath its outcome, a command lists what else it changed.

use super::{
    super::{
        invariants,
        memory::{Hub, Rows},
        notation::{self, Names, START},
        *,
    },
    effects::outcome,
    pushes::PUSH_VERBS,
    words::Words,
};
use crate::{
    mls::EpochNumber,
    wire::{MaskedPartitionKey, Sanction},
};

/// A script while it is played.
pub(super) struct Play {
    pub(super) hub: Hub,
    pub(super) names: Names,
    pub(super) policy: Policy,
    pub(super) now: UnixMillis,
    pub(super) group: String,
}

impl Default for Play {
    fn default() -> Self {
        let providers = ["hub", "north", "south", "east"].map(notation::provider).into();
        let hub = Some(notation::provider("hub"));
        let policy = Policy { providers: std::sync::Arc::new(providers), hub, ..Policy::default() };
        Self { hub: Hub::default(), names: Names::default(), policy, now: START, group: "g".into() }
    }
}

impl Play {
    /// Plays a block and returns what it prints.
    pub(super) fn block(&mut self, script: &str, line: usize, commands: &[String]) -> String {
        let mut printed = String::new();
        for command in commands {
            // Shown only when the test fails: where it was.
            println!("{script}.txt, line {line}: {command}");
            for line in self.command(command) {
                printed += &line;
                printed.push('\n');
            }
            for rows in self.hub.groups.values() {
                invariants::check(rows);
            }
        }
        printed
    }

    pub(super) fn command(&mut self, command: &str) -> Vec<String> {
        let mut words = Words::of(command);
        let printed = match words.plain(0) {
            "at" => {
                let at = START + notation::duration(words.plain(1));
                assert!(at >= self.now, "time goes on");
                self.now = at;
                Vec::new()
            }
            "in" => {
                self.group = words.plain(1).into();
                Vec::new()
            }
            "reserve" => {
                let holder = user(words.must("by"));
                self.decide(&Command::Reserve(Reserve { holder }))
            }
            "create" => self.create(&mut words),
            "send" => self.send(&mut words),
            "present" => {
                let partition = self.names.masked(words.plain(1));
                let provider = notation::provider(words.must("by"));
                let given = words.take("given").map(|index| index.parse().unwrap());
                self.decide(&Command::Present(Present { provider, partition, given }))
            }
            "join" => self.join(&mut words),
            "propose" => self.propose(&mut words),
            "candidates" => self.candidates(words.plain(1)),
            "publisher" => {
                let publisher = self.hub.publisher(self.key(), &self.policy);
                vec![publisher.map_or("nobody".into(), |key| self.names.of(&key).to_owned())]
            }
            "deliver" => self.deliver(&mut words),
            verb if PUSH_VERBS.contains(&verb) => {
                let command = self.push_command(&mut words).expect("one of them");
                self.decide(&command)
            }
            "terminate" => {
                let partition = self.names.masked(words.plain(1));
                self.decide(&Command::Terminate(Terminate { partition }))
            }
            "restore" => {
                let partition = self.names.masked(words.plain(1));
                self.decide(&Command::Restore(Restore { partition }))
            }
            "spread" => self.decide(&Command::Spread),
            "followed" => self.followed(words.plain(1)),
            "observe" => self.observe(&mut words),
            "save" => self.save(&mut words),
            "forward" => {
                self.policy.hints = Hints::Forward;
                Vec::new()
            }
            "found" => self.found(&mut words),
            "retain" => self.retain(),
            "delete" => {
                let partition = self.names.masked(words.must("by-key"));
                self.decide(&Command::Delete(Delete { partition }))
            }
            "token" => self.token(words.must("by-key")),
            "expire" => self.expire(),
            "ban" | "lift" => {
                let ban = Ban { sanction: Sanction::Banned, since_ms: self.now };
                self.set_ban(words.plain(1), words.plain(2), (words.plain(0) == "ban").then_some(ban))
            }
            "ring" => self.ring(words.plain(1)),
            "hints" => self.hints(&mut words),
            "show" => self.show(words.plain(1)),
            "dominant" => self.dominant(words.plain(1)),
            "allow" => {
                if let Some(partitions) = words.take("followed") {
                    self.policy.followed_max = partitions.parse().unwrap();
                } else if let Some(welcomes) = words.take("undelivered") {
                    self.policy.undelivered.welcomes = welcomes.parse().unwrap();
                } else if let Some(members) = words.take("members") {
                    self.policy.group_members_max = members.parse().unwrap();
                } else if let Some(chain) = words.take("chain") {
                    self.policy.free_chain = chain.parse().unwrap();
                } else if let Some(steps) = words.take("steps") {
                    self.policy.spread_partitions = steps.parse().unwrap();
                } else {
                    self.policy.budget_in_group.partitions = words.must("partitions").parse().unwrap();
                    self.policy.budget_in_all = self.policy.budget_in_group.times(8);
                }
                Vec::new()
            }
            "tree" => self.tree(),
            "timers" => self.timers(),
            "budget" => self.budget(words.plain(1)),
            "fast-forward" => self.fast_forward(words.plain(1), words.must("to")),
            "quietly" => {
                let printed = self.command(command.strip_prefix("quietly ").unwrap());
                assert!(!printed.iter().any(|line| line.contains("rejected")), "{printed:?}");
                return Vec::new();
            }
            "times" => return self.times(words.plain(1), command),
            other => panic!("no such command: {other}"),
        };
        assert!(words.options.is_empty(), "{:?}: no such options here", words.options.keys());
        printed
    }

    pub(super) fn key(&self) -> GroupKey {
        GroupKey::of(self.group.as_bytes())
    }

    pub(super) fn rows(&self) -> &Rows {
        self.hub.rows(&self.key())
    }

    /// Decides a command, applies it, and tells what it did.
    pub(super) fn decide(&mut self, command: &Command) -> Vec<String> {
        let transition = match self.hub.decide(&Vec::new(), self.key(), command, &self.policy, self.now) {
            Ok(transition) => transition,
            Err(Rejection::RateLimited { retry_after_seconds }) => {
                return vec![format!("rejected: RateLimited, again in {retry_after_seconds}s")];
            }
            Err(rejection) => return vec![format!("rejected: {rejection:?}")],
        };
        let mut printed = vec![outcome(&transition, &self.names)];
        printed.extend(self.effects(self.rows(), &transition).into_iter().map(|effect| format!("  {effect}")));
        if let (Command::Send(send), Outcome::Sent(receipt), false) =
            (command, transition.outcome, transition.is_unchanged())
        {
            invariants::check_sent(send, &transition, receipt);
        }
        self.hub.apply(vec![(self.key(), transition)]);
        printed
    }

    fn candidates(&self, epoch: &str) -> Vec<String> {
        let epoch = EpochNumber(epoch.parse().unwrap());
        let candidates = self.hub.candidates(self.key(), epoch, &self.policy, self.now);
        let written = |candidate: &Candidate| {
            let star = if candidate.is_dominant { "*" } else { "" };
            let published = if candidate.group_info.is_some() { " with a GroupInfo" } else { "" };
            format!("{}{star}{published}", self.names.of(&candidate.partition))
        };
        if candidates.is_empty() { vec!["none".into()] } else { candidates.iter().map(written).collect() }
    }

    fn deliver(&mut self, words: &mut Words<'_>) -> Vec<String> {
        let (partition, provider) = (self.names.masked(words.plain(1)), notation::provider(words.must("to")));
        let mut keys = self.rows().dispatches.keys();
        let key = keys.find(|key| key.welcome.partition == partition && key.provider == provider).cloned();
        let retry_after_ms = words.take("retry-after").map_or(0, notation::duration);
        let outcome = match words.must("answer") {
            "ticket" => Delivered::Ticket([7; 16]),
            "taken" => Delivered::Taken,
            "none-accepted" => Delivered::NoneAccepted,
            "failed" => Delivered::Failed { keeps_ticket: true, retry_after_ms },
            "ticket-refused" => Delivered::Failed { keeps_ticket: false, retry_after_ms },
            other => panic!("no such answer: {other}"),
        };
        let Some(key) = key else { return vec!["nothing is to be delivered".into()] };
        self.decide(&Command::Deliver(Box::new(Deliver { key, outcome, jitter: u32::MAX })))
    }

    fn expire(&mut self) -> Vec<String> {
        let mut printed = Vec::new();
        for _sweep in 0..100 {
            let mut due = self.hub.due(&self.key(), self.now);
            if due.is_empty() {
                break;
            }
            due.sort_by_key(|expire| (expire.due_ms, self.names.of(&expire.partition).to_owned()));
            for expire in due {
                printed.append(&mut self.expire_one(expire));
            }
        }
        assert!(self.hub.due(&self.key(), self.now).is_empty(), "timers come to an end");
        if printed.is_empty() { vec!["nothing is due".into()] } else { printed }
    }

    /// `ban identity north:eve`, `ban user ann`, `ban provider south`: from now on, in all groups.
    fn set_ban(&mut self, subject: &str, whom: &str, ban: Option<Ban>) -> Vec<String> {
        let bans = std::sync::Arc::make_mut(&mut self.policy.bans);
        let key = match subject {
            "identity" => {
                let (provider, name) = whom.split_once(':').expect("whose, and a name");
                bans.identity(notation::provider(provider), name.as_bytes())
            }
            "user" => Bans::own_user(notation::provider("hub"), user(whom)),
            "provider" => Bans::provider(notation::provider(whom)),
            other => panic!("nobody bans a {other}"),
        };
        bans.set(&key, ban);
        Vec::new()
    }

    fn ring(&mut self, name: &str) -> Vec<String> {
        let partition = self.names.masked(name);
        let timer = self.rows().timers.iter().find(|(_, timed)| *timed == partition);
        let (due_ms, _) = *timer.unwrap();
        let contents = self.hub.contents(&self.key(), &partition, |_| true);
        self.expire_one(Expire { partition, due_ms, contents })
    }

    fn retain(&mut self) -> Vec<String> {
        let mut printed = Vec::new();
        for _step in 0..1000 {
            let mut commands = self.hub.retention(self.key(), &self.policy, self.now);
            commands.sort_by_key(|command| match command {
                Command::Trim(trim) => (false, self.names.of(&trim.partition).to_owned()),
                _ => (true, String::new()),
            });
            let mut changed = false;
            for command in commands {
                let mut lines = self.decide(&command);
                if lines == ["nothing new"] {
                    continue;
                }
                changed = true;
                if let Command::Trim(trim) = command {
                    lines[0] = format!("{}: {}", self.names.of(&trim.partition), lines[0]);
                }
                printed.append(&mut lines);
            }
            if !changed {
                break;
            }
        }
        if printed.is_empty() { vec!["nothing has had its time".into()] } else { printed }
    }

    fn expire_one(&mut self, expire: Expire) -> Vec<String> {
        let heading = format!("the timer of {}", self.names.of(&expire.partition));
        let mut printed = self.decide(&Command::Expire(expire));
        printed[0] = heading;
        printed
    }

    fn hints(&mut self, words: &mut Words<'_>) -> Vec<String> {
        let requested = self.names.masked(words.plain(1));
        let mut listed = |option| {
            let names = words.take(option)?.split(',').map(|name| self.names.masked(name));
            Some(names.collect::<Vec<_>>())
        };
        let (shown, leaf) = (listed("shown"), listed("leaf"));
        let is_user = shown.is_some() || leaf.is_some();
        let provider = notation::provider(words.must("for"));
        let holds = |claim, key: &MaskedPartitionKey| {
            let of_user = match claim {
                Claim::Presented => &shown,
                Claim::Leaf => &leaf,
            };
            !is_user || of_user.as_ref().is_some_and(|keys| keys.contains(key))
        };
        let hints = self.hub.hints(self.key(), &requested, &provider, holds, &self.policy, self.now);
        let rows = self.rows();
        for key in &hints {
            let partition = &rows.partitions[key];
            let has_leaf = partition.public.as_ref().is_some_and(|public| public.roster.has(&provider));
            let is_forwarded = self.policy.hints == Hints::Forward && !partition.may_be_observable();
            let has_used = partition.use_by(&provider).is_some();
            assert!(has_used || has_leaf || is_forwarded, "a hint to who has nothing to do with it");
        }
        vec![if hints.is_empty() { "nothing".into() } else { self.list(&hints) }]
    }

    fn fast_forward(&mut self, name: &str, to: &str) -> Vec<String> {
        let (group, key) = (self.key(), self.names.masked(name));
        let rows = self.hub.groups.get_mut(&group).unwrap();
        let mut partition = (*rows.partitions[&key]).clone();
        assert_eq!(partition.next_index, 0, "only a partition without messages");
        partition.next_index = to.parse().unwrap();
        partition.first_index = partition.next_index;
        rows.partitions.insert(key, std::sync::Arc::new(partition));
        Vec::new()
    }

    fn times(&mut self, times: &str, command: &str) -> Vec<String> {
        let command = command.splitn(3, ' ').nth(2).unwrap();
        let mut outcomes: Vec<(String, u64)> = Vec::new();
        for number in 1..=times.parse::<u32>().unwrap() {
            let printed =
                self.command(&command.replace('*', &number.to_string()).replace('^', &(number + 1).to_string()));
            let outcome = if printed[0].starts_with("rejected") { printed[0].clone() } else { "done".into() };
            match outcomes.last_mut() {
                Some((last, count)) if *last == outcome => *count += 1,
                Some(_) | None => outcomes.push((outcome, 1)),
            }
        }
        outcomes.into_iter().map(|(outcome, count)| format!("{count} {outcome}")).collect()
    }
}

pub(super) fn user(name: &str) -> UserTag {
    let mut tag = [0; 16];
    tag[..name.len()].copy_from_slice(name.as_bytes());
    UserTag(tag)
}
