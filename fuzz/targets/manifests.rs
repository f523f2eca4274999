//! Manifests and indexes: the first line is what the registry calls it, the rest is the document.

#![no_main]

use image_pull::manifest::{Document, MEDIA_TYPES, Manifest};
use image_pull::platform::Platform;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (told, document) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (std::str::from_utf8(&bytes[..end]).ok(), &bytes[end + 1..]),
        None => (None, bytes),
    };
    match Document::parse(document, told) {
        Ok((Document::Manifest(manifest), media_type)) => {
            assert!(MEDIA_TYPES.contains(&media_type));
            assert!(manifest.layers.iter().all(|layer| layer.compression().is_ok()));
            // What it calls itself is as good as what it is called.
            assert!(Manifest::parse(document).is_ok());
        }
        Ok((Document::Index(index), media_type)) => {
            assert!(MEDIA_TYPES.contains(&media_type));
            assert!(Manifest::parse(document).is_err());
            match index.choose(&Platform::host()) {
                Ok(chosen) => assert_eq!(chosen.digest.hex().len(), 64),
                Err(error) => is_sentence(&error),
            }
        }
        Err(error) => is_sentence(&error),
    }
});

fn is_sentence(error: &anyhow::Error) {
    let sentence = format!("{error:#}");
    assert!(sentence.len() < 4000 && !sentence.contains(char::is_control), "{sentence:?}");
}
