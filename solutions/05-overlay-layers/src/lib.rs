//! # 05: layers
