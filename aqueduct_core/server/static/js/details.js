// Logs that grow, trees that open as a whole, pictures that are zoomed.
const PAUSE = 1500;

const followed = new WeakSet();

function begin() {
  for (const log of document.querySelectorAll(".tail")) log.scrollTop = log.scrollHeight;
  for (const log of document.querySelectorAll("[data-log-from]")) {
    if (!followed.has(log)) follow(log);
    followed.add(log);
  }
}
addEventListener("page:fresh", begin);
begin();

// Asks for what was printed since, as long as the page shows this log and its operator runs.
async function follow(log) {
  let end = Number(log.dataset.logEnd);
  const decoder = new TextDecoder();
  while (log.isConnected) {
    await new Promise((done) => setTimeout(done, PAUSE));
    if (document.hidden) continue;
    const answer = await fetch(`${log.dataset.logFrom}?start=${end}`).catch(() => null);
    if (!answer?.ok) continue;
    const data = new Uint8Array(await answer.arrayBuffer());
    if (!data.length) continue;
    end += data.length;
    log.closest(".stream").hidden = false;
    log.closest(".log").querySelector("[data-nothing]")?.remove();
    const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(decoder.decode(data, { stream: true }).replaceAll("\r\n", "\n").replace(/[^\n]*\r/g, ""));
    if (log.textContent.length > 400000) log.textContent = log.textContent.slice(-200000);
    if (follows) log.scrollTop = log.scrollHeight;
  }
}

addEventListener("click", (event) => {
  const all = event.target.closest?.("[data-open-all]");
  if (all) {
    const open = all.dataset.openAll === "yes";
    for (const item of document.querySelectorAll(".tree details")) item.open = open;
  }
  const zoom = event.target.closest?.("[data-zoom]");
  if (zoom) {
    const shot = zoom.closest(".panel").querySelector(".shot");
    zoom.setAttribute("aria-pressed", String(shot.classList.toggle("zoomed")));
  }
});

// A form that asks for other fields when another kind is chosen.
addEventListener("change", (event) => {
  if (!event.target.matches?.("[data-kinds]")) return;
  for (const part of document.querySelectorAll("[data-kind]")) {
    part.hidden = part.dataset.kind !== event.target.value;
    part.disabled = part.hidden;
  }
});
