// Keeps a page up to date while something runs. The server says that there is news; the page is asked
// for again, and only the elements with data-live whose content is another one are replaced.
import { put } from "./fresh.js";

const source = document.querySelector("[data-live-from]");
const PAUSE = 1000; // milliseconds between two looks, at least
const lastOf = (page) => page.querySelector("meta[name=last-event]")?.content;
let stream = null, waiting = null, last = 0, seen = lastOf(document) ?? 0;

async function refresh() {
  waiting = null;
  last = Date.now();
  const asked = location.href;
  const answer = await fetch(asked, { headers: { accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (location.href !== asked) { soon(); return; } // somebody has chosen something else meanwhile
  put(fresh);
  seen = lastOf(fresh) ?? seen;
  if (!fresh.querySelector("[data-live-from]")) close();
}

function soon() {
  if (waiting === null) waiting = setTimeout(refresh, Math.max(80, PAUSE - (Date.now() - last)));
}

function open() {
  if (stream || !source.isConnected && !document.querySelector("[data-live-from]")) return;
  const path = source.dataset.liveFrom; // from the last event before the page was made: none is missed
  stream = new EventSource(`${path}${path.includes("?") ? "&" : "?"}after=${seen}`);
  for (const kind of ["flow", "run", "result"]) stream.addEventListener(kind, soon);
}

function close() {
  stream?.close();
  stream = null;
}

if (source) {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else { soon(); open(); }
  });
  addEventListener("pagehide", close);
  open();
}
