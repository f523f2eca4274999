#!/usr/bin/env python3
# needs: python3
# No program but the container's own command: forks, waits for its groups, and joins its namespaces
# by system calls.
import ctypes, os, sys, time

libc = ctypes.CDLL(None, use_errno=True)
NEWNS, NEWCGROUP, NEWUSER, NEWPID, PRIVATE = 0x20000, 0x2000000, 0x10000000, 0x20000000, 0x44000
TOP = "/sys/fs/cgroup"


def must(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def size(text):
    units = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
    unit = units.get(text[-1].lower())
    return int(text[:-1]) * unit if unit else int(text)


def write(file, text):
    with open(file, "w") as it:
        it.write(str(text))


def read(file):
    with open(file) as it:
        return it.read().strip()


words, options = sys.argv[2:], {}
while words[0] != "--":
    options[words[0]], words = words[1], words[2:]
command, root = words[1:], options["--root"]
version_2 = os.path.exists(f"{TOP}/cgroup.controllers")


class Groups:
    def __init__(self):
        self.folders = {}

    def make(self, controller):
        if version_2:
            write(f"{TOP}/cgroup.subtree_control", f"+{controller}")
        parent = f"{TOP}/python" if version_2 else f"{TOP}/{controller}/python"
        os.makedirs(parent, exist_ok=True)
        if version_2:
            write(f"{parent}/cgroup.subtree_control", f"+{controller}")
        elif controller == "cpuset":
            self.inherit(parent)
        folder = f"{parent}/{os.getpid()}"
        os.makedirs(folder, exist_ok=True)
        if not version_2 and controller == "cpuset":
            self.inherit(folder)
        self.folders[controller] = folder
        return folder

    def inherit(self, folder):
        for file in "cpuset.cpus", "cpuset.mems":
            if not read(f"{folder}/{file}"):
                write(f"{folder}/{file}", read(f"{os.path.dirname(folder)}/{file}"))

    def join(self):
        for folder in sorted(set(self.folders.values())):
            write(f"{folder}/cgroup.procs", os.getpid())

    def remove(self):
        for folder in set(self.folders.values()):
            while True:
                try:
                    os.rmdir(folder)
                    break
                except OSError:
                    time.sleep(0.005)
            try:
                os.rmdir(os.path.dirname(folder))
            except OSError:
                pass


def limits(groups):
    memory, cpu, pids = (groups.make(controller) for controller in ("memory", "cpu", "pids"))
    if text := options.get("-m"):
        most = size(text)
        write(f"{memory}/" + ("memory.max" if version_2 else "memory.limit_in_bytes"), most)
        both = size(options.get("--memory-swap", str(2 * most)))
        if version_2:
            write(f"{memory}/memory.swap.max", both - most)
        else:
            write(f"{memory}/memory.memsw.limit_in_bytes", both)
    if text := options.get("--cpus"):
        # Any period will do: this one is half of the usual one.
        quota = round(50_000 * float(text))
        if version_2:
            write(f"{cpu}/cpu.max", f"{quota} 50000")
        else:
            write(f"{cpu}/cpu.cfs_period_us", 50_000)
            write(f"{cpu}/cpu.cfs_quota_us", quota)
    if text := options.get("--cpu-shares"):
        share = int(text)
        weight = 1 + (share - 2) * 9999 // 262142
        write(f"{cpu}/" + ("cpu.weight" if version_2 else "cpu.shares"), weight if version_2 else share)
    if text := options.get("--cpuset-cpus"):
        write(groups.make("cpuset") + "/cpuset.cpus", text)
    if text := options.get("--pids-limit"):
        write(f"{pids}/pids.max", text)


def inside(groups):
    groups.join()
    user, group = os.getuid(), os.getgid()
    must(libc.unshare(NEWCGROUP | NEWNS | NEWPID | (NEWUSER if user else 0)))
    if user:
        for file, text in ("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1"):
            write(f"/proc/self/{file}", text)
    must(libc.mount(None, b"/", None, PRIVATE, None))
    child = os.fork()
    if child:
        status = os.waitpid(child, 0)[1]
        os._exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
    must(libc.mount(b"proc", f"{root}/proc".encode(), b"proc", 0, None))
    os.chroot(root)
    os.chdir("/")
    os.execv(command[0], command)


groups = Groups()
if os.access(TOP if version_2 else f"{TOP}/memory", os.W_OK):
    limits(groups)
child = os.fork()
if child == 0:
    inside(groups)
status = os.waitpid(child, 0)[1]
if "-m" in options:
    memory = groups.folders["memory"]
    lines = read(f"{memory}/" + ("memory.events" if version_2 else "memory.oom_control")).split("\n")
    if dict(line.split() for line in lines).get("oom_kill", "0") != "0":
        print("ended by the kernel: no memory left", file=sys.stderr)
groups.remove()
sys.exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
