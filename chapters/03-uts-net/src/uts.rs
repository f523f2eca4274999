//! The host name: the UTS namespace (`uts_namespaces(7)`).
//!
//! A host name is a string in the kernel, at most 64 bytes of it (`sethostname(2)`); so is the NIS
//! domain name beside it (`setdomainname(2)`). A UTS namespace is a copy of the two. Whoever sets
//! the name without one renames the machine for everybody: the prompt of every new shell changes.
//!
//! (UTS is "Unix Time-Sharing": the name of the struct that `uname(2)` fills in.)

use anyhow::{Result, ensure};
use nix::sched::CloneFlags;
use nix::unistd::sethostname;
use process::{Attempt, Mechanism};

use crate::{sys, texts};

/// The kernel's own limit (`__NEW_UTS_LEN`), on both names.
const LONGEST: usize = 64;

/// A host name of the container's own.
#[derive(Debug, Clone)]
pub struct Hostname {
    name: String,
    domain: Option<String>,
}

impl Hostname {
    /// The container is to be called `name`.
    ///
    /// # Errors
    ///
    /// When the kernel would refuse the name, or when it would spoil `/etc/hosts`.
    pub fn new(name: &str) -> Result<Self> {
        check(name)?;
        Ok(Self { name: name.into(), domain: None })
    }

    /// It is also to have this NIS domain name; without one it keeps the host's.
    ///
    /// # Errors
    ///
    /// As for the name.
    pub fn domain(mut self, domain: Option<&str>) -> Result<Self> {
        domain.map_or(Ok(()), check)?;
        self.domain = domain.map(String::from);
        Ok(self)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What belongs behind the container's address in `/etc/hosts`: the full name first, then the
    /// short one, if they differ.
    #[must_use]
    pub fn names(&self) -> String {
        match (&self.domain, self.name.split_once('.')) {
            (Some(domain), _) => format!("{0}.{domain} {0}", self.name),
            (None, Some((short, _))) if !short.is_empty() => format!("{} {short}", self.name),
            (None, _) => self.name.clone(),
        }
    }

    fn set_name(&self) -> Result<()> {
        // ANCHOR: hostname
        // EXERCISE hostname: give the container its name
        //   `sethostname(name)` sets the name in the UTS namespace that this process is in. Which
        //   one that is, `namespaces` below has settled. Put
        //   `.step(&texts::HOSTNAME, format_args!("sethostname({:?})", self.name))` behind it.
        todo!("hostname: give the container its name")
        // ANCHOR_END: hostname
    }
}

impl Mechanism for Hostname {
    fn namespaces(&self) -> CloneFlags {
        // ANCHOR: uts_namespace
        // EXERCISE uts_namespace: let nobody else see the name
        //   Name the namespace that holds the host name, or the name will be the machine's.
        todo!("uts_namespace: let nobody else see the name")
        // ANCHOR_END: uts_namespace
    }

    fn enter(&mut self) -> Result<()> {
        self.set_name()?;
        match &self.domain {
            Some(domain) => sys::set_domain_name(domain)
                .step(&texts::HOSTNAME, format_args!("setdomainname({domain:?})")),
            None => Ok(()),
        }
    }
}

fn check(name: &str) -> Result<()> {
    ensure!(!name.is_empty(), texts::NAME_EMPTY);
    ensure!(name.len() <= LONGEST, texts::name_too_long(name, LONGEST));
    // It is written into a file of lines and columns.
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '#';
    ensure!(!name.contains(odd), texts::name_odd(name));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_four_bytes_are_a_name_and_sixty_five_are_not() {
        assert!(Hostname::new(&"a".repeat(64)).is_ok());
        assert!(Hostname::new(&"a".repeat(65)).is_err());
        // Bytes, not letters.
        assert!(Hostname::new(&"ä".repeat(33)).is_err());
    }

    #[test]
    fn a_name_that_would_spoil_a_file_is_none() {
        for name in ["", "a b", "a\nb", "a#b", "\u{7f}"] {
            assert!(Hostname::new(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn the_full_name_comes_first() {
        let names = |name: &str, domain| {
            Hostname::new(name).and_then(|name| name.domain(domain)).map(|name| name.names())
        };
        assert_eq!(names("box", None).ok().as_deref(), Some("box"));
        assert_eq!(names("box.example", None).ok().as_deref(), Some("box.example box"));
        assert_eq!(names("box", Some("example")).ok().as_deref(), Some("box.example box"));
    }
}
