//! The PID namespace: process numbers of one's own (`pid_namespaces(7)`).
//!
//! The first process that is born into a new PID namespace has the number 1 there, and another
//! number in every namespace above: the host still sees it. It can't be entered by the process that
//! makes it, whose number can't change; only its children are in it. Here `clone` makes the
//! namespace and the child in one step.
//!
//! PID 1 is special. Orphans in the namespace become its children. Signals that it has no handler
//! for are dropped. And when it ends, the kernel kills everything else in the namespace.

use nix::sched::CloneFlags;
use process::Mechanism;

/// A PID namespace of the container's own.
#[derive(Debug)]
pub struct PidNamespace;

impl Mechanism for PidNamespace {
    fn namespaces(&self) -> CloneFlags {
        // ANCHOR: pid_namespace
        // EXERCISE pid_namespace: let the process be PID 1
        //   Name the new namespace that the process is to be born into. The frame gives it to
        //   `clone`. (clone(2) lists the flags; they are constants of `CloneFlags`.)
        todo!("pid_namespace: let the process be PID 1")
        // ANCHOR_END: pid_namespace
    }
}
