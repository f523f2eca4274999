//! A network of addresses: `10.83.0.0/24` is the addresses whose first 24 bits are those of
//! 10.83.0.0.

use std::fmt;
use std::net::Ipv4Addr;

/// An address, and how many of its bits belong to its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet {
    address: Ipv4Addr,
    prefix: u8,
}

impl Subnet {
    /// The network of `address` with the given number of bits.
    #[must_use]
    pub const fn new(address: Ipv4Addr, prefix: u8) -> Self {
        Self { address, prefix: if prefix > 32 { 32 } else { prefix } }
    }

    /// How many bits belong to the network.
    #[must_use]
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// The address with this number in the network.
    #[must_use]
    pub fn host(self, number: u8) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.first() | u32::from(number))
    }

    /// The network's last address, which is everybody's (broadcast).
    #[must_use]
    pub fn last(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.first() | !self.mask())
    }

    /// Whether the address is one of this network's.
    #[must_use]
    pub fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & self.mask() == self.first()
    }

    /// Whether the two have an address in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other.address) || other.contains(self.address)
    }

    fn first(self) -> u32 {
        self.address.to_bits() & self.mask()
    }

    fn mask(self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0)
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from_bits(self.first()), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        let (address, prefix) = text.split_once('/').expect("a slash");
        Subnet::new(address.parse().expect("an address"), prefix.parse().expect("a number"))
    }

    #[test]
    fn networks_overlap_when_one_contains_the_other() {
        assert!(subnet("10.83.0.0/24").overlaps(subnet("10.0.0.0/8")));
        assert!(subnet("10.0.0.0/8").overlaps(subnet("10.83.0.0/24")));
        assert!(subnet("10.83.0.0/24").overlaps(subnet("10.83.0.7/32")));
        assert!(subnet("0.0.0.0/0").overlaps(subnet("10.83.0.0/24")));
        assert!(!subnet("10.83.0.0/24").overlaps(subnet("10.83.1.0/24")));
    }

    #[test]
    fn a_network_names_its_addresses() {
        assert_eq!(subnet("10.83.0.1/24").host(254).to_string(), "10.83.0.254");
        assert_eq!(subnet("10.83.0.1/24").last().to_string(), "10.83.0.255");
        assert_eq!(subnet("10.83.0.1/24").to_string(), "10.83.0.0/24");
    }
}
