// The grid of operators and runs: cells lead to the operator in its run, by click and by keyboard.
const WORDS = { s: "succeeded", f: "failed", w: "warning", r: "running", k: "from cache", c: "canceled", x: "skipped", p: "waiting" };

function placeOf(cell) {
  const table = cell.closest("table");
  const run = table.tHead.rows[0].cells[cell.cellIndex]?.querySelector("a");
  const name = cell.parentNode.cells[0].textContent.trim();
  return { run, name, href: `${run?.getAttribute("href")}/operators/${encodeURIComponent(name)}` };
}

const stateOf = (cell) => WORDS[[...cell.classList].find((name) => name in WORDS)];

document.addEventListener("pointerover", (event) => {
  const cell = event.target.closest?.("[data-grid] td");
  if (!cell || cell.title || !stateOf(cell)) return;
  const { run, name } = placeOf(cell);
  cell.title = `${name}: ${stateOf(cell)}\n${run.title}`;
});

document.addEventListener("click", (event) => {
  const cell = event.target.closest?.("[data-grid] td");
  if (!cell || !stateOf(cell)) return;
  const { href } = placeOf(cell);
  if (event.ctrlKey || event.metaKey) open(href); else location.href = href;
});

// Arrow keys walk through the cells as soon as the grid has the focus.
function walk(region, event) {
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const rows = [...region.querySelectorAll("tbody tr")];
  const now = region.querySelector("td.chosen");
  if (event.key === "Enter" && now && stateOf(now)) location.href = placeOf(now).href;
  const step = steps[event.key];
  if (!step || !rows.length) return;
  event.preventDefault();
  const last = rows[0].cells.length - 1;
  const row = now ? rows.indexOf(now.parentNode) + step[0] : 0;
  const column = now ? now.cellIndex + step[1] : last;
  const next = rows[Math.min(Math.max(row, 0), rows.length - 1)].cells[Math.min(Math.max(column, 1), last)];
  now?.classList.remove("chosen");
  next.classList.add("chosen");
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
  const { name, run } = placeOf(next);
  region.setAttribute("aria-label", `${name}, ${run.textContent.trim()}: ${stateOf(next) ?? "not in this version"}`);
}

document.addEventListener("keydown", (event) => {
  const region = event.target.closest?.("[data-end]");
  if (region && event.target === region) walk(region, event);
});

function toEnd() {
  for (const region of document.querySelectorAll("[data-end]")) region.scrollLeft = region.scrollWidth;
}
addEventListener("page:fresh", toEnd);
toEnd();
