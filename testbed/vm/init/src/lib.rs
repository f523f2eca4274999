//! What the host and the guest's first process say to each other.
//!
//! They speak over one port (a virtio serial port: bytes in order, both ways), in frames: a letter,
//! the length of what follows (four bytes, the lowest first), and that.
//!
//! ```text
//!   host (the program `vm`)                       guest (`vm-init`, process 1)
//!                                                 mounts, modules, network
//!                        <──────── Hello ────────
//!                        ───────── Job ─────────>
//!                                                 files in, user, cgroup; starts the command
//!                        <──── Out, Error ───────
//!                        ───── Input, Size ─────>
//!                                                 the command has ended
//!                        <────── Files ──────────  a tar archive for each folder asked for
//!                        <────── Exit ───────────
//!                                                 switches the machine off
//! ```
//!
//! `Failed`, with a sentence, may take the place of anything that the guest says: the machine could
//! not do what the job asks for. Whatever else goes wrong (the kernel panics, the machine stands
//! still) the host sees as silence, or as the end of the machine.
//!
//! # Layout
//!
//! * `lib.rs`: the frames.
//! * [`job`]: what the host asks for.
//! * [`start`]: a machine's first steps, also those of the machine in the book's pages (`book/guest`).
//! * [`loopback`]: the network that every machine has. [`leader`]: a command with a terminal.
//! * `main.rs` and what it names: the first process.

use std::io::{Error, ErrorKind, Read, Result, Write};

pub mod job;
pub mod leader;
pub mod loopback;
pub mod start;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Guest: I am there.
    Hello,
    /// Host: do this. A [`job::Job`].
    Job,
    /// Host: for the command's standard input. Empty: that was all.
    Input,
    /// Host: the terminal's size now, rows and columns, two bytes each.
    Size,
    /// Guest: from the command's standard output, or from its terminal.
    Out,
    /// Guest: from the command's standard error.
    Error,
    /// Guest: a piece of a tar archive. Empty: that was this folder.
    Files,
    /// Guest: the command's exit status, one byte, as a shell tells it.
    Exit,
    /// Guest: a sentence on what this machine could not do.
    Failed,
}

const LETTERS: [(Kind, u8); 9] = [
    (Kind::Hello, b'H'),
    (Kind::Job, b'J'),
    (Kind::Input, b'I'),
    (Kind::Size, b'S'),
    (Kind::Out, b'O'),
    (Kind::Error, b'E'),
    (Kind::Files, b'F'),
    (Kind::Exit, b'X'),
    (Kind::Failed, b'!'),
];

/// No frame is longer: a longer one is not a frame, but something else that writes to the port.
const LONGEST: usize = 1 << 20;

/// Writes one frame.
///
/// # Errors
///
/// When the other side is gone.
pub fn write(port: &mut impl Write, kind: Kind, content: &[u8]) -> Result<()> {
    let letter =
        LETTERS.iter().find(|(known, _)| *known == kind).map_or(b'?', |(_, letter)| *letter);
    let length = u32::try_from(content.len()).map_err(Error::other)?;
    // In one piece: one write is one transfer between host and guest.
    let mut frame = Vec::with_capacity(5 + content.len());
    frame.push(letter);
    frame.extend(length.to_le_bytes());
    frame.extend(content);
    port.write_all(&frame)
}

/// Reads one frame; `None` when the other side has closed the port between two frames.
///
/// # Errors
///
/// When the other side is gone in the middle of one, or says what is no frame.
pub fn read(port: &mut impl Read) -> Result<Option<(Kind, Vec<u8>)>> {
    let mut letter = [0];
    match port.read_exact(&mut letter) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut length = [0; 4];
    port.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    let known = LETTERS.iter().find(|(_, known)| *known == letter[0]);
    let Some((kind, _)) = known.filter(|_| length <= LONGEST) else {
        return Err(Error::new(ErrorKind::InvalidData, "this is not a frame"));
    };
    let mut content = vec![0; length];
    port.read_exact(&mut content)?;
    Ok(Some((*kind, content)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut port = Vec::new();
        for (kind, _) in LETTERS {
            write(&mut port, kind, format!("{kind:?}").as_bytes()).expect("memory");
        }
        let mut port = port.as_slice();
        for (kind, _) in LETTERS {
            let content = format!("{kind:?}").into_bytes();
            assert_eq!(read(&mut port).expect("a frame"), Some((kind, content)));
        }
        assert_eq!(read(&mut port).expect("the end"), None);
    }

    #[test]
    fn half_a_frame_and_other_bytes_are_errors() {
        for mut port in [&b"O\x05\0\0\0ab"[..], b"O\x05", b"panic!", b"O\xff\xff\xff\xff"] {
            assert!(read(&mut port).is_err());
        }
    }
}
