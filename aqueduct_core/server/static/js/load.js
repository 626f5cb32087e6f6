// Pieces of a page that take long, since somebody else is asked: they are loaded when the page is there.
import { tellTimes } from "./times.js";

async function piece(path, options = {}) {
  const headers = { accept: "text/html", "x-part": "yes", ...options.headers };
  const answer = await fetch(path, { ...options, headers }).catch(() => null);
  if (!answer) return null;
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

function put(box, fresh, part = "body") {
  const found = fresh?.querySelector(part);
  if (found) box.replaceChildren(...[...found.childNodes].map((node) => document.importNode(node, true)));
  else box.textContent = "The server can't be reached.";
  box.removeAttribute("aria-busy");
  tellTimes(box);
}

async function load(box) {
  box.setAttribute("aria-busy", "true");
  put(box, await piece(box.dataset.load));
}

for (const box of document.querySelectorAll("[data-load]")) load(box);

// A form with data-piece answers into the element that it names; so does a button that only tries.
addEventListener("submit", async (event) => {
  const form = event.target, button = event.submitter;
  const target = button?.dataset.piece ?? form.dataset.piece;
  const box = target && document.querySelector(target);
  if (!box || event.defaultPrevented) return;
  event.preventDefault();
  box.setAttribute("aria-busy", "true");
  const words = button?.lastChild;
  if (button) button.disabled = true;
  const body = new URLSearchParams(new FormData(form));
  if (button?.name) body.set(button.name, button.value);
  const fresh = await piece(form.action, { method: "POST", body });
  put(box, fresh, fresh?.querySelector(target) ? target : "body");
  if (button) { button.disabled = false; words?.parentNode === button && button.focus(); }
});
