// What all pages have: times in the reader's zone, menus that close, forms that ask, things to copy.
const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const absolute = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

function ago(moment) {
  const seconds = (moment - Date.now()) / 1000;
  if (Math.abs(seconds) < 10) return "just now";
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS.at(-1);
  return relative.format(Math.trunc(seconds / size), unit);
}

export function took(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function tellTimes(within = document) {
  for (const item of within.querySelectorAll("time[datetime]")) {
    const moment = Date.parse(item.dateTime);
    item.title = absolute.format(moment);
    if (item.hasAttribute("data-ago")) item.textContent = ago(moment);
    if (item.hasAttribute("data-local")) item.textContent = absolute.format(moment);
  }
}

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
