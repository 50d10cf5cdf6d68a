//! What every engine keeps: the definition of [`Store`](super::Store) and [`Snapshot`](super::Snapshot), as tests.
//!
//! Nothing here names an engine. An engine's own tests say how it is opened and take the whole contract with one line,
//! [`contract_tests!`](contract_tests). Each function is one promise; a promise of the trait that no function here
//! breaks on is none.

pub(crate) mod arrangements;
pub(crate) mod at_hand;
pub(crate) mod atomicity;
pub(crate) mod budgets;
pub(crate) mod concurrency;
pub(crate) mod inbox;
pub(crate) mod isolation;
pub(crate) mod outbox;
pub(crate) mod pages;
pub(crate) mod pool;
pub(crate) mod pushes;
pub(crate) mod removal;
pub(crate) mod reopening;
pub(crate) mod retention;
pub(crate) mod rows;
pub(crate) mod samples;
pub(crate) mod scans;
pub(crate) mod timers;

use std::{path::Path, sync::Arc};

use super::Store;

/// Opens the store in that folder, or makes it; all that a test opens belong to one provider.
pub(crate) type Open = fn(&Path) -> Arc<dyn Store>;

/// One test for each promise, against the engine that the function opens.
macro_rules! contract_tests {
    ($open:path) => {
        $crate::store::contract::contract_tests! { $open;
            arrangements {
                bans_are_paged_in_order
                rows_are_replaced_and_removed
            }
            at_hand {
                reads_are_whole_or_none
                reads_end_with_their_bytes
                a_snapshot_after_a_commit_is_never_behind_it
            }
            atomicity {
                a_batch_is_seen_whole_or_not_at_all
                nothing_of_an_empty_batch_is_written
            }
            budgets {
                are_paged_in_order_without_gaps
                of_nothing_are_no_rows
            }
            concurrency {
                writers_of_different_groups_and_readers_do_not_disturb_each_other
            }
            inbox {
                rows_are_told_apart_by_all_of_their_key
                rows_are_replaced_and_removed
                letters_are_listed_by_client_in_order
                a_share_of_nothing_is_no_row
            }
            isolation {
                a_snapshot_does_not_change
                a_snapshot_after_a_commit_sees_it
            }
            outbox {
                is_paged_in_order_without_gaps
                lists_each_provider_once_and_its_deliveries_earliest_first
                forgets_what_is_done
            }
            pages {
                end_before_the_limit
                hold_at_least_one_message
                count_group_infos
                say_whether_there_is_more
                begin_at_the_first_message_that_is_there
            }
            pool {
                rows_are_told_apart_by_all_of_their_key
                rows_are_replaced_and_removed
                accounts_are_paged_in_order
                expiries_are_due_earliest_first_until_they_are_cleared
                handles_are_found_among_many_that_were_removed
                handles_are_listed_by_user_in_order
                items_are_listed_by_stock_in_order
                marks_are_paged_in_the_order_in_which_they_lapse
                marks_lapse_together
            }
            pushes {
                subscriptions_are_paged_by_provider
                kept_messages_are_paged_and_let_go
                what_is_not_followed_leaves_nothing
                presenters_of_a_group_are_paged_and_forgotten
            }
            removal {
                takes_all_rows_of_the_partition
                leaves_the_neighbours_alone
                takes_what_came_earlier_in_the_batch
                leaves_room_for_a_new_partition
            }
            reopening {
                everything_is_still_there
                the_secret_stays_and_differs_from_others
            }
            retention {
                trimming_takes_messages_up_to_an_index_and_no_others
                emptying_leaves_the_record_and_what_is_sent_later
                what_nothing_refers_to_is_gone
                what_is_known_of_a_group_is_taken_back
                rows_are_walked_in_order_without_gaps
                there_is_one_walk
            }
            rows {
                of_every_kind_are_read_back
                of_any_content_are_read_back
                that_were_never_written_are_not_there
                are_replaced_by_later_ones
                belong_to_their_group
                are_told_apart_by_all_of_their_key
            }
            scans {
                of_announcements_find_all_groups_of_a_key
                of_heads_find_those_of_an_epoch_and_the_highest
                of_forked_groups_are_paged_in_order
                of_names_find_what_begins_so
            }
            timers {
                are_due_earliest_first
                end_when_they_are_cleared
            }
        }
    };
    ($open:path; $($module:ident { $($promise:ident)* })*) => {
        mod contract {
            $(
                mod $module {
                    $(
                        #[test]
                        fn $promise() {
                            $crate::store::contract::$module::$promise($open);
                        }
                    )*
                }
            )*
        }
    };
}

pub(crate) use contract_tests;
