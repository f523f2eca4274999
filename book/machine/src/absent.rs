//! Stand-ins for libraries that have nothing to say on this machine.
//!
//! Debian's programs can do more than is asked of them here: name SELinux's labels, systemd's units,
//! udev's disks, load BPF into a network card. The libraries for it are a sixth of what a reader would
//! load. So small ones come in their place, with the functions that our programs name, and each
//! answers as the real one does where the thing itself is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use elf::ElfBytes;
use elf::abi::STB_GLOBAL;
use elf::endian::AnyEndian;
use vm::tool;
use vm::toolchain::{Target, Toolchain};

/// The libraries, and what their functions answer.
const LIBRARIES: [(&str, &str); 7] = [
    ("libbpf.so.1", "0"),
    ("libedit.so.2", "0"),
    ("libelf.so.1", "0"),
    ("libidn2.so.0", "-1"),
    ("libselinux.so.1", "*__errno_location() = 95 /* ENOTSUP */, -1"),
    ("libsystemd.so.0", "-61 /* ENODATA */"),
    ("libudev.so.1", "0"),
];

const WITHOUT_VERSIONS: &str = "libedit.so.2";

/// The question whether there is SELinux, and its like, have an answer: no.
const NO: &str = "is_";

/// What is asked of the stand-ins: a library's versions, with the functions of each.
#[derive(Default)]
pub(crate) struct Absent {
    asked: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

/// Whether a stand-in takes this library's place.
pub(crate) fn is_one(library: &str) -> bool {
    LIBRARIES.iter().any(|(name, _)| *name == library)
}

impl Absent {
    /// Notes what a program asks for, which needs these libraries.
    pub(crate) fn note(&mut self, file: &[u8], needs: &[String]) -> Result<()> {
        if !file.starts_with(b"\x7fELF") {
            return Ok(());
        }
        let elf = ElfBytes::<AnyEndian>::minimal_parse(file)?;
        let (Some((symbols, names)), Some(versions)) =
            (elf.dynamic_symbol_table()?, elf.symbol_version_table()?)
        else {
            return Ok(());
        };
        let versionless = needs.iter().any(|name| name == WITHOUT_VERSIONS);
        for (index, symbol) in symbols.iter().enumerate().filter(|(_, it)| it.is_undefined()) {
            let name = names.get(usize::try_from(symbol.st_name)?)?;
            match versions.get_requirement(index)? {
                Some(version) if is_one(version.file) => {
                    self.ask(version.file, version.name, name);
                }
                // One library here has no versions. Who needs that needs no other such.
                None if versionless && symbol.st_bind() == STB_GLOBAL => {
                    self.ask(WITHOUT_VERSIONS, "", name);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn ask(&mut self, library: &str, version: &str, name: &str) {
        let versions = self.asked.entry(library.into()).or_default();
        versions.entry(version.into()).or_default().insert(name.into());
    }

    /// Compiles them into a folder.
    pub(crate) fn compile(&self, folder: &Path) -> Result<()> {
        let compiler = Toolchain::get()?.c_compiler(Target::I686);
        let (source, map) = (folder.join("absent.c"), folder.join("absent.map"));
        for (library, answer) in LIBRARIES {
            let (mut text, mut versions) =
                (String::from("int *__errno_location(void);\n"), String::new());
            for (version, names) in self.asked.get(library).into_iter().flatten() {
                for name in names {
                    let answer = if name.starts_with(NO) { "0" } else { answer };
                    writeln!(text, "long {name}(void) {{ return {answer}; }}")?;
                }
                let names: String = names.iter().map(|name| format!("{name}; ")).collect();
                writeln!(versions, "{version} {{ global: {names}}};")?;
            }
            fs::write(&source, text)?;
            fs::write(&map, versions)?;
            let mut cc = Command::new(&compiler);
            cc.args(["-shared", "-fPIC", "-nostdlib", "-Os", "-s", "-w"]);
            cc.arg(format!("-Wl,-soname,{library}"));
            cc.arg(format!("-Wl,--version-script,{}", map.display()));
            tool::output(cc.arg(&source).arg("-o").arg(folder.join(library)))?;
        }
        fs::remove_file(source)?;
        fs::remove_file(map)?;
        Ok(())
    }
}
