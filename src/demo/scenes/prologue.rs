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
        "There are four acts: KeyPackages are fetched so that nobody learns who looks for whom; a group lives whose hub \
         cannot see who is in it; then one whose hub can; and a group is split on purpose by one of its members.",
    );
    narrator.tell("");
    narrator.tell(
        "Lines with \"hub |\" show what the hub could see, read from the bytes of the requests; \"relay |\" and \
         \"gateway |\" are told where they come in. Lines with \"ok\" are checks, lines with \"$\" what an operator types.",
    );
}
