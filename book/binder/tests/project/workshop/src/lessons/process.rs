const BOOK: &str = "00#by-hand";
