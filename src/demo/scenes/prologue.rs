//! What a newcomer should know before the first scene.

use crate::demo::narrator::Narrator;

pub(in crate::demo) fn tell(narrator: &mut Narrator) {
    narrator.tell(
        "Restante delivers the messages of MLS groups (RFC 9420): it puts them in order, keeps them and hands them out. \
         It cannot read what is said. How much it can read of who is in a group is the group's choice; both choices are \
         played here.",
    );
    narrator.tell("");
    narrator.tell(
        "A group lives at one provider, its hub; other providers follow it for their users. Each commit (somebody comes \
         or goes, or keys are renewed) ends an epoch of the group and begins the next one. From each epoch's secrets \
         its members, and nobody else, derive the same partition key. Whoever sends or reads shows the key of their \
         epoch. The hub keeps a list of messages for each key, a partition, and instead of the key its SHA-256.",
    );
    narrator.tell("");
    narrator.tell(
        "There are four acts: people are found without anybody being told whom one looks for; a group whose hub cannot \
         see who is in it; the same with a hub that can; and a group that one of its members splits on purpose.",
    );
    narrator.tell("");
    narrator.tell(
        "Lines with \"hub |\" show what the hub could see, read from the bytes of the requests; \"relay |\" and \
         \"gateway |\" are told where they come in. Lines with \"ok\" are checks, lines with \"$\" what an operator types.",
    );
}
