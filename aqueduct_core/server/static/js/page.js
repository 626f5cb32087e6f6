// What all pages have: times in the reader's zone, menus that close, forms that ask, things to copy.
// No other module imports this one: it would be loaded twice, and ask twice.
import { tellTimes, took } from "./times.js";

function tick() {
  for (const item of document.querySelectorAll("[data-since]")) {
    item.textContent = took(Math.max(0, (Date.now() - Date.parse(item.dataset.since)) / 1000));
  }
}

// The tab that is open may stand outside of a narrow window.
for (const tab of document.querySelectorAll(".tabs [aria-current], .nav [aria-current]")) {
  const bar = tab.parentNode;
  bar.scrollLeft = tab.offsetLeft + tab.offsetWidth + 24 - bar.offsetLeft - bar.clientWidth;
}

// Where a plot has no room, what is newest is shown.
for (const plot of document.querySelectorAll(".wide-plot")) plot.parentNode.scrollLeft = plot.scrollWidth;

tellTimes();
tick();
setInterval(() => { if (!document.hidden) tick(); }, 1000);
setInterval(() => { if (!document.hidden) tellTimes(); }, 30000);

addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const copy = event.target.closest?.("[data-copy]");
  if (copy) {
    navigator.clipboard?.writeText(copy.dataset.copy).then(() => {
      const before = copy.getAttribute("aria-label");
      copy.setAttribute("aria-label", "Copied");
      copy.classList.add("copied");
      setTimeout(() => { copy.setAttribute("aria-label", before ?? "Copy"); copy.classList.remove("copied"); }, 1500);
    });
  }
});

addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
  const typing = event.target.closest?.("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    const search = document.querySelector("input[type=search]");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
  }
});

// A form with data-confirm asks first; one with data-auto goes off when a choice changes.
addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});
addEventListener("change", (event) => {
  if (event.target.matches("form[data-auto] select")) event.target.form.requestSubmit();
});
