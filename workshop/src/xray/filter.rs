//! Which system calls stop a program: a seccomp filter (`seccomp(2)`).
//!
//! A tracer that lets every system call stop (`PTRACE_SYSCALL`) makes a program several times
//! slower: two changes of process, twice, for each of a Go runtime's thousands of calls. So the
//! kernel picks the few that are wanted: a filter is a program in classic BPF, run at every call on
//! the call's number and the plain values of its arguments, and its answer `SECCOMP_RET_TRACE`
//! means "stop for the tracer". It can't follow a pointer: what stands in memory is looked at when
//! the call has stopped. The answer carries 16 bits for the tracer: here the place in [`CALLS`].
//!
//! A filter is inherited by every process that is made from here, and can never be taken off. If
//! there is no tracer any more, the kernel answers its calls with ENOSYS. Other filters, that the
//! program itself sets, are asked as well; the strictest answer counts, and `TRACE` is almost the
//! mildest. So a call that a container's own filter forbids is not seen here.

use nix::libc::{self, sock_filter};

use super::calls::{CALLS, Call, When};

/// The calling convention of this build, and where in [`Call::numbers`] its numbers are.
#[cfg(target_arch = "x86_64")]
const NATIVE: (u32, usize) = (X86_64, 0);
#[cfg(target_arch = "x86")]
const NATIVE: (u32, usize) = (I386, 1);
#[cfg(target_arch = "aarch64")]
const NATIVE: (u32, usize) = (0xc000_00b7, 2);
#[cfg(target_arch = "riscv64")]
const NATIVE: (u32, usize) = (0xc000_00f3, 2);

#[cfg(target_arch = "x86_64")]
const X86_64: u32 = 0xc000_003e;
/// Programs of 32 bits make the calls of i386, also those that run on a kernel of 64 bits.
#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
const I386: u32 = 0x4000_0003;

/// All conventions that are looked at. Calls of any other (32-bit ARM on aarch64) pass unseen.
#[cfg(target_arch = "x86_64")]
const CONVENTIONS: [(u32, usize); 2] = [NATIVE, (I386, 1)];
#[cfg(not(target_arch = "x86_64"))]
const CONVENTIONS: [(u32, usize); 1] = [NATIVE];

/// Where `struct seccomp_data` has the call's number, and its convention.
const NUMBER: u32 = 0;
const CONVENTION: u32 = 4;

const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const JUMP: u32 = libc::BPF_JMP | libc::BPF_JA;
const IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const IF_ABOVE: u32 = libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K;
const IF_ANY_BIT: u32 = libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;

const ALLOW: sock_filter = does(RETURN, libc::SECCOMP_RET_ALLOW);

/// The whole filter.
pub(super) fn program() -> Vec<sock_filter> {
    let mut program = vec![does(LOAD, CONVENTION)];
    for (convention, column) in CONVENTIONS {
        let section = section(column);
        // A conditional jump reaches 255 instructions far, an unconditional one any distance.
        program.push(jumps(IF_EQUAL, convention, 1, 0));
        program.push(does(JUMP, section.len() as u32));
        program.extend(section);
    }
    program.push(ALLOW);
    program
}

/// One convention's calls.
fn section(column: usize) -> Vec<sock_filter> {
    let mut section = vec![does(LOAD, NUMBER)];
    for (place, call) in CALLS.iter().enumerate() {
        if let Some(number) = call.numbers[column] {
            let test = test(call, does(RETURN, libc::SECCOMP_RET_TRACE | place as u32));
            section.push(jumps(IF_EQUAL, number, 0, test.len() as u8));
            section.extend(test);
        }
    }
    section.push(ALLOW);
    section
}

/// The test of a call's arguments, which ends with one answer or the other.
fn test(call: &Call, trace: sock_filter) -> Vec<sock_filter> {
    match call.when {
        When::Always => vec![trace],
        When::Without(place, bits) => {
            vec![does(LOAD, argument(place)), jumps(IF_ANY_BIT, bits, 1, 0), trace, ALLOW]
        }
        When::With(place, bits) => {
            vec![does(LOAD, argument(place)), jumps(IF_ANY_BIT, bits, 0, 1), trace, ALLOW]
        }
        When::AtMost(place, most) => {
            vec![does(LOAD, argument(place)), jumps(IF_ABOVE, most, 1, 0), trace, ALLOW]
        }
        When::OneOf(place, values) => {
            let mut test = vec![does(LOAD, argument(place))];
            for (done, value) in values.iter().enumerate() {
                // Over the values that come next, and over "allow".
                let over = values.len() - done;
                test.push(jumps(IF_EQUAL, *value, over as u8, 0));
            }
            test.extend([ALLOW, trace]);
            test
        }
    }
}

/// Where `struct seccomp_data` has the lower half of an argument. All machines of [`NATIVE`] put
/// the lower half first.
const fn argument(place: u32) -> u32 {
    16 + 8 * place
}

const fn does(code: u32, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

const fn jumps(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: code as u16, jt, jf, k }
}
