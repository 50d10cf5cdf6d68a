//! Files and folders that a program makes for itself: whose they are, who may read them, and that they are still there
//! after a crash.
//!
//! * [`make_folder`], [`sync_folder`], [`remove_folder`], [`open_to_others`]: folders, down from what is there.
//! * [`give_files_to_owner`], [`give_to_owner_of_former`]: what root has made for somebody else.
//! * [`create_private`] and [`open_private`]: files for one owner.
//! * [`replace`]: a whole file in the place of another.
//! * [`open_regular`], [`read_small`]: files that somebody else made, which are never waited for.
//! * [`lock`]: one process at a time.
//! * [`overlap`]: folders that are to be kept apart.
//!
//! It knows nothing of what is in a file, and links nothing but the system: the gateway's library stands on it, which may
//! not link `process`.
//!
//! # Security
//! A command is often run by root for a service that runs as somebody else. What it makes belongs to whom the folder
//! belongs to, or the service could not use it; and the owner of that folder may put links of their own there. So nothing
//! is written to, and nothing given away, but what was made here.

mod folder;
mod lock;
mod overlap;
mod owner;
mod private;
mod replace;
mod small;

pub use folder::{
    folder_of, give_files_to_owner, give_to_owner_of_former, make_folder, open_to_others, remove_folder, sync_folder,
};
pub use lock::{LockError, lock};
pub use overlap::overlap;
pub use private::{create_private, open_private};
pub use replace::replace;
pub use small::{open_regular, read_small};
