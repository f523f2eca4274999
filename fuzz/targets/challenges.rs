//! `WWW-Authenticate`: nothing is lost, nothing is made up.

#![no_main]

use image_pull::auth::challenge::Challenge;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &str| {
    let challenges = Challenge::parse(header);
    for challenge in &challenges {
        assert!(!challenge.scheme.is_empty());
        assert!(challenge.scheme.bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(header.to_ascii_lowercase().contains(&challenge.scheme));
        for name in ["realm", "service", "scope"] {
            assert!(challenge.get(name).is_none_or(|value| value.len() <= header.len()));
        }
    }
    assert!(challenges.len() <= header.len());
});
