//! Names of images, platforms and digests: whatever is accepted means the same when it is written
//! down and read again.

#![no_main]

use image_pull::digest::Digest;
use image_pull::name::Name;
use image_pull::platform::Platform;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match text.parse::<Name>() {
        Ok(name) => {
            assert_eq!(name.canonical().parse::<Name>().expect("its full name"), name);
            assert_eq!(name.to_string().parse::<Name>().expect("its short name"), name);
            assert!(name.repository.split('/').all(|word| !word.is_empty() && word != ".."));
            assert!(name.tag.is_some() || name.digest.is_some());
        }
        Err(error) => {
            let sentence = error.to_string();
            assert!(sentence.len() < 2000 && !sentence.contains(char::is_control), "{sentence:?}");
        }
    }
    if let Ok(platform) = text.parse::<Platform>() {
        assert_eq!(platform.to_string().parse::<Platform>().expect("the same"), platform);
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
    }
});
