//! How an image wants to be run.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use anyhow::Result;
use nix::unistd::Pid;
use serde_json::json;

use super::stage::{PROBE, Stage, is_gone, seen_by, worked};
use crate::check::claim::{Finding, Wrong, expect};
use crate::check::exam::Exam;
use crate::check::registry::{Entry, Image, Layer, Shelf};
use crate::check::world::{Call, World};

pub(super) struct Images {
    name: String,
    call: Call,
    /// Behind the probe's name, its token, and one word that is said: ENTRYPOINT's end.
    said: String,
    cmd: [String; 2],
    env: [String; 2],
    folder: String,
    /// The folder that a container writes to, and the file that it makes.
    open: String,
    written: String,
    owner: (u32, u32),
}

impl Images {
    pub(super) fn new(world: &World, base: &Layer, shelf: &mut Shelf) -> Self {
        let (name, call, said) = (world.word(), world.call(), world.word());
        let open = world.word();
        let written = format!("{open}/{}", world.word());
        let cmd = [format!("write:/{written}={}", world.word()), "hold".into()];
        let variable = || world.word().to_uppercase();
        let env = [
            format!("{}=a  {} = '{}'", variable(), world.word(), world.word()),
            format!("{}={}", variable(), world.word()),
        ];
        let folder = format!("{}/{}", world.word(), world.word());
        let owner = (2000 + world.number(1000) as u32, 4000 + world.number(1000) as u32);
        let user = world.word();
        let passwd =
            format!("root:x:0:0:root:/:/bin/sh\n{user}:x:{}:{}::/:/bin/sh\n", owner.0, owner.1);
        let group = format!("root:x:0:\n{user}:x:{}:\n", owner.1);
        let top = Layer::new(&[
            Entry::folder(&folder),
            Entry::folder(&open).mode(0o777),
            Entry::file("etc/passwd", passwd),
            Entry::file("etc/group", group),
        ]);
        let mut how = json!({
            "Entrypoint": [PROBE, call.token(), format!("say:{said}")],
            "Cmd": cmd,
            "Env": env,
            "WorkingDir": format!("/{folder}"),
        });
        // An ordinary user has one number to give.
        if world.user().is_none() {
            how["User"] = user.into();
        }
        shelf.put(&name, "latest", &Image::new(&[base, &top], &how));
        Self { name, call, said, cmd, env, folder, open, written, owner }
    }

    pub(super) fn examine(&self, exam: &mut Exam, stage: &Stage) -> Result<()> {
        let pulled = stage.pull(exam, &self.name)?;
        let pulled = pulled.map_err(Wrong::from).and_then(|it| worked(&it));
        if exam.found("entrypoint", pulled).is_none() {
            return Ok(());
        }
        let (variable, secret) = (exam.world.word().to_uppercase(), exam.world.word());
        let call = stage.call(self.call.clone(), &self.name).env(&variable, &secret);
        let mut running = stage.host.start(&exam.world, &call)?;
        let pid = match running.held() {
            Ok(pid) => pid,
            Err(trouble) => {
                // The probe says the word of ENTRYPOINT, and without CMD nothing more.
                let began = running.facts().text("say") == self.said;
                let id = if began { "arguments" } else { "entrypoint" };
                exam.finding("entrypoint", Ok(()));
                exam.finding(id, Err(trouble.into()));
                return Ok(());
            }
        };
        let words = words(pid);
        let begin = [PROBE.to_owned(), self.call.token().to_owned(), format!("say:{}", self.said)];
        let shown = || format!("/proc/{pid}/cmdline: {words:?}");
        exam.finding("entrypoint", expect(words.starts_with(&begin), shown));
        let all = [&begin[..], &self.cmd].concat();
        exam.finding("arguments", expect(words == all, || format!("{}, not {all:?}", shown())));
        exam.finding("env", self.has_variables(pid, &variable));
        exam.finding("workdir", self.is_in_folder(pid));
        if exam.world.user().is_some() {
            exam.leave_out("user", "only root can become somebody else; chapter 07 has a way");
        } else {
            exam.finding("user", self.is_user(pid)?);
        }
        let first = seen_by(pid, &self.written);
        exam.finding(
            "unchanged",
            expect(first.exists(), || format!("{} is not there", first.display())),
        );
        if exam.holds("arguments") {
            let _ = running.release(pid);
        }
        if exam.goes_on() {
            self.second(exam, stage, &begin)?;
        }
        Ok(())
    }

    /// Another container, with arguments of its own.
    fn second(&self, exam: &mut Exam, stage: &Stage, begin: &[String]) -> Result<()> {
        let actions = [format!("stat:/{}", exam.world.word()), "hold".into()];
        let call = stage.call(self.call.clone(), &self.name).command(&actions);
        let mut running = stage.host.start(&exam.world, &call)?;
        let held = running.held();
        let Some(pid) = exam.found("arguments", held) else { return Ok(()) };
        let (words, all) = (words(pid), [begin, &actions].concat());
        exam.finding(
            "arguments",
            expect(words == all, || format!("/proc/{pid}/cmdline: {words:?}, not {all:?}")),
        );
        // Behind the other file, the folder itself has to be there.
        let open = seen_by(pid, &self.open);
        exam.finding(
            "unchanged",
            expect(open.is_dir(), || format!("{} is not there", open.display())),
        );
        exam.finding("unchanged", is_gone(pid, &self.written));
        // With other words it would hold still more than once.
        if exam.holds("arguments") {
            let _ = running.release(pid);
        }
        Ok(())
    }

    fn has_variables(&self, pid: Pid, hosts: &str) -> Finding {
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let all: Vec<&[u8]> = environ.split(|byte| *byte == 0).collect();
        let missing = self.env.iter().find(|variable| !all.contains(&variable.as_bytes()));
        expect(missing.is_none(), || {
            format!("/proc/{pid}/environ: without {:?}", missing.cloned().unwrap_or_default())
        })?;
        let leaked = all.iter().find(|variable| variable.starts_with(hosts.as_bytes()));
        expect(leaked.is_none(), || {
            let leaked = OsStr::from_bytes(leaked.copied().unwrap_or_default());
            format!("/proc/{pid}/environ: {leaked:?} was the host's")
        })
    }

    /// The same folder, whatever path the kernel shows for it.
    fn is_in_folder(&self, pid: Pid) -> Finding {
        let identity = |path: &str| fs::metadata(path).map(|it| (it.dev(), it.ino())).ok();
        let cwd = format!("/proc/{pid}/cwd");
        let (found, expected) =
            (identity(&cwd), identity(&seen_by(pid, &self.folder).to_string_lossy()));
        expect(found.is_some() && found == expected, || {
            let link = fs::read_link(&cwd).unwrap_or_default();
            format!("{cwd}: {}, expected /{}", link.display(), self.folder)
        })
    }

    fn is_user(&self, pid: Pid) -> Result<Finding> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let ids = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
            line.split_whitespace().map(String::from).collect::<Vec<_>>()
        };
        let (users, groups) = (ids("Uid:"), ids("Gid:"));
        let all = |ids: &[String], id: u32| ids.iter().all(|it| *it == id.to_string());
        Ok(expect(all(&users, self.owner.0) && all(&groups, self.owner.1), || {
            let (users, groups) = (users.join(" "), groups.join(" "));
            let (user, group) = self.owner;
            format!("/proc/{pid}/status: Uid {users}, Gid {groups}, expected {user} and {group}")
        }))
    }
}

fn words(pid: Pid) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line).into_owned();
    line.trim_end_matches('\0').split('\0').map(String::from).collect()
}
