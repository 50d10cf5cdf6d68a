//! Whether a GroupInfo tells the truth about a state.

use super::{
    super::{Proof, WireGroupInfo, signature::verify_group_info},
    PublicState,
};

/// What a GroupInfo says that is not so. A closed set, and no word of the GroupInfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum GroupInfoMismatch {
    /// It is of another group or epoch.
    #[error("it is of another group or epoch")]
    Epoch,
    /// It is of another version or suite.
    #[error("it has another version or cipher suite")]
    Suite,
    /// Its tree hash, transcript hash or extensions of the group are others.
    #[error("its GroupContext is another one")]
    Context,
    /// Its confirmation tag is not that of the commit.
    #[error("its confirmation tag is another one")]
    ConfirmationTag,
    /// Nobody is at the leaf that it says signed it.
    #[error("its signer is no member")]
    Signer,
    /// Its signature does not hold.
    #[error("its signature does not hold")]
    Signature,
    /// It holds a tree that is another one.
    #[error("its ratchet tree is another one")]
    Tree,
}

impl PublicState {
    /// Compares everything in a GroupInfo that one who is no member can know: the GroupContext, the confirmation tag (that
    /// of the commit, which members alone can check), the signer, its signature, and the tree if there is one in it.
    ///
    /// # Errors
    /// The first of them that differs. It is the GroupInfo's fault as surely as this state is the group's: see
    /// [`super::Step::is_assumed`].
    pub fn check(&self, group_info: &WireGroupInfo) -> Result<(), GroupInfoMismatch> {
        let context = self.group.group_context();
        if group_info.group_id() != context.group_id || group_info.epoch().0 != context.epoch {
            return Err(GroupInfoMismatch::Epoch);
        }
        let own = self.encode_context();
        // Version and suite are the first two fields of a GroupContext.
        const VERSION_AND_SUITE: usize = 2 * size_of::<u16>();
        if group_info.group_context().get(..VERSION_AND_SUITE) != own.get(..VERSION_AND_SUITE) {
            return Err(GroupInfoMismatch::Suite);
        }
        if group_info.group_context() != own {
            return Err(GroupInfoMismatch::Context);
        }
        if group_info.confirmation_tag() != self.confirmation_tag {
            return Err(GroupInfoMismatch::ConfirmationTag);
        }
        let tree = self.group.exported_tree();
        let signer = group_info.signer().try_into().ok().and_then(|index| tree.get_leaf(index).ok().flatten());
        let key = &signer.ok_or(GroupInfoMismatch::Signer)?.signing_identity.signature_key;
        if verify_group_info(group_info, key) != Proof::Valid {
            return Err(GroupInfoMismatch::Signature);
        }
        let has_another_tree = group_info.has_ratchet_tree()
            && group_info.ratchet_tree().is_none_or(|tree| tree.bytes() != &self.export_tree());
        if has_another_tree { Err(GroupInfoMismatch::Tree) } else { Ok(()) }
    }
}
