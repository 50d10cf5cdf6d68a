//! A hub in forty lines: a list of messages for each masked partition key. It judges nothing, like the real one.

use std::collections::HashMap;

use crate::{
    client::{ExpectCommit, ProblemCode, Received},
    mls::ContentType,
    wire::{
        Epoch, ExternalJoinRequest, GroupInfoResponse, HintedEpoch, MaskedPartitionKey, Message, MessageCommit,
        ReceiveRequest, ReceiveResponse, SendRequest, SendResponse,
    },
};

#[derive(Default)]
pub(super) struct ModelHub {
    pub(super) partitions: HashMap<(Vec<u8>, MaskedPartitionKey), Vec<Message>>,
    /// How many messages a page holds; 0 for no limit.
    pub(super) page: usize,
    /// What newcomers are given, and of which partition it is.
    pub(super) published: Option<(GroupInfoResponse, MaskedPartitionKey)>,
    /// Whether a GroupInfo without its tree is refused.
    pub(super) demands_tree: bool,
    /// How many epochs are hinted.
    pub(super) hints: usize,
    /// How many messages at the beginning of each partition are no longer there.
    pub(super) removed: usize,
}

impl ModelHub {
    pub(super) fn messages(&self, group_id: &[u8], key: MaskedPartitionKey) -> &[Message] {
        self.partitions.get(&(group_id.to_vec(), key)).map_or(&[], Vec::as_slice)
    }

    /// Sequences a message as it comes.
    pub(super) fn sequence(&mut self, group_id: &[u8], key: MaskedPartitionKey, message: Message) -> u32 {
        let partition = self.partitions.entry((group_id.to_vec(), key)).or_default();
        partition.push(message);
        u32::try_from(partition.len() - 1).unwrap()
    }

    pub(super) fn send(
        &mut self,
        request: &SendRequest,
        expect: Option<ExpectCommit>,
    ) -> Result<SendResponse, ProblemCode> {
        let (group_id, key) = (request.message.group_id().to_vec(), request.partition_key.masked());
        let messages = self.messages(&group_id, key);
        let is_commit = |message: &Message| message.message.content_type() == ContentType::Commit;
        if let Some(index) = messages.iter().position(|known| known.message == request.message) {
            return Ok(response(index, messages[..index].iter().filter(|message| is_commit(message)).count()));
        }
        let info = request.commit_data.as_ref().and_then(|data| data.group_info.as_ref());
        if self.demands_tree && info.is_some_and(|info| !info.has_ratchet_tree()) {
            return Err(ProblemCode::RatchetTreeRequired);
        }
        let last = messages.iter().rposition(is_commit).map(|index| u32::try_from(index).unwrap());
        match expect {
            Some(ExpectCommit::None) if last.is_some() => return Err(ProblemCode::CommitConflict),
            Some(ExpectCommit::Index(index)) if last > Some(index) => return Err(ProblemCode::CommitConflict),
            _ => {}
        }
        let commits_before = messages.iter().filter(|message| is_commit(message)).count();
        let commit = request.commit_data.as_ref().map(|data| {
            let next_partition_key = data.next_partition_key.masked();
            Box::new(MessageCommit { next_partition_key, group_info: data.group_info.clone() })
        });
        let index = self.sequence(&group_id, key, Message { message: request.message.clone(), commit });
        Ok(response(index as usize, commits_before))
    }

    /// Puts a join where the published GroupInfo is of.
    pub(super) fn join(&mut self, request: ExternalJoinRequest) -> Result<SendResponse, ProblemCode> {
        let (_, partition) = self.published.clone().ok_or(ProblemCode::StaleJoin)?;
        let group_id = request.message.group_id().to_vec();
        let known = self.messages(&group_id, partition).iter().position(|known| known.message == request.message);
        if let Some(index) = known {
            return Ok(response(index, 0));
        }
        let ExternalJoinRequest { message, commit_data } = request;
        let next_partition_key = commit_data.next_partition_key.masked();
        let commit = Some(Box::new(MessageCommit { next_partition_key, group_info: commit_data.group_info }));
        let index = self.sequence(&group_id, partition, Message { message, commit });
        Ok(response(index as usize, 0))
    }

    pub(super) fn receive(&self, request: &ReceiveRequest) -> Received {
        let key = request.partition_key.masked();
        let all = self.messages(&request.group_id, key);
        let start = all.len().min(self.removed.max(request.counter as usize));
        let end = if self.page == 0 { all.len() } else { all.len().min(start + self.page) };
        let mut hints = Vec::new();
        let mut at = key;
        while end == all.len() && hints.len() < self.hints {
            let children = self.messages(&request.group_id, at).iter().filter_map(|message| message.commit.as_ref());
            // The child that was used; that is what "dominant" comes to here.
            let used = |child: &MaskedPartitionKey| !self.messages(&request.group_id, *child).is_empty();
            let Some(child) = children.map(|commit| commit.next_partition_key).find(used) else { break };
            let messages = self.messages(&request.group_id, child).to_vec();
            hints.push(HintedEpoch { masked_partition_key: child, epoch: Epoch { messages } });
            at = child;
        }
        // Shuffled by their hashes: no order may be inferred.
        hints.sort_by_key(|hint| hint.masked_partition_key);
        Received {
            response: ReceiveResponse { epoch: Epoch { messages: all[start..end].to_vec() }, hints },
            first_index: Some(u32::try_from(start).unwrap()),
            restored: false,
            next_index: Some(u32::try_from(end).unwrap()),
            more: end < all.len(),
        }
    }
}

fn response(index: usize, commits_before: usize) -> SendResponse {
    SendResponse {
        accepted_ms: 0,
        index: u32::try_from(index).unwrap(),
        commits_before: u32::try_from(commits_before).unwrap(),
    }
}
