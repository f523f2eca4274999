//! A folder as a disk: an ext4 file system in a file, made without any rights.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::tool;

/// What every kernel here can mount, whatever this machine's `mkfs.ext4` makes by itself. No
/// journal: what is written is thrown away.
const FORMAT: &str = "\
[defaults]
\tbase_features = sparse_super,large_file,filetype,dir_index,ext_attr
\tdefault_mntopts = acl,user_xattr
\tblocksize = 4096
\tinode_size = 256
\tinode_ratio = 16384
[fs_types]
\text4 = {
\t\tfeatures = extent,huge_file,flex_bg,64bit,dir_nlink,extra_isize
\t}
";

/// Makes `image` of all that is in `folder`, with `free` MiB to spare. All of it belongs to root
/// there, whoever owns it here; but `student`'s folders and what is in them (paths in the image) to
/// user 1000.
///
/// # Errors
///
/// When `mkfs.ext4` or `debugfs` fails.
pub fn make(folder: &Path, image: &Path, free: u64, student: &[&Path]) -> Result<()> {
    let format = image.with_extension("conf");
    fs::write(&format, FORMAT)?;
    let mut owners = String::new();
    let bytes = measure(folder, folder, student, &mut owners)?;
    // Tables for the files take a part of the room.
    let size = (bytes + bytes / 8).div_ceil(1 << 20) + 8 + free;
    let _ = fs::remove_file(image);
    let mut mkfs = Command::new("mkfs.ext4");
    mkfs.args(["-q", "-F", "-m", "0", "-E", "lazy_itable_init=1,nodiscard,root_owner=0:0", "-d"]);
    mkfs.args([folder, image]).arg(format!("{size}M"));
    tool::output(tool::with_sbin(mkfs.env("MKE2FS_CONFIG", &format)))?;
    fs::remove_file(&format)?;
    if !owners.is_empty() {
        set_owners(image, &owners)?;
    }
    Ok(())
}

/// How many bytes the tree takes, and a command for debugfs for each file that is not root's here.
fn measure(path: &Path, top: &Path, student: &[&Path], owners: &mut String) -> Result<u64> {
    let about = path.symlink_metadata().with_context(|| path.display().to_string())?;
    let inside = Path::new("/").join(path.strip_prefix(top)?);
    let theirs = student.iter().any(|folder| inside.starts_with(folder));
    let owner = if theirs { 1000 } else { 0 };
    let quoted = inside.display().to_string();
    // The top folder is made by `mkfs.ext4`, as root's.
    let now = if path == top { (0, 0) } else { (about.uid(), about.gid()) };
    if now != (owner, owner) {
        if quoted.contains(['"', '\n']) {
            bail!("{} has a name that can't be put on a disk", path.display());
        }
        writeln!(owners, "sif \"{quoted}\" uid {owner}\nsif \"{quoted}\" gid {owner}")?;
    }
    let mut bytes = about.len().next_multiple_of(4096);
    if about.is_dir() {
        for entry in fs::read_dir(path)? {
            bytes += measure(&entry?.path(), top, student, owners)?;
        }
    }
    Ok(bytes)
}

fn set_owners(image: &Path, commands: &str) -> Result<()> {
    let script = image.with_extension("owners");
    fs::write(&script, commands)?;
    let mut debugfs = Command::new("debugfs");
    debugfs.args(["-w", "-f"]).args([&script, image]).stdin(Stdio::null());
    tool::output(tool::with_sbin(&mut debugfs))?;
    fs::remove_file(&script)?;
    Ok(())
}
