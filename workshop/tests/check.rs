//! `coracle check` accepts whatever is right, and names the first cause of what is wrong.
//!
//! `right/NN/*.sh` are other implementations of a chapter's command line, `wrong/NN/*` ones with a
//! mistake: scripts, patches to the finished chapter, and what sed(1) is to change in one of the right
//! ones. Their first lines say what they need and which claim has to fail first.

mod project;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use coracle::check::Report;
use nix::unistd::geteuid;
use project::{Project, stderr, stdout};

const CHAPTERS: [&str; 7] = ["00", "01", "02", "03", "04", "05", "06"];

/// As whom a check runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Us,
    /// Number 1000, where we are root.
    User,
}

/// Root's tests run as both, an ordinary user's as himself.
fn everybody() -> Vec<Who> {
    if geteuid().is_root() { vec![Who::Us, Who::User] } else { vec![Who::Us] }
}

/// Programs that [`Who::User`] can reach, wherever the project lies.
struct Reachable(PathBuf);

impl Reachable {
    fn new() -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("coracle-check-{}-{count}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let all = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&folder, all).unwrap();
        let reachable = Self(folder);
        reachable.copy(Path::new(env!("CARGO_BIN_EXE_coracle")));
        reachable.copy(&probe());
        reachable
    }

    fn copy(&self, program: &Path) -> PathBuf {
        let to = self.0.join(program.file_name().unwrap());
        fs::copy(program, &to).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
        to
    }

    fn check(&self, who: Who, chapter: &str, program: &Path) -> Report {
        let program = self.copy(program);
        let coracle = self.0.join("coracle");
        let words = ["check", chapter, "--json", "--bin"];
        let mut command = match who {
            Who::Us => Command::new(&coracle),
            Who::User => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=1000", "--regid=1000", "--clear-groups", "--"]);
                command.arg(&coracle).env_remove("XDG_RUNTIME_DIR").env("HOME", "/nonexistent");
                command
            }
        };
        let output = command.args(words).arg(&program).current_dir(root()).output().unwrap();
        let text = stdout(&output);
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{error} in {text}; {}", stderr(&output)))
    }
}

impl Drop for Reachable {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Builds packages of the project's; where their programs are.
fn built(packages: &[&str]) -> PathBuf {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--quiet"]).current_dir(root());
    for package in packages {
        command.args(["--package", package]);
    }
    assert!(command.status().unwrap().success());
    Path::new(env!("CARGO_BIN_EXE_coracle")).parent().unwrap().into()
}

fn probe() -> PathBuf {
    static PROBE: OnceLock<PathBuf> = OnceLock::new();
    PROBE.get_or_init(|| built(&["coracle-probe"]).join("coracle-probe")).clone()
}

/// The finished program of a chapter.
fn solution(chapter: &str) -> PathBuf {
    let name = package(chapter);
    built(&[&name]).join(name)
}

fn package(chapter: &str) -> String {
    let chapters = coracle::project::chapters_in(&root().join("solutions")).unwrap();
    let name = chapters.into_iter().find(|name| name.starts_with(chapter)).unwrap();
    format!("sol{name}")
}

/// One file of test data.
#[derive(Debug)]
struct Sample {
    path: PathBuf,
    head: BTreeMap<String, String>,
}

impl Sample {
    /// Those in `right/NN` or `wrong/NN`.
    fn all(kind: &str, chapter: &str) -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(kind).join(chapter);
        let mut all: Vec<_> = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                let kinds = ["sh", "patch", "sed"];
                path.extension().is_some_and(|it| kinds.iter().any(|kind| it == *kind))
            })
            .map(Self::read)
            .collect();
        all.sort_by(|a, b| a.path.cmp(&b.path));
        all
    }

    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().filter_map(|line| line.strip_prefix("# ")?.split_once(": "));
        let head = lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Self { path, head }
    }

    /// Whether everything that it needs is here; says what is not.
    fn can_run(&self) -> bool {
        let needed = self.head.get("needs").map(String::as_str).unwrap_or_default();
        let missing = needed
            .split_whitespace()
            .find(|program| ::chroot_jail::needs::find_system_program(program).is_none());
        if let Some(missing) = missing {
            testbed::skipped(&format!("{} needs {missing}", self.path.display()));
        }
        missing.is_none()
    }

    /// The right script that it begins with, and what sed makes of it.
    fn edit(&self, chapter: &str) -> PathBuf {
        let right = root().join("workshop/tests/right").join(chapter);
        let right = right.join(self.head.get("of").map_or("shell.sh", String::as_str));
        let mut sed = Command::new("sed");
        let output = sed.arg("--file").arg(&self.path).arg(&right).output().unwrap();
        assert!(output.status.success(), "{}: {}", self.path.display(), stderr(&output));
        let same = fs::read(&right).unwrap() == output.stdout;
        assert!(!same, "{} changes nothing", self.path.display());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("edited").join(chapter);
        fs::create_dir_all(&folder).unwrap();
        let program = folder.join(self.path.with_extension("sh").file_name().unwrap());
        fs::write(&program, output.stdout).unwrap();
        program
    }

    fn who(&self) -> Vec<Who> {
        match self.head.get("as").map(String::as_str) {
            Some("root") if geteuid().is_root() => vec![Who::Us],
            Some("root") => Vec::new(),
            Some("user") => everybody().into_iter().rev().take(1).collect(),
            _ => everybody(),
        }
    }
}

