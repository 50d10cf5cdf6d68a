//! A picture of one group.

use std::sync::Arc;

use super::{super::Service, Found, find};
use crate::forks::{Picture, survey};

impl Service {
    /// Draws the one group whose key begins so.
    ///
    /// # Errors
    /// When the store cannot read.
    pub async fn draw_forks(self: &Arc<Self>, group: Vec<u8>) -> Found<Picture> {
        let (now, most, forgotten) = (self.now(), self.limits().drawn_partitions, self.policy().forgotten);
        self.read_elsewhere(move |snapshot| {
            Ok(find::forest(snapshot, &group, most, forgotten)?.map(|forest| survey(&forest, now)))
        })
        .await
    }
}
