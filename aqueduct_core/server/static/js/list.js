// A list that is filtered, sorted and ticked without the page being loaded again. All that was chosen
// stands in the address: the server reads it there, and so does whoever is sent the link.
import { put } from "./fresh.js";

const PAUSE = 250; // milliseconds after the last key
const form = document.querySelector("form[data-list]");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
let turn = 0, typing = null;

const ticks = () => new URL(location.href).searchParams.getAll("tick");
const listed = () => document.querySelector(".listed");

function address() {
  const chosen = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    const usual = form.elements[name].dataset.usual ?? "";
    if (value !== usual && value !== "" && name !== "zone") chosen.append(name, value);
  }
  if (chosen.has("since") || chosen.has("until")) chosen.set("zone", zone);
  for (const tick of ticks()) chosen.append("tick", tick);
  return chosen.size ? `${form.action}?${chosen}` : form.action;
}

// The same page of the list, with other rows ticked.
function ticked(names) {
  const where = new URL(location.href);
  where.searchParams.delete("tick");
  for (const name of names) where.searchParams.append("tick", name);
  return where.href;
}

// The form as the address says: it isn't replaced, since somebody may be typing in it.
function sync() {
  const chosen = new URL(location.href).searchParams;
  for (const field of form.elements) {
    if (field.name) field.value = chosen.get(field.name) ?? field.dataset.usual ?? "";
  }
}

async function show(where, how) {
  clearTimeout(typing);
  const mine = (turn += 1);
  if (how) history[how](null, "", where);
  listed().setAttribute("aria-busy", "true");
  const answer = await fetch(where, { headers: { accept: "text/html" } }).catch(() => null);
  if (mine !== turn) return;
  if (answer && (!answer.ok || answer.redirected)) { location.assign(where); return; } // the server says why
  if (answer) {
    const text = await answer.text();
    if (mine !== turn) return;
    put(new DOMParser().parseFromString(text, "text/html"));
  }
  listed().removeAttribute("aria-busy");
  tell();
}

// For those who don't see how the list has changed.
function tell() {
  const rows = listed().querySelectorAll("tbody tr").length;
  form.querySelector("[role=status]").textContent = listed().querySelector("[data-count]")?.textContent ?? `${rows} shown`;
}

// What can't be compared isn't offered. Without this script the server says so.
function offer() {
  const button = document.querySelector("#compare button");
  if (button) button.disabled = ticks().length !== 2;
}

if (form) {
  form.addEventListener("input", (event) => {
    if (event.target.matches("select")) { show(address(), "pushState"); return; }
    clearTimeout(typing);
    typing = setTimeout(() => show(address(), "replaceState"), PAUSE);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show(address(), "pushState");
  });
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-here]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    show(link.href, "pushState");
    sync();
  });
  addEventListener("change", (event) => {
    const box = event.target;
    if (!box.matches?.("[data-tick]")) return;
    const others = ticks().filter((tick) => tick !== box.value);
    show(ticked(box.checked ? [...others, box.value] : others), "replaceState");
    offer();
  });
  addEventListener("popstate", () => { sync(); show(location.href); });
  addEventListener("page:fresh", offer);
  offer();
}
