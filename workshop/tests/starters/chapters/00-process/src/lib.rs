//! What an exercise region may look like.

pub mod kernel;

// ANCHOR: whole
/// An anchor around an exercise belongs to the book.
pub fn whole(numbers: &[u32]) -> u32 {
    // ANCHOR: sum
    // EXERCISE sum: add "them" up, {} as well
    //   Every line of the task begins with three spaces.
    //
    //     let indented = "more";
    todo!("sum: add \"them\" up, {{}} as well")
    // ANCHOR_END: sum
}
// ANCHOR_END: whole

pub fn short() {
    // ANCHOR: short
    // EXERCISE short: without a task
    todo!("short: without a task")
    // ANCHOR_END: short
}
