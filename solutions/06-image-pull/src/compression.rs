//! A layer's compression.
//!
//! A layer travels as it is, or compressed by gzip (RFC 1952) or zstd (RFC 8878); its media type
//! says which. Both formats allow several compressed pieces one after the other, which together are
//! the layer: gzip calls them *members*, zstd *frames*. Both end each piece with a checksum (zstd if
//! whoever compressed it wanted one). So it is not enough to decompress until the archive in it
//! ends: the stream has to be read to its very end, or damage goes unseen.

use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};

use anyhow::{Result, ensure};
use flate2::bufread::MultiGzDecoder;
use zstd::stream::read::Decoder;

use crate::texts::unpack as texts;

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// By gzip.
    Gzip,
    /// By zstd.
    Zstd,
}

/// How much is asked of the source at once, in bytes.
const PIECE: usize = 64 << 10;

/// To decompress zstd, what came before has to be kept: as much as a frame's *window*, at most 2 to
/// this power of bytes. The `zstd` command takes no larger ones either, unless it is told to.
const LARGEST_WINDOW: u32 = 27;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();

/// Decompresses what is read from `from`, up to its end. What is damaged is an error when it is
/// read.
///
/// # Errors
///
/// When the first bytes are not those of this compression, or can't be read.
pub fn decompress<'a>(
    compression: Compression,
    mut from: impl Read + 'a,
) -> Result<Box<dyn Read + 'a>> {
    let mut first = Vec::new();
    from.by_ref().take(4).read_to_end(&mut first)?;
    let is_right = match compression {
        Compression::None => true,
        Compression::Gzip => first.starts_with(&GZIP),
        Compression::Zstd => is_zstd(&first),
    };
    ensure!(is_right, texts::not_compressed(compression, &first));
    let from = Cursor::new(first).chain(BufReader::with_capacity(PIECE, from));
    Ok(match compression {
        Compression::None => Box::new(from),
        Compression::Gzip => Box::new(Gzip(MultiGzDecoder::new(from))),
        Compression::Zstd => Box::new(Zstd::new(from)?),
    })
}

/// All members of a gzip stream.
struct Gzip<R>(MultiGzDecoder<R>);

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            ErrorKind::InvalidInput => damaged(texts::damaged(Compression::Gzip, &error)),
            ErrorKind::UnexpectedEof => damaged(texts::cut_short(Compression::Gzip)),
            _ => error,
        })
    }
}

/// All frames of a zstd stream.
struct Zstd<'a, R: BufRead>(Decoder<'a, R>);

impl<'a, R: BufRead> Zstd<'a, R> {
    fn new(from: R) -> io::Result<Self> {
        let mut decoder = Decoder::with_buffer(from)?;
        decoder.window_log_max(LARGEST_WINDOW)?;
        Ok(Self(decoder))
    }
}

impl<R: BufRead> Read for Zstd<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => damaged(texts::cut_short(Compression::Zstd)),
            // What the decoder has to say.
            ErrorKind::Other => damaged(texts::damaged(Compression::Zstd, &error)),
            _ => error,
        })
    }
}

/// Whether a zstd stream may begin so: with a frame, or with one that has no content.
fn is_zstd(first: &[u8]) -> bool {
    first == ZSTD || matches!(first, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

fn damaged(sentence: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, sentence)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use flate2::write::GzEncoder;

    use super::*;

    fn read(compression: Compression, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let mut read = Vec::new();
        decompress(compression, bytes)
            .and_then(|mut from| Ok(from.read_to_end(&mut read)?))
            .map_err(|error| format!("{error:#}"))?;
        Ok(read)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    fn zstd(bytes: &[u8], options: &[&str]) -> Vec<u8> {
        let mut command = Command::new("zstd");
        command.args(["-q", "-c"]).args(options).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("zstd(1)");
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        child.wait_with_output().unwrap().stdout
    }

    #[test]
    fn every_kind_is_read() {
        let text = b"a boat of wood and of hide ".repeat(9999);
        assert_eq!(read(Compression::None, &text).unwrap(), text);
        assert_eq!(read(Compression::Gzip, &gzip(&text)).unwrap(), text);
        assert_eq!(read(Compression::Zstd, &zstd(&text, &[])).unwrap(), text);
        assert_eq!(read(Compression::Zstd, &zstd(&text, &["-19", "--no-check"])).unwrap(), text);
        assert_eq!(read(Compression::None, b"").unwrap(), b"");
        assert_eq!(read(Compression::Gzip, &gzip(b"")).unwrap(), b"");
        assert_eq!(read(Compression::Zstd, &zstd(b"", &[])).unwrap(), b"");
    }

    #[test]
    fn all_members_and_frames_are_read() {
        let two = [gzip(b"a "), gzip(b""), gzip(b"boat")].concat();
        assert_eq!(read(Compression::Gzip, &two).unwrap(), b"a boat");
        let skipped = [&[0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0], &b"abc"[..]].concat();
        let two = [&skipped, &zstd(b"a ", &[])[..], &skipped, &zstd(b"boat", &[]), &skipped];
        assert_eq!(read(Compression::Zstd, &two.concat()).unwrap(), b"a boat");
    }

    #[test]
    fn whatever_is_damaged_is_refused() {
        let text = b"a boat of wood and of hide ".repeat(99);
        for (kind, good) in
            [(Compression::Gzip, gzip(&text)), (Compression::Zstd, zstd(&text, &[]))]
        {
            for length in 0..good.len() {
                let error = read(kind, &good[..length]).unwrap_err();
                assert!(error.contains("ends too early") || length < 4, "{length}: {error}");
            }
            let mut bad = good.clone();
            let checksum = bad.len() - if kind == Compression::Gzip { 8 } else { 4 };
            bad[checksum] ^= 1;
            let error = read(kind, &bad).unwrap_err();
            assert!(error.contains("checksum"), "{error}");
            for rubbish in [&b"\0"[..], b"rubbish", &good[..3]] {
                let error = read(kind, &[&good, rubbish].concat());
                assert!(error.is_err(), "{kind:?} takes {rubbish:?} at the end");
            }
            let error = read(kind, b"rubbish").unwrap_err();
            assert!(error.contains("does not begin like that"), "{error}");
        }
    }

    #[test]
    fn a_window_is_bounded() {
        // 2 to the power of 28, and a content of one gigabyte in one segment.
        let windows: [&[u8]; 2] = [&[0x00, 18 << 3], &[0x80 | 0x20, 0, 0, 0, 0x40]];
        for header in windows {
            let frame = [&ZSTD, header, &[1, 0, 0]].concat();
            let error = read(Compression::Zstd, &frame).unwrap_err();
            assert!(error.contains("too much memory"), "{error}");
        }
        let text = b"a boat ".repeat(1 << 20);
        assert_eq!(read(Compression::Zstd, &zstd(&text, &["--long=27"])).unwrap(), text);
    }
}
