#!/usr/bin/env -S python3 -IS
# needs: python3 unshare cp
# Python's library for HTTP, digests and archives' headers; one folder for all layers of an image,
# and a copy of it for each container.
import ctypes, hashlib, http.client, io, json, os, platform, re, shutil, stat, subprocess, sys, tarfile, tempfile, zlib
from urllib.parse import urlencode, urljoin, urlsplit

if os.geteuid() != 0:
    os.execvp("unshare", ["unshare", "-Ur", *sys.argv])
os.umask(0o22)
STORE = os.environ["HOME"] + "/python-store"
for folder in ("blobs", "images"):
    os.makedirs(f"{STORE}/{folder}", mode=0o700, exist_ok=True)
MANIFESTS = ["application/vnd.oci.image.manifest.v1+json",
             "application/vnd.docker.distribution.manifest.v2+json"]
INDEXES = ["application/vnd.oci.image.index.v1+json",
           "application/vnd.docker.distribution.manifest.list.v2+json"]
MACHINE = {"x86_64": "amd64", "aarch64": "arm64", "i686": "386"}.get(platform.machine(), platform.machine())
NO_FOLLOW = os.O_NOFOLLOW | os.O_CLOEXEC


def fail(why):
    sys.exit(f"can't: {why}")


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Name:
    def __init__(self, text):
        rest, _, digest = text.partition("@")
        head, colon, tail = rest.rpartition(":")
        rest, tag = (head, tail) if colon and "/" not in tail else (rest, "latest")
        host, _, repository = rest.partition("/")
        if not re.search(r"[.:]|^localhost$", host):
            host, repository = "docker.io", rest if "/" in rest else "library/" + rest
        if not re.fullmatch(r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*", repository):
            fail(f"{repository} is no name of a repository")
        self.host, self.repository, self.reference = host, repository, digest or tag
        self.digest = digest
        self.folder = f"{STORE}/images/" + hashlib.sha256(text.encode()).hexdigest()


class Registry:
    def __init__(self, name):
        self.name, self.token = name, None

    def ask(self, url, headers):
        parts = urlsplit(url)
        try:
            connection = http.client.HTTPConnection(parts.netloc, timeout=5)
            connection.request("GET", parts.path + ("?" + parts.query if parts.query else ""), headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except OSError as error:
            fail(f"{url}: {error}")

    def get(self, path, accept):
        own = url = f"http://{self.name.host}/v2/{self.name.repository}/{path}"
        for _ in range(6):
            headers = {"Accept": ", ".join(accept)}
            if self.token and urlsplit(url).netloc == urlsplit(own).netloc:
                headers["Authorization"] = "Bearer " + self.token
            status, fields, body = self.ask(url, headers)
            if status == 401 and not self.token:
                wanted = dict(re.findall(r'(\w+)="([^"]*)"', fields["WWW-Authenticate"]))
                realm = wanted.pop("realm")
                status, _, body = self.ask(realm + "?" + urlencode(wanted), {})
                self.token = json.loads(body)["token"]
            elif status in (301, 302, 307, 308):
                url = urljoin(url, fields["Location"])
            elif status == 200:
                return body, fields["Content-Type"]
            else:
                fail(f"{url}: {status}")
        fail(f"{url}: no end of it")

    def manifest(self, reference):
        body, _ = self.get("manifests/" + reference, MANIFESTS + INDEXES)
        if reference.startswith("sha256:") and digest_of(body) != reference:
            fail(f"the manifest is not {reference}")
        manifest = json.loads(body)
        if manifest["mediaType"] not in INDEXES:
            return manifest
        for entry in manifest["manifests"]:
            if entry["platform"]["architecture"] == MACHINE:
                return self.manifest(entry["digest"])
        fail("nothing in the index is for this machine")

    def blob(self, what):
        path = f"{STORE}/blobs/{what['digest']}"
        if os.path.exists(path):
            with open(path, "rb") as file:
                return file.read()
        body, _ = self.get("blobs/" + what["digest"], ["*/*"])
        if len(body) != what["size"]:
            fail(f"{what['digest']} has {len(body)} bytes")
        if digest_of(body) != what["digest"]:
            fail(f"this is not {what['digest']}")
        with open(path + ".part", "wb") as file:
            file.write(body)
        os.rename(path + ".part", path)
        return body


class Tree:
    """A folder that nothing leads out of: every step is one name, and no link is followed."""

    def __init__(self, folder):
        os.mkdir(folder, 0o755)
        self.top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self.modes = {}

    def parent(self, path, make=True):
        """The folder of a path, and its last name."""
        names = [name for name in path.split("/") if name not in ("", ".")]
        if ".." in names:
            fail(f"{path} leads outside")
        folder = os.dup(self.top)
        for depth, name in enumerate(names[:-1]):
            try:
                below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | NO_FOLLOW, dir_fd=folder)
            except OSError:
                if not make:
                    os.close(folder)
                    raise
                self.remove(folder, name)
                os.mkdir(name, 0o755, dir_fd=folder)
                self.made.add("/".join(names[:depth + 1]))
                below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | NO_FOLLOW, dir_fd=folder)
            os.close(folder)
            folder = below
        return folder, names[-1] if names else "", "/".join(names)

    def remove(self, folder, name):
        try:
            if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                shutil.rmtree(name, dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            pass

    def layer(self, archive):
        self.made = set()
        for entry in tarfile.open(fileobj=io.BytesIO(archive)):
            folder, name, path = self.parent(entry.name)
            try:
                if name == ".wh..wh..opq":
                    self.empty(folder, os.path.dirname(path))
                elif name.startswith(".wh."):
                    hidden = os.path.join(os.path.dirname(path), name[4:])
                    if not self.made_in(hidden):
                        self.remove(folder, name[4:])
                elif name:
                    self.put(entry, archive, folder, name, path)
            finally:
                os.close(folder)

    def made_in(self, path):
        return any(it == path or it.startswith(path + "/") for it in self.made)

    def empty(self, folder, path):
        for name in os.listdir(folder):
            below = f"{path}/{name}"
            if not self.made_in(below):
                self.remove(folder, name)

    def put(self, entry, archive, folder, name, path):
        self.made.add(path)
        if entry.isdir():
            try:
                os.mkdir(name, 0o700, dir_fd=folder)
            except FileExistsError:
                if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                    self.remove(folder, name)
                    os.mkdir(name, 0o700, dir_fd=folder)
            self.modes[path] = entry.mode
        else:
            self.remove(folder, name)
            if entry.isreg():
                file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o600, dir_fd=folder)
                os.write(file, archive[entry.offset_data:entry.offset_data + entry.size])
                os.close(file)
            elif entry.issym():
                os.symlink(entry.linkname, name, dir_fd=folder)
            elif entry.islnk():
                there, other, _ = self.parent(entry.linkname, make=False)
                os.link(other, name, src_dir_fd=there, dst_dir_fd=folder, follow_symlinks=False)
                os.close(there)
                return
            elif entry.isfifo():
                os.mkfifo(name, 0o600, dir_fd=folder)
            else:
                return
        try:
            os.chown(name, entry.uid, entry.gid, dir_fd=folder, follow_symlinks=False)
        except OSError:
            pass
        if not entry.isdir() and not entry.issym():
            os.chmod(name, entry.mode, dir_fd=folder)

    def finish(self):
        for path, mode in sorted(self.modes.items(), reverse=True):
            try:
                folder, name, _ = self.parent(path, make=False)
                os.chmod(name, mode, dir_fd=folder)
                os.close(folder)
            except (FileNotFoundError, NotADirectoryError):
                pass


