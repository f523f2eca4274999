// What is wider than the page scrolls by itself, so it has to be reached by the keyboard, too.

export function scrollable() {
  const boxes = document.querySelectorAll("pre.scroll, .commands, .table-wrapper");
  const look = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  for (const box of boxes) look.observe(box);
}
