// The graph: dragging, zooming, lighting up what belongs together, and the panel beside it. Without this
// script it scrolls, and its nodes are links.
import { tellTimes } from "./times.js";

const canvas = document.querySelector("[data-canvas]");
const beside = document.querySelector("[data-beside]");
const side = document.querySelector("[data-side]");
const tools = canvas?.querySelector("[data-tools]");
const MIN = 0.08, MAX = 2.5, READABLE = 0.55, FAR = 0.38;
let k = 1, x = 0, y = 0, settle = 0;

const svg = () => canvas.querySelector(".graph");
const nodes = () => [...canvas.querySelectorAll(".node")];
const nodeOf = (key) => nodes().find((node) => node.dataset.key === key);

function show(gesture = false) {
  const graph = svg();
  graph.style.transform = `translate(${x}px, ${y}px) scale(${k})`;
  if (gesture) {
    graph.style.willChange = "transform"; // moved as a picture, drawn sharp again when it comes to rest
    clearTimeout(settle);
    settle = setTimeout(() => { graph.style.willChange = ""; }, 150);
  }
  canvas.classList.toggle("far", k < FAR);
  tools.querySelector("[data-zoom=scale]").textContent = `${Math.round(k * 100)}%`;
}

function zoom(to, px = canvas.clientWidth / 2, py = canvas.clientHeight / 2) {
  const next = Math.min(MAX, Math.max(MIN, to));
  x = px - (px - x) * (next / k);
  y = py - (py - y) * (next / k);
  k = next;
  show(true);
}

function size() {
  const graph = svg();
  return [graph.width.baseVal.value, graph.height.baseVal.value];
}

function fit(least = MIN) {
  const [width, height] = size();
  k = Math.max(least, Math.min(1, canvas.clientWidth / width, canvas.clientHeight / height));
  x = (canvas.clientWidth - width * k) / 2;
  y = (canvas.clientHeight - height * k) / 2;
  show();
}

function centre(node) {
  const box = node.getBoundingClientRect(), frame = canvas.getBoundingClientRect();
  x += frame.left + frame.width / 2 - (box.left + box.width / 2);
  y += frame.top + frame.height / 2 - (box.top + box.height / 2);
  show();
}

// Keep the drawing's edge in reach: what is centred may not leave half of the view empty.
function bound() {
  const [width, height] = size();
  const clamp = (value, length, view) => length <= view ? (view - length) / 2 : Math.min(0, Math.max(view - length, value));
  x = clamp(x, width * k, canvas.clientWidth);
  y = clamp(y, height * k, canvas.clientHeight);
  show();
}

// The drawing gets what is left of the window below the head of the page.
function stretch() {
  if (canvas.classList.contains("low")) return;
  const top = canvas.getBoundingClientRect().top + scrollY;
  canvas.style.height = `${Math.max(360, innerHeight - top - 24)}px`;
}

function begin() {
  canvas.classList.add("moves");
  stretch();
  tools.hidden = false;
  fit(READABLE);
  const graph = svg();
  const first = ["failed", "running", "warning"].map((state) => graph.querySelector(`.node.is-${state}`)).find(Boolean);
  const [width, height] = size();
  if (width * k > canvas.clientWidth || height * k > canvas.clientHeight) {
    x = 0;
    show();
    if (first) centre(first);
    bound();
  }
  const wanted = decodeURIComponent(location.hash.slice(1));
  const held = wanted.startsWith("at-") && nodeOf(`o:${wanted.slice(3)}`);
  if (held) { centre(held); bound(); }
  if (wanted.startsWith("op-")) choose(nodeOf(`o:${wanted.slice(3)}`), true);
}

function light(node, on) {
  const key = node?.dataset.key;
  for (const edge of canvas.querySelectorAll(".edges path")) {
    edge.classList.toggle("lit", on && (edge.dataset.a === key || edge.dataset.b === key));
  }
}

