//! Pulling: what the store holds afterwards, whatever happened in between.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use testbed::registry::{Image, Registry, digest};
use testbed::{BOTH, Host, Who, reachable, stderr, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sol06-image-pull");

/// The program on a host, with a store of its own there.
fn program(host: &Host, who: Who, words: &[&str]) -> Command {
    let mut command = host.command(who, reachable(host, PROGRAM));
    command.args(words);
    command
}

fn data(who: Who) -> &'static str {
    match who {
        Who::Root => "/run/data",
        Who::User => "/run/user-home/data",
    }
}

fn run(host: &Host, who: Who, words: &[&str]) -> Output {
    program(host, who, words).output().expect("the program starts")
}

fn pull(host: &Host, who: Who, name: &str) {
    let output = run(host, who, &["pull", name]);
    assert!(output.status.success(), "{}", stderr(&output));
}

/// The store's folder, as the test sees it.
fn store(host: &Host, who: Who) -> PathBuf {
    format!("/proc/{}/root{}/coracle/solutions/store", host.pid(), data(who)).into()
}

/// The files of a folder, below it: names and contents, but for those of the locks.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder").flatten() {
            let path = entry.path();
            let kind = entry.file_type().expect("a type");
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                let name = path.strip_prefix(folder).expect("below").display().to_string();
                if !name.ends_with("lock") {
                    found.insert(name, fs::read(&path).expect("readable"));
                }
            }
        }
    }
    found
}

/// Every blob is what its name says, and nothing is on its way.
fn verify(host: &Host, who: Who) {
    let files = files(&store(host, who));
    let blobs: Vec<_> = files
        .iter()
        .filter_map(|(name, bytes)| Some((name.strip_prefix("blobs/")?, bytes)))
        .collect();
    assert!(!blobs.is_empty());
    for (name, bytes) in blobs {
        assert_eq!(name.replace('/', ":"), digest(bytes));
    }
    assert!(!files.keys().any(|name| name.starts_with("partial")), "{:?}", files.keys());
    let partial = fs::read_dir(store(host, who).join("partial")).expect("a folder");
    assert_eq!(partial.count(), 0);
}

