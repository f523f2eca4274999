//! Who asks: the registry's token.