async function choose(node, move = false) {
  const link = node?.querySelector("a.head");
  if (!link || node.dataset.key.startsWith("s:")) return false;
  const path = link.getAttribute("href").replace("/operators/", "/panels/");
  const answer = await fetch(path, { headers: { accept: "text/html" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) { location.href = link.getAttribute("href"); return true; }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  side.replaceChildren(...fresh.body.childNodes);
  tellTimes(side);
  const before = canvas.clientWidth;
  beside.classList.add("open");
  side.hidden = false;
  side.scrollTop = 0;
  for (const other of nodes()) other.classList.toggle("chosen", other === node);
  history.replaceState(null, "", `#op-${encodeURIComponent(node.dataset.key.slice(2))}`);
  const box = node.getBoundingClientRect(), frame = canvas.getBoundingClientRect();
  if (move || box.right > frame.right - 8 || box.left < frame.left) centre(node);
  else if (before !== canvas.clientWidth && k < READABLE) fit(READABLE);
  return true;
}

function close() {
  const chosen = canvas.querySelector(".node.chosen");
  side.hidden = true;
  beside.classList.remove("open");
  chosen?.classList.remove("chosen");
  history.replaceState(null, "", location.pathname + location.search);
  chosen?.querySelector("a.head")?.focus({ preventScroll: true });
}

if (canvas && svg()) {
  begin();

  addEventListener("resize", () => { stretch(); bound(); });

  let held = null, moved = false;
  const fingers = new Map();
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || event.target.closest(".tools")) return;
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    held = [event.clientX - x, event.clientY - y];
    moved = false;
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    if (fingers.size === 2) {
      const spread = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };
      const before = spread();
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
      const [a, b] = [...fingers.values()], frame = canvas.getBoundingClientRect();
      zoom(k * spread() / before, (a[0] + b[0]) / 2 - frame.left, (a[1] + b[1]) / 2 - frame.top);
      moved = true;
      return;
    }
    const [dx, dy] = [event.clientX - held[0] - x, event.clientY - held[1] - y];
    if (!moved && Math.hypot(dx, dy) < 4) return;
    if (!moved) { canvas.setPointerCapture(event.pointerId); canvas.classList.add("dragging"); moved = true; }
    x += dx; y += dy;
    show(true);
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(kind, (event) => { fingers.delete(event.pointerId); canvas.classList.remove("dragging"); });
  }
  canvas.addEventListener("click", (event) => { if (moved) { event.preventDefault(); event.stopPropagation(); moved = false; } }, true);
  canvas.addEventListener("dragstart", (event) => event.preventDefault());
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const frame = canvas.getBoundingClientRect();
    if (event.ctrlKey || !event.shiftKey && Math.abs(event.deltaY) > Math.abs(event.deltaX)) {
      zoom(k * Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - frame.left, event.clientY - frame.top);
    } else { x -= event.deltaX || event.deltaY; show(true); }
  }, { passive: false });

  canvas.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom]");
    if (button) ({ in: () => zoom(k * 1.25), out: () => zoom(k / 1.25), fit: () => fit(), scale: () => zoom(1) })[button.dataset.zoom]();
    const head = event.target.closest("a.head");
    if (!head || event.ctrlKey || event.metaKey || event.shiftKey || head.parentNode.dataset.key.startsWith("s:")) return;
    event.preventDefault();
    choose(head.parentNode);
  });
  canvas.addEventListener("keydown", (event) => {
    const keys = { "+": () => zoom(k * 1.25), "=": () => zoom(k * 1.25), "-": () => zoom(k / 1.25), 0: () => fit() };
    const arrows = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (keys[event.key]) { keys[event.key](); event.preventDefault(); }
    if (arrows[event.key]) { x += arrows[event.key][0]; y += arrows[event.key][1]; show(); event.preventDefault(); }
  });
  canvas.addEventListener("pointerover", (event) => { const node = event.target.closest?.(".node"); light(node, !!node); });
  canvas.addEventListener("focusin", (event) => {
    canvas.scrollTo(0, 0);
    const node = event.target.closest?.(".node");
    light(node, !!node);
    if (!node || !event.target.matches(":focus-visible")) return;
    const box = node.getBoundingClientRect(), frame = canvas.getBoundingClientRect();
    if (box.left < frame.left || box.right > frame.right || box.top < frame.top || box.bottom > frame.bottom) centre(node);
  });
  side.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) close();
    const link = event.target.closest("[data-goto]");
    const node = link && !event.ctrlKey && !event.metaKey && nodeOf(link.dataset.goto);
    if (node && choose(node)) event.preventDefault();
  });
  addEventListener("keydown", (event) => { if (event.key === "Escape" && !side.hidden) close(); });
  addEventListener("page:fresh", () => {
    const wanted = decodeURIComponent(location.hash.slice(1));
    if (!side.hidden && wanted.startsWith("op-")) choose(nodeOf(`o:${wanted.slice(3)}`));
  });
}
