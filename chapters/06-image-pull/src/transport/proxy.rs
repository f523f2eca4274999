//! Through which proxy a host is reached.
//!
//! No standard says how; these are the variables that curl(1) and Docker go by. `HTTPS_PROXY` is
//! for addresses that begin with https, `HTTP_PROXY` for http, `ALL_PROXY` for both; `NO_PROXY`
//! names hosts that are reached directly. Small letters mean the same. This machine itself is never
//! reached through a proxy.

use std::net::IpAddr;

use ureq::http::Uri;
use ureq::{Proxy, ProxyProtocol};

use super::failure::Failure;
use crate::name::is_loopback;
use crate::registry::Environment;
use crate::texts::registry as texts;

/// The proxy for an address, if there is one.
pub(super) fn proxy_for(uri: &Uri, environment: &Environment) -> Result<Option<Proxy>, Failure> {
    let host = uri.host().unwrap_or_default();
    let get = |name: &str| environment.get(name).or_else(|| environment.get(&name.to_lowercase()));
    if is_loopback(host) || get("NO_PROXY").is_some_and(|list| is_listed(uri, &list)) {
        return Ok(None);
    }
    let variable = if uri.scheme_str() == Some("https") { "HTTPS_PROXY" } else { "HTTP_PROXY" };
    let Some((variable, value)) =
        [variable, "ALL_PROXY"].into_iter().find_map(|name| Some((name, get(name)?)))
    else {
        return Ok(None);
    };
    match Proxy::new(&value) {
        Ok(proxy) if matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) => {
            Ok(Some(proxy))
        }
        // What it says may contain a password.
        _ => Err(Failure::hopeless(texts::bad_proxy(variable))),
    }
}

/// Whether a list like `localhost,.example.com,10.0.0.0/8,registry:5000` has a host.
fn is_listed(uri: &Uri, list: &str) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    let address = host.parse::<IpAddr>().ok();
    list.split(',').map(|entry| entry.trim().to_ascii_lowercase()).any(|entry| {
        if let (Some(address), Some((network, bits))) = (address, entry.split_once('/')) {
            return is_in_network(address, network, bits);
        }
        // The colons of an IPv6 address are no port's.
        let (entry, port) = match entry.rsplit_once(':') {
            Some((entry, port))
                if address.is_none_or(|it| it.is_ipv4()) || entry.ends_with(']') =>
            {
                (entry.trim_matches(['[', ']']), Some(port))
            }
            _ => (entry.trim_matches(['[', ']']), None),
        };
        if port.is_some_and(|port| port.parse() != Ok(port_of(uri))) {
            return false;
        }
        let domain = entry.trim_start_matches('*').trim_start_matches('.');
        match domain {
            "" => entry == "*",
            // A name stands for all that end in it as well.
            _ => host
                .strip_suffix(domain)
                .is_some_and(|rest| rest.is_empty() || (rest.ends_with('.') && address.is_none())),
        }
    })
}

fn port_of(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 })
}

fn is_in_network(address: IpAddr, network: &str, bits: &str) -> bool {
    let Ok(bits) = bits.parse::<u32>() else { return false };
    match (address, network.parse::<IpAddr>()) {
        (IpAddr::V4(address), Ok(IpAddr::V4(network))) if bits <= 32 => {
            let differ = u32::from(address) ^ u32::from(network);
            differ.checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), Ok(IpAddr::V6(network))) if bits <= 128 => {
            let differ = u128::from(address) ^ u128::from(network);
            differ.checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(address: &str, variables: &'static [(&str, &str)]) -> String {
        let environment = Environment::new(move |name| {
            let found = variables.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        match proxy_for(&address.parse().unwrap(), &environment) {
            Ok(Some(proxy)) => format!("{}:{}", proxy.host(), proxy.port()),
            Ok(None) => "none".into(),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let both: &[_] = &[("HTTPS_PROXY", "http://s:1"), ("http_proxy", "p:2")];
        assert_eq!(through("https://host.tld/", both), "s:1");
        assert_eq!(through("http://host.tld/", both), "p:2");
        assert_eq!(through("https://host.tld/", &[("ALL_PROXY", "http://u:p@a:3")]), "a:3");
        assert_eq!(
            through("https://host.tld/", &[("HTTP_PROXY", "p:2"), ("HTTPS_PROXY", "")]),
            "none"
        );
        assert_eq!(through("http://127.0.0.1:5000/", both), "none");
        assert_eq!(through("https://localhost/", both), "none");
        let error = through("https://host.tld/", &[("https_proxy", "socks5://me:secret@s:1")]);
        assert!(error.contains("HTTPS_PROXY") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn listed_hosts_are_reached_directly() {
        for (list, address, listed) in [
            ("*", "https://a.tld/", true),
            ("a.tld", "https://a.tld/", true),
            (" A.tld ,x", "https://a.TLD/", true),
            ("a.tld", "https://b.a.tld/", true),
            (".a.tld", "https://b.a.tld/", true),
            ("*.a.tld", "https://b.a.tld/", true),
            ("a.tld", "https://ba.tld/", false),
            ("", "https://a.tld/", false),
            (",", "https://a.tld/", false),
            ("a.tld:443", "https://a.tld/", true),
            ("a.tld:5000", "https://a.tld/", false),
            ("a.tld:5000", "https://a.tld:5000/", true),
            ("10.1.2.3", "http://10.1.2.3:5000/", true),
            ("2.3", "http://10.1.2.3/", false),
            ("10.0.0.0/8", "http://10.1.2.3/", true),
            ("10.0.0.0/8", "http://11.1.2.3/", false),
            ("0.0.0.0/0", "http://11.1.2.3/", true),
            ("10.0.0.0/99", "http://10.0.0.0/", false),
            ("fd00::/8", "http://[fd00::1]:5000/", true),
            ("fd00::1", "http://[fd00::1]/", true),
            ("[fd00::1]:5000", "http://[fd00::1]:5000/", true),
            ("::/0", "http://10.1.2.3/", false),
        ] {
            assert_eq!(is_listed(&address.parse().unwrap(), list), listed, "{list} {address}");
        }
    }
}
