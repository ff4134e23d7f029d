//! What only a folder can get wrong.

use super::*;

use std::os::unix::fs::{PermissionsExt as _, symlink};

use object_store::ObjectStoreExt as _;
use tempfile::TempDir;

use crate::store::conformance::{self, Scale, create, keys, overwrite, read};
use crate::store::tests::FULL;

/// Less, where every put waits for the disk.
const DURABLE: Scale = Scale { races: 50, keys: 1000, conditions: true };

fn folder() -> (TempDir, LocalStore) {
    let dir = TempDir::new().expect("folder");
    let store = LocalStore::new(dir.path());
    (dir, store)
}

/// The same folder in the three ways in which it may be used.
fn ways(store: &LocalStore) -> [LocalStore; 3] {
    let fallback = LocalStore::new(store.root()).with_fallbacks();
    [store.clone(), store.clone().with_fsync(true), fallback]
}

fn names(dir: &DiskPath) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_folder_conforms() {
    let (_dir, store) = folder();
    conformance::all(Arc::new(store), FULL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_folder_that_waits_for_the_disk_conforms() {
    let (_dir, store) = folder();
    conformance::all(Arc::new(store.with_fsync(true)), DURABLE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_folder_without_help_of_the_kernel_conforms() {
    for fsync in [false, true] {
        let (dir, store) = folder();
        conformance::all(Arc::new(store.with_fallbacks().with_fsync(fsync)), DURABLE).await;
        assert!(names(&dir.path().join("create")).iter().all(|name| !name.starts_with('.')), "staged files are left");
    }
}

#[tokio::test]
async fn copies_have_the_content_and_replace_only_if_asked() {
    let (_dir, store) = folder();
    let (a, b) = (Path::from("copy/a"), Path::from("copy/b"));
    create(&store, "copy/a", "content").await.expect("create");
    store.copy(&a, &b).await.expect("copy");
    assert_eq!(read(&store, "copy/b").await.expect("read"), "content");
    assert!(matches!(store.copy_if_not_exists(&a, &b).await, Err(Error::AlreadyExists { .. })));
}

#[tokio::test]
async fn a_listing_has_the_same_dates_and_tags_as_the_objects() {
    let (_dir, store) = folder();
    create(&store, "a/b", "x").await.expect("create");
    for listed in store.list(None).try_collect::<Vec<_>>().await.expect("list") {
        assert_eq!(listed, store.head(&listed.location).await.expect("head"));
    }
}

#[test]
fn a_folder_works_without_a_runtime() {
    let (_dir, store) = folder();
    futures::executor::block_on(async {
        for store in ways(&store) {
            overwrite(&store, "a/b", "x").await.expect("put");
            assert_eq!(read(&store, "a/b").await.expect("get"), "x");
            assert_eq!(keys(&store, "a").await, ["a/b"]);
        }
    });
}

#[tokio::test]
async fn listings_are_sorted_by_key() {
    let (_dir, store) = folder();
    for key in ["b", "a/z", "a-b", "a/y/x", "c/1"] {
        create(&store, key, "x").await.expect("create");
    }
    let listed: Vec<_> = store.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.expect("list");
    assert_eq!(listed, ["a-b", "a/y/x", "a/z", "b", "c/1"]);
}

#[tokio::test]
async fn only_a_put_creates_the_folder_and_a_deleted_one_is_created_anew() {
    let dir = TempDir::new().expect("folder");
    let root = dir.path().join("x/y");
    for store in ways(&LocalStore::new(&root)) {
        assert!(keys(&store, "").await.is_empty());
        assert!(matches!(read(&store, "a").await, Err(Error::NotFound { .. })));
        assert!(matches!(store.delete(&Path::from("a")).await, Err(Error::NotFound { .. })));
        assert!(store.strays().expect("strays").is_empty());
        assert!(!root.exists());
        for key in ["a", "b/c"] {
            create(&store, key, "x").await.expect("create");
            std::fs::remove_dir_all(&root).expect("remove");
            assert!(matches!(read(&store, key).await, Err(Error::NotFound { .. })));
        }
    }
}

fn refused<T: fmt::Debug>(result: Result<T>, link: &str) {
    let error = result.expect_err(link);
    assert!(matches!(error, Error::PermissionDenied { .. }), "{error:?}");
    let refused = SymlinkRefused::find(&error).unwrap_or_else(|| panic!("{link}: {error:?}"));
    assert_eq!(refused.path, link);
    assert!(error.to_string().contains(&format!("{link} is a symbolic link, which an organisation")), "{error}");
}

#[tokio::test]
async fn a_symbolic_link_is_refused_in_each_component() {
    let outside = TempDir::new().expect("folder");
    std::fs::create_dir_all(outside.path().join("b/c")).expect("folders");
    std::fs::write(outside.path().join("b/c/d"), "secret").expect("file");
    for (link, target) in [("a", ""), ("a/b", "b"), ("a/b/c", "b/c"), ("a/b/c/d", "b/c/d")] {
        let (dir, store) = folder();
        let at = dir.path().join(link);
        std::fs::create_dir_all(at.parent().expect("parent")).expect("folders");
        symlink(outside.path().join(target), &at).expect("link");
        for store in ways(&store) {
            refused(read(&store, "a/b/c/d").await, link);
            refused(store.head(&Path::from("a/b/c/d")).await, link);
            refused(create(&store, "a/b/c/d", "x").await, link);
            refused(overwrite(&store, "a/b/c/d", "x").await, link);
            refused(store.delete(&Path::from("a/b/c/d")).await, link);
            if link != "a/b/c/d" {
                refused(create(&store, "a/b/c/new/e", "x").await, link);
                refused(store.list(Some(&Path::from("a/b/c"))).try_collect::<Vec<_>>().await, link);
                refused(store.list_with_delimiter(Some(&Path::from("a/b/c"))).await, link);
            }
            assert!(keys(&store, "").await.is_empty(), "links are not listed");
            let level = store.list_with_delimiter(None).await.expect("list");
            assert_eq!(level.common_prefixes.len(), usize::from(link != "a"));
            let strays = store.strays().expect("strays");
            assert_eq!(strays, [Stray { path: link.to_owned(), kind: StrayKind::Symlink }]);
        }
        assert!(at.symlink_metadata().expect("link").is_symlink(), "the link is left for a person");
    }
    assert_eq!(names(outside.path()), ["b"]);
    assert_eq!(std::fs::read_to_string(outside.path().join("b/c/d")).expect("file"), "secret");
}

#[tokio::test]
async fn a_link_inside_the_folder_or_to_nothing_is_refused_too_but_not_one_above_the_root() {
    let (dir, store) = folder();
    create(&store, "real/a", "x").await.expect("create");
    symlink("real", dir.path().join("link")).expect("link");
    symlink("nothing", dir.path().join("dangling")).expect("link");
    let elsewhere = TempDir::new().expect("folder");
    symlink(dir.path(), elsewhere.path().join("org")).expect("link");
    for store in ways(&store) {
        refused(read(&store, "link/a").await, "link");
        refused(read(&store, "dangling").await, "dangling");
        refused(overwrite(&store, "dangling", "x").await, "dangling");
        refused(create(&store, "dangling/a", "x").await, "dangling");
    }
    for store in ways(&LocalStore::new(elsewhere.path().join("org"))) {
        assert_eq!(read(&store, "real/a").await.expect("read"), "x");
        overwrite(&store, "real/b", "x").await.expect("put");
    }
    assert!(!dir.path().join("nothing").exists());
}

#[tokio::test]
async fn what_is_no_regular_file_with_a_plain_name_is_not_listed_and_is_reported() {
    let (dir, store) = folder();
    create(&store, "a/b", "x").await.expect("create");
    std::fs::write(dir.path().join("a/.lemming-1-1.tmp"), "half").expect("file");
    std::fs::create_dir(dir.path().join(".git")).expect("folder");
    std::fs::write(dir.path().join(".git/config"), "x").expect("file");
    std::fs::write(dir.path().join("a/line\nbreak"), "x").expect("file");
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStrExt as _;
        let name = std::ffi::OsStr::from_bytes(b"a/\xff");
        std::fs::write(dir.path().join(name), "x").expect("file");
        let pipe = dir.path().join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, mode, 0).expect("pipe");
    }
    assert_eq!(keys(&store, "").await, ["a/b"]);
    let level = store.list_with_delimiter(None).await.expect("list");
    assert_eq!((level.objects.len(), level.common_prefixes), (0, vec![Path::from("a")]));
    let level = store.list_with_delimiter(Some(&Path::from("a"))).await.expect("list");
    assert_eq!((level.objects.len(), level.common_prefixes.len()), (1, 0));
    #[cfg(target_os = "linux")]
    {
        assert!(matches!(read(&store, "pipe").await, Err(Error::NotFound { .. })), "and it does not wait");
        let strays: Vec<_> =
            store.strays().expect("strays").into_iter().map(|stray| (stray.path, stray.kind)).collect();
        assert_eq!(
            strays,
            [
                ("a/line\nbreak".to_owned(), StrayKind::NotAKey),
                ("a/\u{fffd}".to_owned(), StrayKind::NotAKey),
                ("pipe".to_owned(), StrayKind::Special),
            ]
        );
    }
}

#[tokio::test]
async fn a_folder_is_no_object_and_an_object_no_folder() {
    let (dir, store) = folder();
    for store in ways(&store) {
        overwrite(&store, "a/b", "x").await.expect("put");
        assert!(matches!(read(&store, "a").await, Err(Error::NotFound { .. })));
        assert!(matches!(read(&store, "a/b/c").await, Err(Error::NotFound { .. })));
        assert!(matches!(store.delete(&Path::from("a")).await, Err(Error::NotFound { .. })));
        assert!(matches!(store.delete(&Path::from("a/b/c")).await, Err(Error::NotFound { .. })));
        assert!(keys(&store, "a/b").await.is_empty());
        for result in [create(&store, "a", "x").await, overwrite(&store, "a", "x").await] {
            let error = result.expect_err("folder").to_string();
            assert!(error.contains("is a folder, so it cannot be an object"), "{error}");
        }
        for result in [create(&store, "a/b/c", "x").await, overwrite(&store, "a/b/c/d", "x").await] {
            let error = result.expect_err("file").to_string();
            assert!(error.contains("a file is where"), "{error}");
        }
    }
    assert_eq!(names(&dir.path().join("a")), ["b"]);
    assert_eq!(names(dir.path()), ["a"]);
}

#[tokio::test]
async fn keys_that_a_folder_would_confuse_are_refused() {
    let (dir, store) = folder();
    let hidden = |key: &str| Path::parse(key).expect("path");
    for key in [hidden(".hidden"), hidden("a/.lemming-1-1.tmp"), hidden("a/.git/config"), Path::ROOT] {
        store.put(&key, "x".into()).await.expect_err("put");
        assert!(store.get(&key).await.expect_err("get").to_string().contains("is not a key"), "{key}");
    }
    assert_eq!(Path::from("../a").as_ref(), "%2E%2E/a", "the path type lets none out either");
    assert!(names(dir.path()).is_empty());
}

#[tokio::test]
async fn attributes_updates_and_multipart_are_not_implemented() {
    let (_dir, store) = folder();
    let key = Path::from("a");
    let attributes = Attributes::from_iter([(object_store::Attribute::ContentType, "text/plain")]);
    let update = PutMode::Update(object_store::UpdateVersion { e_tag: None, version: None });
    for result in [
        store.put_opts(&key, "x".into(), attributes.into()).await.map(drop),
        store.put_opts(&key, "x".into(), update.into()).await.map(drop),
        store.put_multipart(&key).await.map(drop),
    ] {
        assert!(matches!(result, Err(Error::NotImplemented { .. })), "{result:?}");
    }
}

#[tokio::test]
async fn a_put_that_the_disk_refuses_names_the_path_and_leaves_nothing() {
    // Nobody may create a file here, root neither.
    let nowhere = LocalStore::new("/proc/self/lemming");
    let error = create(&nowhere, "a", "x").await.expect_err("no place").to_string();
    assert!(error.contains("/proc/self/lemming/a"), "{error}");

    let (dir, store) = folder();
    std::fs::write(dir.path().join("file"), "x").expect("file");
    let below = LocalStore::new(dir.path().join("file"));
    create(&below, "a", "x").await.expect_err("a file is no folder");

    if rustix::process::geteuid().is_root() {
        return; // may write anywhere
    }
    create(&store, "a/b", "x").await.expect("create");
    std::fs::set_permissions(dir.path().join("a"), std::fs::Permissions::from_mode(0o555)).expect("chmod");
    for store in ways(&store) {
        let error = create(&store, "a/c", "x").await.expect_err("read-only");
        assert!(matches!(error, Error::PermissionDenied { .. }), "{error}");
        let error = overwrite(&store, "a/b", "y").await.expect_err("read-only");
        assert!(matches!(error, Error::PermissionDenied { .. }), "{error}");
    }
    assert_eq!(
        (names(&dir.path().join("a")), read(&store, "a/b").await.expect("read")),
        (vec!["b".into()], "x".into())
    );
    std::fs::set_permissions(dir.path().join("a"), std::fs::Permissions::from_mode(0o755)).expect("chmod");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_read_only_disk_is_a_permission_error() {
    let (_dir, store) = folder();
    for (errno, denied) in [
        (rustix::io::Errno::ROFS, true),
        (rustix::io::Errno::ACCESS, true),
        (rustix::io::Errno::PERM, true),
        (rustix::io::Errno::NOSPC, false),
    ] {
        let error = explain(&store.folder, "a/b", Doing::Write, errno);
        assert_eq!(matches!(error, Error::PermissionDenied { .. }), denied, "{error}");
        let text = error.to_string();
        assert!(text.contains("a/b") && text.contains("os error"), "{text}");
    }
}

#[tokio::test]
async fn metadata_is_the_files_own() {
    let (dir, store) = folder();
    store.put(&Path::from("a"), "12345".into()).await.expect("put");
    let got = store.get(&Path::from("a")).await.expect("get").meta;
    let disk = std::fs::metadata(dir.path().join("a")).expect("file");
    assert_eq!(got.size, 5);
    assert_eq!(std::time::SystemTime::from(got.last_modified), disk.modified().expect("time"));
    assert_eq!(disk.permissions().mode() & 0o600, 0o600);
    store.put(&Path::from("a"), "12345".into()).await.expect("put");
    assert_ne!(store.head(&Path::from("a")).await.expect("head").e_tag, got.e_tag, "another object");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_object_comes_back_whole() {
    let (_dir, store) = folder();
    let body: Vec<u8> = (0..3 * LARGE_BYTES).map(|i| (i % 251) as u8).collect();
    let payload = PutPayload::from_iter(body.chunks(100_000).map(|chunk| Bytes::from(chunk.to_vec())));
    store.put(&Path::from("a"), payload).await.expect("put");
    assert_eq!(store.get(&Path::from("a")).await.expect("get").bytes().await.expect("bytes"), body);
}
