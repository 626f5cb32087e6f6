// Tables with data-sortable are sorted by a click on a column's head; data-sort is what a cell counts as.
function keyOf(row, column) {
  const cell = row.cells[column];
  const text = (cell.dataset.sort ?? cell.textContent).trim();
  const number = Number(text);
  return text !== "" && !Number.isNaN(number) ? number : text.toLowerCase();
}

function compare(a, b) {
  if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
  return typeof a === "number" ? -1 : 1;
}

function sort(head) {
  const body = head.closest("table").tBodies[0];
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = [...body.rows].map((row) => [keyOf(row, head.cellIndex), row]);
  rows.sort(([a], [b]) => (down ? -compare(a, b) : compare(a, b)));
  body.append(...rows.map(([, row]) => row));
}

function prepare(within) {
  for (const head of within.querySelectorAll("table[data-sortable] thead th")) {
    if (head.querySelector("button") || !head.textContent.trim()) continue;
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
  }
}

document.addEventListener("click", (event) => {
  const head = event.target.closest?.("table[data-sortable] thead th");
  if (head) sort(head);
});
addEventListener("page:fresh", () => prepare(document));
prepare(document);