def pull(name):
    registry = Registry(name)
    manifest = registry.manifest(name.reference)
    config = registry.blob(manifest["config"])
    blobs = [(what, registry.blob(what)) for what in manifest["layers"]]
    work = tempfile.mkdtemp(dir=STORE)
    try:
        tree = Tree(work + "/root")
        for (what, blob), diff_id in zip(blobs, json.loads(config)["rootfs"]["diff_ids"]):
            archive = zlib.decompress(blob, 31) if what["mediaType"].endswith("gzip") else blob
            if digest_of(archive) != diff_id:
                fail(f"the archive in {what['digest']} is not {diff_id}")
            tree.layer(archive)
        tree.finish()
        with open(work + "/config", "wb") as file:
            file.write(config)
        shutil.rmtree(name.folder, ignore_errors=True)
        os.rename(work, name.folder)
    except OSError as error:
        shutil.rmtree(work, ignore_errors=True)
        fail(error)


def user_of(text, root):
    def look(file, word):
        with open(f"{root}/etc/{file}") as lines:
            for line in lines:
                row = line.strip().split(":")
                if row[0] == word:
                    return row
    user, _, group = text.partition(":")
    row = None if user.isdigit() else look("passwd", user)
    uid = int(row[2]) if row else int(user)
    gid = int(row[3]) if row else 0
    if group:
        gid = int(group) if group.isdigit() else int(look("group", group)[2])
    return uid, gid


def run(words):
    while words[0].startswith("--"):
        words = words[2:]
    name, given = Name(words[0]), words[1:]
    if not os.path.exists(name.folder):
        pull(name)
    with open(name.folder + "/config") as file:
        how = json.load(file)["config"]
    work = tempfile.mkdtemp(dir=STORE)
    root = work + "/root"
    subprocess.run(["cp", "-a", name.folder + "/root", root], check=True)
    command = (how.get("Entrypoint") or []) + (given or how.get("Cmd") or [])
    env = dict(it.split("=", 1) for it in ["PATH=/usr/bin:/bin"] + (how.get("Env") or []))
    uid, gid = user_of(how.get("User") or "0", root)
    libc = ctypes.CDLL(None, use_errno=True)
    new = 0x20000 | 0x4000000 | 0x8000000 | 0x20000000  # mount, UTS, IPC, PID
    if libc.unshare(new):
        fail(os.strerror(ctypes.get_errno()))
    libc.mount(None, b"/", None, 0x44000, None)  # private
    child = os.fork()
    if child == 0:
        libc.mount(b"proc", (root + "/proc").encode(), b"proc", 0, None)
        os.chroot(root)
        os.chdir(how.get("WorkingDir") or "/")
        if uid:
            os.setgroups([gid])
            os.setgid(gid)
            os.setuid(uid)
        try:
            os.execvpe(command[0], command, env)
        except OSError:
            os._exit(127)
    _, status = os.waitpid(child, 0)
    shutil.rmtree(work, ignore_errors=True)
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else 128 - code)


if sys.argv[1] == "pull":
    pull(Name(sys.argv[2]))
else:
    run(sys.argv[2:])
