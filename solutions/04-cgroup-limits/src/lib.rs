//! # 04: limits

pub mod cgroup;
pub mod freezer;
pub mod group;
pub mod hierarchy;
pub mod killed;
pub mod limits;
pub mod options;
pub mod place;
pub mod runs;
pub mod size;
pub mod texts;

pub use cgroup::Cgroup;
pub use limits::Limits;
pub use options::LimitOptions;
