//! What the engine needs of any store, as plain functions over one: the test of a store is a list of calls.
//!
//! The unit tests run it on memory and on folders, `tests/servers` on real servers. Every function works below a
//! prefix of its own, so that all of them can run on one bucket, and leaves its objects there: a bucket is thrown away
//! with the test. Start with [`all`]; [`layer`] and [`own`] are about what `store::Store` makes of a store.

pub(crate) mod creates;
pub(crate) mod layer;
pub(crate) mod listing;
pub(crate) mod own;
pub(crate) mod reads;

use std::sync::Arc;

use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode};

/// How much of it is run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// Races of 16 creates of one key.
    pub(crate) races: usize,
    /// Objects of the longest listing.
    pub(crate) keys: usize,
    /// Whether reads have conditions. The engine asks for none, and not every server has them.
    pub(crate) conditions: bool,
}

/// Runs everything that any store must pass.
pub(crate) async fn all(store: Arc<dyn ObjectStore>, scale: Scale) {
    reads::missing_objects_are_not_found(&*store).await;
    reads::an_overwrite_replaces_the_whole_object(&*store).await;
    reads::overwrites_at_the_same_time_leave_one_of_them(&store).await;
    reads::what_was_written_is_read_at_once(&store).await;
    reads::keys_are_kept_as_they_are(&*store).await;
    reads::a_deleted_object_is_gone_and_its_key_free(&*store).await;
    reads::ranges_are_honoured(&*store).await;
    if scale.conditions {
        reads::conditions_are_honoured(&*store).await;
    }
    creates::a_second_create_fails_and_changes_nothing(&*store).await;
    creates::a_create_is_whole_for_whoever_sees_it(&store).await;
    creates::one_of_many_creates_wins(&store, scale.races).await;
    listing::listings_have_what_is_below_the_prefix(&*store).await;
    listing::a_listing_begins_after_its_offset(&*store).await;
    listing::one_level_has_objects_and_prefixes(&*store).await;
    listing::what_was_written_or_deleted_is_listed_so_at_once(&store).await;
    listing::many_keys_are_all_listed(&store, scale.keys).await;
    layer::objects_are_written_listed_dated_and_deleted(&store).await;
    layer::the_clock_of_the_store_goes_forward(&store).await;
    layer::of_many_runners_one_wins_and_the_others_adopt_its_bytes(&store).await;
    layer::the_probe_is_content(&store).await;
}

pub(crate) async fn create(store: &dyn ObjectStore, key: &str, body: &str) -> Result<(), Error> {
    store.put_opts(&Path::parse(key)?, body.to_owned().into(), PutMode::Create.into()).await.map(drop)
}

pub(crate) async fn overwrite(store: &dyn ObjectStore, key: &str, body: &str) -> Result<(), Error> {
    store.put(&Path::parse(key)?, body.to_owned().into()).await.map(drop)
}

pub(crate) async fn read(store: &dyn ObjectStore, key: &str) -> Result<String, Error> {
    let body = store.get(&Path::parse(key)?).await?.bytes().await?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

pub(crate) async fn keys(store: &dyn ObjectStore, prefix: &str) -> Vec<String> {
    let mut keys: Vec<String> = store
        .list(Some(&Path::parse(prefix).expect("a prefix")))
        .map_ok(|meta| meta.location.to_string())
        .try_collect()
        .await
        .expect("list");
    // No store promises an order.
    keys.sort();
    keys
}
