//! Groups for measurements, with one partition each.

use std::sync::Arc;

use restante::{
    mls::{CipherSuite, EpochNumber, ProtocolVersion},
    service::{Service, UserId},
    wire::{CreateGroupRequest, encode},
};

use crate::message::partition_key;

/// Creates groups, many at a time. Returns their ids.
pub(crate) async fn create_groups(service: &Arc<Service>, groups: usize) -> Vec<Vec<u8>> {
    let mut ids = vec![Vec::new(); groups];
    let mut tasks = tokio::task::JoinSet::new();
    let places = Arc::new(tokio::sync::Semaphore::new(256));
    for group in 0..groups {
        let (service, places) = (service.clone(), places.clone());
        tasks.spawn(async move {
            let _place = places.acquire().await.unwrap();
            let user = UserId::new(b"bench".to_vec()).unwrap();
            let id = service.mint_group_id(&user).await.unwrap().as_bytes().to_vec();
            let request = CreateGroupRequest {
                group_id: id.clone(),
                partition_key: partition_key(group),
                version: ProtocolVersion::MLS10,
                cipher_suite: CipherSuite(1),
                epoch: EpochNumber(1),
                group_info: None,
                ratchet_tree: None,
                welcome_data: None,
            };
            let body = encode(&request).unwrap();
            service.create_group(&user, request, &body).await.unwrap();
            (group, id)
        });
    }
    while let Some(created) = tasks.join_next().await {
        let (group, id) = created.unwrap();
        ids[group] = id;
    }
    ids
}
