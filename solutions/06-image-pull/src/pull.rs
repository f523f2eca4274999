//! From a registry to the store.
