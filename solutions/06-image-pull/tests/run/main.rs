//! What a user of `run IMAGE` relies on: the image's word is kept, the user's word counts more, and
//! nothing is left behind.

mod layers;
mod life;
mod machine;
mod user;
mod volumes;
mod words;