/// What failed first.
fn first(report: &Report) -> String {
    report.causes().next().map_or("nothing".into(), |cause| format!("{}: {}", cause.id, cause.seen))
}

fn solutions_are_right(chapter: &str) {
    let reachable = Reachable::new();
    for who in everybody() {
        let report = reachable.check(who, chapter, &solution(chapter));
        assert!(report.passed, "{who:?}: {} {report:#?}", first(&report));
    }
}

fn others_are_right(chapter: &str) {
    let reachable = Reachable::new();
    let samples = Sample::all("right", chapter);
    assert!(samples.len() >= 2, "{chapter}: {}", samples.len());
    for sample in samples.iter().filter(|sample| sample.can_run()) {
        for who in sample.who() {
            let report = reachable.check(who, chapter, &sample.path);
            assert!(report.passed, "{} as {who:?}: {}", sample.path.display(), first(&report));
        }
    }
}

fn wrong_ones_are_told_the_first_cause(chapter: &str) {
    let reachable = Reachable::new();
    let samples = Sample::all("wrong", chapter);
    assert!(samples.len() >= 12, "{chapter}: {}", samples.len());
    let mut wrong = Vec::new();
    for sample in samples.iter().filter(|sample| sample.can_run()) {
        let program = match sample.path.extension().and_then(|it| it.to_str()) {
            Some("patch") => Patched::build(chapter, sample),
            Some("sed") => sample.edit(chapter),
            _ => sample.path.clone(),
        };
        for who in sample.who() {
            let report = reachable.check(who, chapter, &program);
            let id = report.causes().next().map(|cause| cause.id.clone());
            if id.as_ref() != sample.head.get("claim") || report.passed {
                let name = sample.path.file_name().unwrap_or_default().to_string_lossy();
                wrong.push(format!("{name} as {who:?}: {}", first(&report)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn who_is_in_no_cgroup_of_its_own_was_not_in_it_from_the_start() {
    if !geteuid().is_root() {
        testbed::skipped("cgroups need root");
        return;
    }
    let sample = Sample::all("wrong", "04");
    let sample = sample.iter().find(|it| it.path.ends_with("not-joined.sed")).unwrap();
    let report = Reachable::new().check(Who::Us, "04", &sample.edit("04"));
    let claim = report.checks.iter().find(|check| check.id == "from-the-start").unwrap();
    assert!(!claim.passed && claim.because.as_deref() == Some("own-group"), "{claim:#?}");
}

/// A copy of the finished chapters, in which one is patched at a time: cargo takes equal packages of
/// two copies for one, and would give the one's to the other.
struct Patched(Project);

static PATCHED: Mutex<Option<Patched>> = Mutex::new(None);

impl Patched {
    /// Builds the chapter with this patch; the program.
    fn build(chapter: &str, sample: &Sample) -> PathBuf {
        // Another test may have failed meanwhile, but the copy is then as it was.
        let mut copy = PATCHED.lock().unwrap_or_else(PoisonError::into_inner);
        copy.get_or_insert_with(Self::new).built(chapter, sample)
    }

    fn new() -> Self {
        let project = Project::new("patched");
        for folder in ["solutions", "Cargo.toml", "Cargo.lock"] {
            let mut copy = Command::new("cp");
            copy.arg("-r").arg(root().join(folder)).arg(project.path(""));
            assert!(copy.status().unwrap().success());
        }
        let manifest = fs::read_to_string(project.path("Cargo.toml")).unwrap();
        let (_, rest) = manifest.split_once("[workspace.package]").unwrap();
        let head = "[workspace]\nresolver = \"3\"\nmembers = [\"solutions/*\"]\n";
        project.write("Cargo.toml", &format!("{head}[workspace.package]{rest}"));
        // The tests' own helper is not there.
        for name in coracle::project::chapters_in(&project.path("solutions")).unwrap() {
            let path = format!("solutions/{name}/Cargo.toml");
            let text = fs::read_to_string(project.path(&path)).unwrap();
            let text = text.split("[dev-dependencies]").next().unwrap().to_owned();
            project.write(&path, &format!("{text}\n[lints]\nworkspace = true\n"));
            let _ = fs::remove_dir_all(project.path(&format!("solutions/{name}/tests")));
        }
        Self(project)
    }

    fn built(&self, chapter: &str, sample: &Sample) -> PathBuf {
        self.patch(sample, &[]);
        let name = package(chapter);
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("patched-target");
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--quiet", "--package", &name])
            .current_dir(self.0.path(""))
            .env("CARGO_TARGET_DIR", &target)
            .env("RUSTFLAGS", "-Awarnings")
            .output()
            .unwrap();
        self.patch(sample, &["--reverse"]);
        assert!(output.status.success(), "{}: {}", sample.path.display(), stderr(&output));
        // The next one is built to the same place.
        let stem = sample.path.file_stem().unwrap().to_string_lossy();
        let kept = self.0.path(&format!("{stem}-{name}"));
        fs::copy(target.join("debug").join(&name), &kept).unwrap();
        kept
    }

    fn patch(&self, sample: &Sample, options: &[&str]) {
        let file = fs::File::open(&sample.path).unwrap();
        let output = Command::new("patch")
            .args(["-p1", "--quiet", "--no-backup-if-mismatch"])
            .args(options)
            .current_dir(self.0.path(""))
            .stdin(file)
            .output()
            .unwrap();
        let said = stdout(&output) + &stderr(&output);
        assert!(output.status.success(), "{}: {said}", sample.path.display());
    }
}

macro_rules! chapters {
    ($($module:ident $number:literal)*) => { $(
        mod $module {
            #[test]
            fn the_finished_chapter_is_right() {
                super::solutions_are_right($number);
            }

            #[test]
            fn other_implementations_are_right() {
                super::others_are_right($number);
            }

            #[test]
            fn the_first_cause_is_named() {
                super::wrong_ones_are_told_the_first_cause($number);
            }
        }
    )* };
}

chapters! {
    process "00"
    chroot_jail "01"
    pid_namespace "02"
    uts_net "03"
    cgroup_limits "04"
    overlay_layers "05"
    image_pull "06"
}

#[test]
fn an_open_exercise_is_named() {
    let Some(root) = project::pristine() else { return };
    let _ = root;
    for chapter in CHAPTERS.iter().take(6) {
        let reachable = Reachable::new();
        let name = package(chapter).replacen("sol", "ch", 1);
        let report = reachable.check(Who::Us, chapter, &built(&[&name]).join(&name));
        let open = matches!(report.problem, Some(coracle::check::Problem::OpenExercise { .. }));
        assert!(open, "{chapter}: {report:#?}");
    }
}
