// A table with more rows than its preview: only those in sight are in the page, and they are asked for
// when they come into sight. Without this script the preview stays.
const CHUNK = 100, AROUND = 20, MOST = 400000; // rows; browsers end at some millions of pixels

function start(box) {
  const table = box.querySelector("table"), body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const total = Math.min(Number(box.dataset.rowsCount), MOST);
  const hasIndex = heads[0].classList.contains("index");
  const numbers = heads.map((head) => head.classList.contains("number"));
  const dates = heads.map((head, place) => head.textContent.includes("datetime") && ![...body.rows].some((row) => row.cells[place]?.textContent.includes(":")));
  const height = body.rows[0].getBoundingClientRect().height;
  const chunks = new Map(), asked = new Set();
  let shown = "", frame = 0;

  // The first rows tell how wide columns are; later ones don't change that.
  const widths = heads.map((head) => head.getBoundingClientRect().width);
  heads.forEach((head, place) => { head.style.width = head.style.minWidth = head.style.maxWidth = `${widths[place]}px`; });

  function space(rows) {
    const row = document.createElement("tr"), cell = row.insertCell();
    cell.colSpan = heads.length;
    cell.className = "space";
    cell.style.height = `${rows * height}px`;
    row.setAttribute("aria-hidden", "true");
    return row;
  }

  function line(number) {
    const values = chunks.get(Math.floor(number / CHUNK))?.[number % CHUNK];
    const row = document.createElement("tr");
    row.setAttribute("aria-rowindex", number + 2);
    for (let place = hasIndex ? 0 : 1; place <= heads.length - (hasIndex ? 1 : 0); place += 1) {
      const column = hasIndex ? place : place - 1;
      const cell = document.createElement(place === 0 ? "th" : "td");
      const value = values?.[place];
      if (place === 0) cell.scope = "row";
      if (numbers[column]) cell.className = "number";
      if (!values) cell.textContent = "…";
      else if (value === null) cell.innerHTML = '<span class="null">null</span>';
      else cell.textContent = dates[column] ? value.slice(0, 10) : value;
      row.append(cell);
    }
    row.style.height = `${height}px`;
    return row;
  }

  async function ask(chunk) {
    if (asked.has(chunk)) return;
    asked.add(chunk);
    const answer = await fetch(`${box.dataset.rowsFrom}?start=${chunk * CHUNK}&count=${CHUNK}`).catch(() => null);
    if (!answer?.ok) { asked.delete(chunk); return; }
    chunks.set(chunk, (await answer.json()).rows);
    shown = "";
    show();
  }

  function show() {
    frame = 0;
    const head = table.tHead.getBoundingClientRect().height;
    const top = Math.floor(box.scrollTop / height), seen = Math.ceil((box.clientHeight - head) / height);
    const first = Math.max(0, Math.min(top, total - seen) - AROUND), last = Math.min(total, top + seen + AROUND);
    const wanted = `${first} ${last}`;
    if (wanted === shown) return;
    shown = wanted;
    const rows = [];
    for (let number = first; number < last; number += 1) rows.push(line(number));
    body.replaceChildren(space(first), ...rows, space(total - last));
    for (let chunk = Math.floor(first / CHUNK); chunk <= Math.floor((last - 1) / CHUNK); chunk += 1) ask(chunk);
  }

  // Nothing is asked for before somebody scrolls: until then the preview stands there.
  table.setAttribute("aria-rowcount", total + 1);
  body.append(space(total - body.rows.length));
  box.addEventListener("scroll", () => { if (box.scrollTop || shown) frame ||= requestAnimationFrame(show); });
  const told = box.closest(".panel").querySelector("[data-told]");
  if (told) told.textContent = told.dataset.told;
}

for (const box of document.querySelectorAll("[data-rows-from]")) start(box);
