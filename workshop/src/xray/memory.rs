//! What stands in another process's memory, as its system calls mean it.
//!
//! Where it can't be read (the program gave a wrong address, or the kernel does not let this user
//! look into it) there is nothing, and the story shows `?`.

use nix::unistd::Pid;

use super::sys;

/// The longest string that is read, in bytes: the kernel takes paths up to this length.
const LONGEST: usize = 4096;

/// The memory of a stopped thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    pub(super) tid: Pid,
    /// The size of a pointer, in bytes: a program of 32 bits has smaller ones.
    pub(super) word: usize,
}

impl Memory {
    /// Exactly `length` bytes.
    pub(super) fn bytes(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        let read = sys::read_memory(self.tid, address, &mut bytes).ok()?;
        (read == length).then_some(bytes)
    }

    /// A string, without the NUL byte that ends it.
    pub(super) fn string(&self, address: u64) -> Option<Vec<u8>> {
        let mut string = Vec::new();
        let mut chunk = [0; 256];
        while string.len() < LONGEST {
            let at = address.wrapping_add(string.len() as u64);
            let read = sys::read_memory(self.tid, at, &mut chunk).ok()?;
            let chunk = &chunk[..read];
            match chunk.iter().position(|byte| *byte == 0) {
                Some(end) => {
                    string.extend_from_slice(&chunk[..end]);
                    return Some(string);
                }
                None => string.extend_from_slice(chunk),
            }
        }
        Some(string)
    }

    /// A number of 32 bits.
    pub(super) fn u32(&self, address: u64) -> Option<u32> {
        let bytes = self.bytes(address, 4)?;
        Some(u32::from_ne_bytes(bytes.try_into().ok()?))
    }

    /// A number of 64 bits.
    pub(super) fn u64(&self, address: u64) -> Option<u64> {
        let bytes = self.bytes(address, 8)?;
        Some(u64::from_ne_bytes(bytes.try_into().ok()?))
    }

    /// The pointer (or the `long`) at a place in an array of them.
    pub(super) fn pointer(&self, array: u64, place: usize) -> Option<u64> {
        let address = array.wrapping_add((place * self.word) as u64);
        if self.word == 4 { self.u32(address).map(u64::from) } else { self.u64(address) }
    }
}
