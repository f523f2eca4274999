//! # 06: images
