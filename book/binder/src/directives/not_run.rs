//! A block of shell that was not recorded, and says so: ` ```console not-run `.

use crate::book::Book;
use crate::html;

/// Every other block of shell is refused: what it shows could be untrue.
pub(crate) fn render(book: &Book, info: &str, text: &str) -> Result<String, String> {
    if !info.split([' ', ',']).any(|word| word == "not-run") {
        return Err("a block of shell was not recorded: make it a part of a session and write \
                    `{{#session NAME:PART}}`, or, where it can't be run here, ` ```console not-run `"
            .into());
    }
    let code = html::escape(text.trim_end_matches('\n'));
    let label = book.texts.get("not-run");
    Ok(format!(
        "<figure class=\"not-run\"><figcaption>{label}</figcaption>\
         <pre class=\"scroll\"><code>{code}</code></pre></figure>"
    ))
}
