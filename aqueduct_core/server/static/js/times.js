// Moments and durations as the reader's zone and clock have them.
const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
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

const brief = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

const dated = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

// In a list: how long ago, or the day and the time where that would say little.
function when(moment) {
  if (Date.now() - moment < 43200000) return ago(moment);
  return (new Date(moment).getFullYear() === new Date().getFullYear() ? brief : dated).format(moment);
}

export function tellTimes(within = document) {
  for (const item of within.querySelectorAll("time[datetime]")) {
    const moment = Date.parse(item.dateTime);
    item.title = absolute.format(moment);
    if (item.hasAttribute("data-ago")) item.textContent = ago(moment);
    if (item.hasAttribute("data-when")) item.textContent = when(moment);
    if (item.hasAttribute("data-local")) item.textContent = absolute.format(moment);
    if (item.hasAttribute("data-clock")) item.textContent = clock.format(moment);
  }
  for (const item of within.querySelectorAll("text[data-at]")) { // on the axis of a plot
    const moment = Date.parse(item.dataset.at);
    item.textContent = /^[\d:]+$/.test(item.textContent) ? clock.format(moment) : brief.format(moment).replace(",", "");
  }
}
