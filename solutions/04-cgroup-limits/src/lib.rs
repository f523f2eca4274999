//! # 04: limits