/// An archive with these files. Bytes that do not compress.
fn archive(files: &[(&str, usize)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (number, (name, size)) in files.iter().enumerate() {
        let mut header = tar::Header::new_gnu();
        header.set_size(*size as u64);
        header.set_mode(0o644);
        header.set_cksum();
        let mut state = number as u32 + 1;
        let noise = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let bytes: Vec<u8> = (0..*size).map(noise).collect();
        archive.append_data(&mut header, name, &bytes[..]).expect("memory");
    }
    archive.into_inner().expect("memory")
}

fn three_layers() -> Image {
    Image::new("{}")
        .layer(&archive(&[("base", 200_000), ("etc/hosts", 10)]))
        .layer(&archive(&[("program", 400_000)]))
        .layer(&archive(&[("page", 1_000)]))
}

#[test]
fn each_blob_is_fetched_once() {
    let Some(host) = Host::new() else { return };
    let registry = Registry::start(Some(&host));
    let digest = registry.put("web", "1", &three_layers());
    let name = registry.name("web:1");
    for who in BOTH {
        let output = run(&host, who, &["pull", &name]);
        assert!(output.status.success(), "{}", stderr(&output));
        let shown = stdout(&output);
        assert!(shown.starts_with("1: Pulling from web\n"), "{shown}");
        assert_eq!(shown.matches(": Pull complete\n").count(), 3, "{shown}");
        let end = format!("Digest: {digest}\nStatus: Downloaded newer image for {name}\n{name}\n");
        assert!(shown.ends_with(&end), "{shown}");
        let blobs = |requests: Vec<String>| {
            requests.iter().filter(|request| request.contains("/blobs/")).count()
        };
        assert_eq!(blobs(registry.requests()), 4, "a configuration and three layers");
        verify(&host, who);

        let again = run(&host, who, &["pull", &name]);
        assert_eq!(stdout(&again).matches(": Already exists\n").count(), 3);
        assert!(stdout(&again).contains("Status: Image is up to date for"));
        assert_eq!(blobs(registry.requests()), 0);
        assert_eq!(stdout(&run(&host, who, &["pull", "-q", &name])), format!("{name}\n"));

        let list = stdout(&run(&host, who, &["images"]));
        let mut lines = list.lines();
        assert!(lines.next().is_some_and(|head| head.starts_with("REPOSITORY")), "{list}");
        let row: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
        assert_eq!(row[..2], [registry.name("web").as_str(), "1"]);
        let inspected = stdout(&run(&host, who, &["inspect", row[2]]));
        let inspected: serde_json::Value = serde_json::from_str(&inspected).expect("JSON");
        assert_eq!(inspected[0]["RepoTags"][0], name);
        assert_eq!(inspected[0]["Digest"], digest);
    }
}

#[test]
fn only_what_is_new_is_fetched() {
    let Some(host) = Host::new() else { return };
    let registry = Registry::start(Some(&host));
    registry.put("base", "1", &Image::new("{}").layer(&archive(&[("base", 1000)])));
    let web = Image::new("{}").layer(&archive(&[("base", 1000)])).layer(&archive(&[("web", 10)]));
    registry.put("web", "1", &web);
    pull(&host, Who::Root, &registry.name("base:1"));
    let output = stdout(&run(&host, Who::Root, &["pull", &registry.name("web:1")]));
    assert_eq!(output.matches(": Already exists\n").count(), 1, "{output}");
    assert_eq!(output.matches(": Pull complete\n").count(), 1, "{output}");

    // What both have stays when one goes.
    let removed = stdout(&run(&host, Who::Root, &["rmi", &registry.name("web:1")]));
    assert!(removed.starts_with("Untagged: "), "{removed}");
    assert_eq!(fs::read_dir(store(&host, Who::Root).join("layers")).unwrap().count(), 1);
    let removed = run(&host, Who::Root, &["rmi", &registry.name("base:1")]);
    assert!(removed.status.success(), "{}", stderr(&removed));
    let left = files(&store(&host, Who::Root));
    assert_eq!(left.keys().collect::<Vec<_>>(), ["index.json", "oci-layout"]);
    let output = run(&host, Who::Root, &["rmi", "base"]);
    assert_eq!(output.status.code(), Some(125));
    assert!(stderr(&output).contains("there is no image \"base\" here"), "{}", stderr(&output));
}

#[test]
fn two_pulls_of_one_image_work_once() {
    let Some(host) = Host::new() else { return };
    let registry = Registry::start(Some(&host));
    registry.put("web", "1", &three_layers());
    registry.be_slow(Duration::from_millis(20));
    let name = registry.name("web:1");
    let start =
        || program(&host, Who::Root, &["pull", &name]).stdout(Stdio::null()).spawn().unwrap();
    let mut pulls: Vec<_> = (0..4).map(|_| start()).collect();
    for pull in &mut pulls {
        assert!(pull.wait().unwrap().success());
    }
    let requests = registry.requests();
    let layers =
        requests.iter().filter(|request| request.starts_with("GET") && request.contains("/blobs/"));
    assert_eq!(layers.count(), 4, "{requests:#?}");
    verify(&host, Who::Root);
}

#[test]
fn a_pull_goes_on_where_a_killed_one_ended() {
    let Some(host) = Host::new() else { return };
    let registry = Registry::start(Some(&host));
    registry.put("big", "1", &Image::new("{}").layer(&archive(&[("big", 2_000_000)])));
    registry.be_slow(Duration::from_millis(20));
    let name = registry.name("big:1");
    let mut killed =
        program(&host, Who::Root, &["pull", &name]).stdout(Stdio::null()).spawn().unwrap();
    let arrived = || {
        let partial = store(&host, Who::Root).join("partial");
        let files = fs::read_dir(partial).into_iter().flatten().flatten();
        files
            .filter_map(|file| file.metadata().ok())
            .filter(|file| file.is_file())
            .map(|file| file.len())
            .max()
    };
    while arrived().unwrap_or_default() < 500_000 {
        thread::sleep(Duration::from_millis(5));
    }
    let _ = host.sh("pkill -KILL -f '[s]ol06-image-pull pull'");
    assert!(!killed.wait().unwrap().success());
    registry.be_slow(Duration::ZERO);
    let _ = registry.requests();
    pull(&host, Who::Root, &name);
    let requests = registry.requests();
    let resumed = requests.iter().filter_map(|request| request.split_once(" from "));
    let from: Vec<u64> = resumed.map(|(_, from)| from.parse().unwrap()).collect();
    assert!(from.len() == 1 && from[0] >= 500_000, "{requests:#?}");
    let _ = run(&host, Who::Root, &["prune"]);
    verify(&host, Who::Root);
}

#[test]
fn a_half_that_is_not_the_right_one_is_fetched_anew() {
    let Some(host) = Host::new() else { return };
    let registry = Registry::start(Some(&host));
    let layer = archive(&[("file", 100_000)]);
    registry.put(
        "web",
        "1",
        &Image::new("{}").blob(
            layer.clone(),
            "application/vnd.oci.image.layer.v1.tar",
            &digest(&layer),
        ),
    );
    let name = registry.name("web:1");
    assert!(run(&host, Who::Root, &["images"]).status.success());
    let half = store(&host, Who::Root).join("partial").join(digest(&layer).replace("sha256:", ""));
    // Wrong from the first byte; right at first and wrong later; too long.
    let mut wrong_end = layer[..60_000].to_vec();
    wrong_end[59_000] ^= 1;
    for wrong in [vec![7; 1000], wrong_end, vec![0; 300_000], layer.clone()] {
        fs::write(&half, wrong).unwrap();
        pull(&host, Who::Root, &name);
        let _ = run(&host, Who::Root, &["prune"]);
        verify(&host, Who::Root);
        let _ = run(&host, Who::Root, &["rmi", &name]);
    }
}

#[test]
fn a_wrong_layer_leaves_nothing() {
    let Some(host) = Host::new() else { return };
    let registry = Registry::start(Some(&host));
    let tar = "application/vnd.oci.image.layer.v1.tar";
    let gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
    let good = archive(&[("good", 10)]);
    let other = digest(b"another archive");
    let cut = good[..700].to_vec();
    let (cut_digest, good_digest) = (digest(&cut), digest(&good));
    let cases = [
        (good.clone(), tar, other.as_str(), "the archive in it is not the one"),
        (cut, tar, cut_digest.as_str(), "layer sha256:"),
        (good.clone(), gzip, good_digest.as_str(), "layer sha256:"),
    ];
    for who in BOTH {
        for (blob, media_type, diff_id, expected) in &cases {
            let image = Image::new("{}").blob(blob.clone(), media_type, diff_id);
            registry.put("wrong", "1", &image);
            let output = run(&host, who, &["pull", &registry.name("wrong:1")]);
            assert_eq!(output.status.code(), Some(125));
            assert!(stderr(&output).contains(expected), "{}", stderr(&output));
            assert!(stderr(&output).contains(&digest(blob)), "{}", stderr(&output));
            let _ = run(&host, who, &["prune"]);
            let left = files(&store(&host, who));
            assert!(left.keys().all(|name| !name.contains('/')), "{:?}", left.keys());
        }
    }
}

/// As after Ctrl-C in `rmi`, and then a pull of the same image.
#[test]
fn what_a_killed_removal_left_is_in_nobodys_way() {
    let Some(host) = Host::new() else { return };
    let registry = Registry::start(Some(&host));
    registry.put("web", "1", &three_layers());
    let name = registry.name("web:1");
    for verb in [&["rmi", &name][..], &["prune"]] {
        pull(&host, Who::Root, &name);
        let _ = host.sh(&format!(
            "cd {}/coracle/solutions/store; for layer in $(ls layers); do
                 mkdir -p partial/$layer.removed/fs; done
             [ {} = rmi ] || echo '{{\"schemaVersion\":2,\"manifests\":[]}}' >index.json",
            data(Who::Root),
            verb[0]
        ));
        let output = run(&host, Who::Root, verb);
        assert!(output.status.success(), "{}", stderr(&output));
        let left = fs::read_dir(store(&host, Who::Root).join("partial")).expect("a folder");
        assert_eq!(left.count(), 0);
    }
}

#[test]
fn a_full_disk_is_told_and_leaves_no_damage() {
    let Some(host) = Host::new() else { return };
    let registry = Registry::start(Some(&host));
    registry.put("big", "1", &Image::new("{}").layer(&archive(&[("big", 3_000_000)])));
    let _ = host.sh("mkdir -p /run/data && mount -t tmpfs -o size=2m small /run/data");
    let name = registry.name("big:1");
    let output = run(&host, Who::Root, &["pull", &name]);
    assert_eq!(output.status.code(), Some(125));
    assert!(stderr(&output).contains("No space left on device"), "{}", stderr(&output));
    let _ = host.sh("mount -o remount,size=20m /run/data");
    pull(&host, Who::Root, &name);
    let _ = run(&host, Who::Root, &["prune"]);
    verify(&host, Who::Root);
}

#[test]
fn a_hundred_killed_pulls_lose_no_space() {
    let Some(host) = Host::new() else { return };
    let registry = Registry::start(Some(&host));
    registry.put("web", "1", &three_layers());
    let name = registry.name("web:1");
    pull(&host, Who::Root, &name);
    let whole = files(&store(&host, Who::Root));
    let _ = run(&host, Who::Root, &["rmi", &name]);
    registry.be_slow(Duration::from_millis(2));
    let mut random = 12345_u64;
    for _ in testbed::rounds(100) {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let delay = Duration::from_micros(random >> 48);
        let done =
            host.kill_after(Who::Root, delay, &reachable(&host, PROGRAM), &["pull", "-q", &name]);
        // Now and then all is there before the blow; then begin anew.
        if done {
            let _ = run(&host, Who::Root, &["rmi", &name]);
        }
    }
    registry.be_slow(Duration::ZERO);
    pull(&host, Who::Root, &name);
    let output = run(&host, Who::Root, &["prune"]);
    assert!(output.status.success(), "{}", stderr(&output));
    verify(&host, Who::Root);
    assert!(files(&store(&host, Who::Root)) == whole);
}

#[test]
fn one_damaged_layer_is_told_and_mended() {
    let Some(host) = Host::new() else { return };
    let registry = Registry::start(Some(&host));
    registry.put("web", "1", &three_layers());
    registry.put("web", "2", &Image::new("{}").layer(&archive(&[("other", 10)])));
    let (one, two) = (registry.name("web:1"), registry.name("web:2"));
    pull(&host, Who::Root, &one);
    // As after a power cut.
    let folder = format!("{}/coracle/solutions/store/layers", data(Who::Root));
    let _ = host.sh(&format!("for file in {folder}/*/layer.json; do : >$file; done"));
    pull(&host, Who::Root, &two);
    let told = |output: &Output| {
        let said = stderr(output);
        assert!(said.contains("/layer.json\" makes no sense") && said.contains("rmi"), "{said}");
    };
    let output = run(&host, Who::Root, &["images"]);
    assert_eq!(stdout(&output).lines().count(), 2, "{}", stderr(&output));
    told(&output);
    told(&run(&host, Who::Root, &["run", "--network", "none", &one, "true"]));
    assert!(run(&host, Who::Root, &["rmi", &one]).status.success());
    pull(&host, Who::Root, &one);
    let output = run(&host, Who::Root, &["images"]);
    assert_eq!((stdout(&output).lines().count(), stderr(&output).as_str()), (3, ""));
}

#[test]
fn an_image_for_another_machine_is_taken_only_on_request() {
    let Some(host) = Host::new() else { return };
    let registry = Registry::start(Some(&host));
    let mut image = three_layers();
    image.architecture = "s390x".into();
    registry.put("web", "1", &image);
    let name = registry.name("web:1");
    let output = run(&host, Who::Root, &["pull", &name]);
    assert_eq!(output.status.code(), Some(125));
    assert!(stderr(&output).contains("is made for linux/s390x, not for"), "{}", stderr(&output));
    // What an image says of itself may be anything.
    image.architecture = format!("\\u001b[2J{}", "x".repeat(100_000));
    registry.put("web", "2", &image);
    let said = stderr(&run(&host, Who::Root, &["pull", &registry.name("web:2")]));
    assert!(said.contains("is made for linux/\\u{1b}[2Jxxx"), "{said}");
    assert!(!said.contains('\x1b') && said.len() < 1000, "{said}");
    let output = run(&host, Who::Root, &["pull", "--platform", "linux/s390x", &name]);
    assert!(output.status.success(), "{}", stderr(&output));
}
