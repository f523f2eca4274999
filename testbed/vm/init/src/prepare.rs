//! What a job wants to find, before its command starts.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use vm_init::job::Job;
use vm_init::start::during;

use crate::boot::{mount_disk, wait_for};

/// Disks, files, and what is to be missing.
pub(crate) fn everything(job: &Job) -> io::Result<()> {
    for line in &job.mounts {
        let (device, folder) = pair(line)?;
        let folder = Path::new(folder);
        fs::create_dir_all(folder)?;
        mount_disk(Path::new(device), folder)?;
    }
    if let Some(device) = &job.archive {
        wait_for(device)?;
        unpack(device).map_err(during("unpack what was put in"))?;
    }
    for path in &job.without {
        fs::remove_file(path).map_err(during(format_args!("remove {}", path.display())))?;
    }
    for line in &job.sysctls {
        let (name, value) = pair(line)?;
        let file = name.to_string_lossy().replace('.', "/");
        fs::write(Path::new("/proc/sys").join(&file), value.as_bytes())
            .map_err(during(format_args!("sysctl {}", line.to_string_lossy())))?;
    }
    Ok(())
}

/// Unpacks a tar archive over the file tree; folders that are there already stay as they are.
fn unpack(device: &Path) -> io::Result<()> {
    let output = Command::new("/usr/bin/tar")
        .args(["-x", "--no-overwrite-dir", "-C", "/", "-f"])
        .arg(device)
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim_end().to_string()))
}

fn pair(line: &OsStr) -> io::Result<(&OsStr, &OsStr)> {
    let bytes = line.as_bytes();
    let sign = bytes.iter().position(|byte| *byte == b'=');
    let sign = sign.ok_or_else(|| io::Error::other(format!("{}: no =", line.to_string_lossy())))?;
    Ok((OsStr::from_bytes(&bytes[..sign]), OsStr::from_bytes(&bytes[sign + 1..])))
}
