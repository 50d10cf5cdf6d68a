//! The draft's example flows (§7) between three providers: hub.example, follower.example and third.example, on lines
//! where exchanges go wrong, and through processes that are killed in between.
//!
//! Where KeyPackages come from is the matter of `oblivious`: here they are uploaded, and shown to whoever adds their
//! owners.

mod creating;
pub(crate) mod device;
mod fault;
mod forked;
mod frame;
mod joining;
mod leaving;
mod lines;
pub(crate) mod newcomer;
mod outside;
mod pushing;
mod rough_line;
mod terminated;
mod trees;
mod world;
