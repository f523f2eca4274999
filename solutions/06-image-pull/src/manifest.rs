//! What a registry says of an image.
