#!/usr/bin/env python3
# needs: python3 bwrap
# mount(2) with a descriptor's number for each layer; bubblewrap for the rest. `diff` reads the
# upper folder's own marks.
import ctypes, os, shutil, stat, subprocess, sys, tempfile

libc = ctypes.CDLL(None, use_errno=True)
NEWNS, NEWUSER, PRIVATE = 0x20000, 0x10000000, 0x44000


def must(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def own_mounts():
    user, group = os.getuid(), os.getgid()
    must(libc.unshare(NEWNS | (NEWUSER if user else 0)))
    if user:
        for file, text in ("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1"):
            with open(f"/proc/self/{file}", "w") as it:
                it.write(text)
    must(libc.mount(None, b"/", None, PRIVATE, None))


def overlay(layers, upper, work, merged):
    lower = ":".join(str(os.open(layer, os.O_PATH)) for layer in reversed(layers))
    upper, work = os.open(upper, os.O_PATH), os.open(work, os.O_PATH)
    os.chdir("/proc/self/fd")
    options = f"lowerdir={lower},upperdir={upper},workdir={work},userxattr"
    must(libc.mount(b"overlay", merged.encode(), b"overlay", 0, options.encode()))
    os.chdir("/")


def run(layers, upper, command):
    box = tempfile.mkdtemp()
    merged, work = f"{box}/merged", f"{box}/work"
    if upper:
        work = f"{upper}.work"
        with open(f"{upper}.layers", "w") as note:
            note.write("\n".join(layers))
    else:
        upper = f"{box}/upper"
    for folder in merged, work, upper:
        os.makedirs(folder, exist_ok=True)
    child = os.fork()
    if child == 0:
        own_mounts()
        overlay(layers, upper, work, merged)
        words = ["bwrap", "--bind", merged, "/", "--unshare-pid", "--proc", "/proc", "--", *command]
        os.execvp(words[0], words)
    status = os.waitpid(child, 0)[1]
    shutil.rmtree(box)
    sys.exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))


def lookup(layers, path):
    """What the layers have at a path: the first from above, unless something above hides it."""
    parts = path.split("/")
    for layer in reversed(layers):
        for count in range(1, len(parts) + 1):
            place = os.path.join(layer, *parts[:count])
            if not os.path.lexists(place):
                break
            found = os.lstat(place)
            if is_whiteout(found):
                return None
            if count == len(parts):
                return found
            if is_opaque(place) and not os.path.lexists(os.path.join(layer, path)):
                return None
    return None


def is_whiteout(found):
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0


def is_opaque(place):
    for name in "user.overlay.opaque", "trusted.overlay.opaque":
        try:
            if os.getxattr(place, name) == b"y":
                return True
        except OSError:
            pass
    return False


def diff(upper):
    with open(f"{upper}.layers") as note:
        layers = note.read().split("\n")
    said = {}

    def say(letter, path):
        said["/" + path] = letter
        while path := os.path.dirname(path):
            said.setdefault("/" + path, "C")

    for folder, folders, files in os.walk(upper):
        inside = os.path.relpath(folder, upper)
        for name in folders + files:
            path = os.path.normpath(os.path.join(inside, name))
            place = os.path.join(folder, name)
            found, before = os.lstat(place), lookup(layers, path)
            if is_whiteout(found):
                if before:
                    say("D", path)
            elif not before:
                say("A", path)
            elif not stat.S_ISDIR(found.st_mode):
                say("C", path)
            elif is_opaque(place):
                say("C", path)
                for layer in layers:
                    below = os.path.join(layer, path)
                    for gone in os.listdir(below) if os.path.isdir(below) else []:
                        if not os.path.lexists(os.path.join(place, gone)):
                            say("D", f"{path}/{gone}")
    for path in sorted(said):
        print(said[path], path)


words, layers, upper = sys.argv[2:], [], None
if sys.argv[1] == "diff":
    diff(os.path.realpath(words[0]))
    sys.exit()
while words[0] != "--":
    option, value = words[:2]
    if option == "--root":
        layers.insert(0, os.path.realpath(value))
    elif option == "--layer":
        layers.append(os.path.realpath(value))
    elif option == "--upper":
        upper = os.path.realpath(value)
    words = words[2:]
run(layers, upper, words[1:])
