//! Images that others made, from a registry that others wrote: what is unpacked here is what others
//! unpack, file by file.
//!
//! Debian's `docker-registry` serves, `skopeo` fills it, `umoci` and `podman` unpack beside us.

mod machine;
mod tree;

use machine::{Machine, REGISTRY};
use testbed::stderr;

/// The root folder's path. It is left out where no layer of the image says what it is like: umoci
/// then gives it the time 0, podman and we that of the pull.
const ROOT: &str = "";

#[test]
fn packages_and_oddities_are_as_umoci_and_podman_unpack_them() {
    let Some(machine) = Machine::new("") else { return };
    machine.make_small_image();
    let _ = machine.sh("copy --preserve-digests oci:small:1 docker://$R/small:1");
    let ours = machine.ours("small:1");
    assert!(ours.len() > 2000, "{} paths are few", ours.len());
    ours.assert_same(&machine.umoci("small:1"));
    ours.assert_same(&machine.podman("small:1"));
}

#[test]
fn dockers_manifest_and_other_compressions_give_the_same_files() {
    let Some(machine) = Machine::new("") else { return };
    machine.make_small_image();
    // skopeo keeps a compressed layer as it is, whatever it is asked for: so from plain ones.
    let _ = machine.sh("copy --format v2s2 oci:small:1 docker://$R/small:docker
         copy --dest-decompress oci:small:1 dir:plain
         copy --preserve-digests dir:plain docker://$R/small:plain
         copy --dest-compress --dest-compress-format zstd dir:plain oci:zstd:1
         copy --preserve-digests oci:zstd:1 docker://$R/small:zstd");
    let expected = machine.umoci("small:1");
    for (tag, media_type) in [
        ("docker", "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        ("plain", "application/vnd.oci.image.layer.v1.tar"),
        ("zstd", "application/vnd.oci.image.layer.v1.tar+zstd"),
    ] {
        let manifest =
            machine.sh(&format!("skopeo inspect --raw --tls-verify=false docker://$R/small:{tag}"));
        let layers = manifest.split(r#""layers""#).nth(1).expect("layers");
        assert_eq!(layers.matches(&format!(r#""{media_type}""#)).count(), 5, "{manifest}");
        machine.ours(&format!("small:{tag}")).assert_same(&expected);
    }
}

/// Layers by `podman build`, and by `podman commit` what a container changed.
#[test]
fn what_podman_builds_and_commits() {
    let Some(machine) = Machine::new("") else { return };
    let _ = machine.sh(
        "mkdir -p context/one/sub context/two; cd context
         echo kept >one/kept; echo gone >one/gone; echo below >one/sub/below; echo file >one/file
         ln one/kept one/hard; ln -s kept one/soft; chmod 6750 one/kept; chown 7:8 one/sub
         echo two >two/two; echo now >two/file; mkfifo two/fifo
         printf 'FROM scratch\\nCOPY one /data/\\nCOPY two /data/\\nCMD [\"/x\"]\\n' >Containerfile
         pod build --quiet --format=oci --layers --tag built:1 . >&2
         pod create --name changed built:1 >&2; cd $(pod mount changed)/data
         rm -r gone sub; mkdir sub; echo new >sub/new; rm file; ln -s sub file; setcap cap_chown=ep two
         setfattr -n user.colour -v red sub; mknod null c 1 3; chown 1000 two; touch -d @1.000000001 sub
         ln two two-hard; cd /tmp; pod unmount changed >&2
         for form in oci docker; do
             pod commit --quiet --format=$form changed $R/changed:$form >&2
             pod push --quiet --tls-verify=false $R/changed:$form >&2
             copy docker://$R/changed:$form oci:changed:$form
         done",
    );
    for form in ["oci", "docker"] {
        let image = format!("changed:{form}");
        let mut ours = machine.ours(&image);
        ours.leave_out(ROOT);
        ours.assert_same(&machine.umoci(&image));
        ours.assert_same(&machine.podman(&image));
    }
}

/// Layers by `umoci repack`, and one with a hard link to a file of the layer below.
#[test]
fn what_umoci_repacks() {
    let Some(machine) = Machine::new("") else { return };
    let _ = machine.sh(
        "umoci init --layout made; umoci new --image made:1
         umoci unpack --image made:1 bundle; cd bundle/rootfs
         mkdir -p data/sub/deep data/gone/deep; echo a >data/a; ln data/a data/b; echo x >data/sub/deep/x
         echo y >data/gone/deep/y; chmod 4711 data/a; mkfifo data/fifo; ln -s a data/c; chown -h 5 data/c
         touch -d @1000000000.5 data/sub data; cd /tmp; umoci repack --refresh-bundle --image made:1 bundle
         cd bundle/rootfs/data; rm -r gone b; rm -r sub; ln -s a sub; rm c; mkdir c; echo d >c/d
         chmod 700 .; touch -d @1000000001.25 .; cd /tmp; umoci repack --image made:1 bundle
         copy oci:made:1 docker://$R/made:1",
    );
    let ours = machine.ours("made:1");
    ours.assert_same(&machine.umoci("made:1"));
    ours.assert_same(&machine.podman("made:1"));
}

/// podman refuses such a link, and gives a folder that the layer does not describe mode 0755.
#[test]
fn what_only_the_layers_below_know() {
    let Some(machine) = Machine::new("") else { return };
    let _ = machine.sh(
        "mkdir -p below/data/sub; cd below/data; echo a >a; chmod 640 a; chown 7:8 a sub
         setfattr -n user.colour -v red a; setfattr -n user.colour -v blue sub; chmod 2711 sub
         echo b >b; touch -d @1.5 a sub; touch -d @1.25 b .; cd /tmp; chmod 751 below
         tar --create --format=posix --xattrs --file=below.tar --directory=below .
         cp -a below above; ln above/data/a above/data/linked; ln above/data/b above/data/sub/linked
         touch -d @2.5 above/data; cd above
         tar --create --format=posix --no-recursion --file=../above.tar \
             data data/a data/linked data/b data/sub/linked
         cd /tmp; tar --delete --file=above.tar data/a data/b
         umoci init --layout made; umoci new --image made:1
         umoci raw add-layer --image made:1 below.tar; umoci raw add-layer --image made:1 above.tar
         copy oci:made:1 docker://$R/made:1",
    );
    machine.ours("made:1").assert_same(&machine.umoci("made:1"));
}

#[test]
fn the_hosts_own_platform_is_taken_from_an_index() {
    let Some(machine) = Machine::new("") else { return };
    let _ = machine.sh(
        "pod manifest create index >&2
         for arch in $(dpkg --print-architecture) s390x; do
             mkdir $arch; echo $arch >$arch/which
             printf 'FROM scratch\\nCOPY which /\\n' >$arch/Containerfile
             pod build --quiet --arch=$arch --tag $R/for:$arch $arch >&2
             pod push --quiet --tls-verify=false $R/for:$arch
             pod manifest add --tls-verify=false index docker://$R/for:$arch >&2
         done
         for form in oci v2s2; do
             pod manifest push --quiet --all --tls-verify=false --format=$form index docker://$R/index:$form >&2
             copy docker://$R/index:$form oci:index:$form
         done",
    );
    for form in ["oci", "v2s2"] {
        let image = format!("index:{form}");
        let mut ours = machine.ours(&image);
        ours.leave_out(ROOT);
        ours.assert_same(&machine.umoci(&image));
    }
}

/// One user of the registry; the hash is of "secret".
const PASSWORDS: &str = "mary:$2b$04$qkeu.DU71U1IXOrmR/X2KujcZ4qZ4pechA3nj2osJmWW69MgKtqJi";

#[test]
fn a_registry_with_a_password() {
    let Some(machine) = Machine::new("auth: {htpasswd: {realm: boats, path: /tmp/passwords}}")
    else {
        return;
    };
    let _ = machine.sh(
        &format!("echo '{PASSWORDS}' >passwords
         umoci init --layout made; umoci new --image made:1; mkdir layer
         echo x >layer/x
         tar --create --file=layer.tar --directory=layer x; umoci raw add-layer --image made:1 layer.tar
         copy --dest-creds=mary:secret oci:made:1 docker://$R/made:1; mkdir home/.docker"),
    );
    // "mary:wrong" and "mary:secret", in base64.
    for password in [None, Some("bWFyeTp3cm9uZw==")] {
        log_in(&machine, password);
        let refused = machine.run(0, &["pull", &format!("{REGISTRY}/made:1")]);
        assert_eq!(refused.status.code(), Some(125));
        assert!(stderr(&refused).contains(REGISTRY), "{}", stderr(&refused));
    }
    log_in(&machine, Some("bWFyeTpzZWNyZXQ="));
    let mut ours = machine.ours("made:1");
    ours.leave_out(ROOT);
    ours.assert_same(&machine.umoci("made:1"));
}

/// Writes the user's password where `docker login` would.
fn log_in(machine: &Machine, password: Option<&str>) {
    if let Some(password) = password {
        let config = format!(r#"{{"auths":{{"{REGISTRY}":{{"auth":"{password}"}}}}}}"#);
        let _ = machine.sh(&format!("echo '{config}' >home/.docker/config.json"));
    }
}
