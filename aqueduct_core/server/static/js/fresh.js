// Puts what is new of a page into the one that is there: only the elements with data-live whose content
// is another one are replaced. Who works inside with the keyboard stays where they were.
import { tellTimes } from "./times.js";

function placeOf(element) {
  return { id: element.id, href: element.getAttribute("href") };
}

function focus(node, place) {
  const same = place.id ? node.querySelector(`#${CSS.escape(place.id)}`) : place.href && node.querySelector(`[href="${CSS.escape(place.href)}"]`);
  (same ?? (node.tabIndex === -1 && node.hasAttribute("tabindex") ? node : null))?.focus({ preventScroll: true });
}

export function put(fresh) {
  for (const now of document.querySelectorAll("[data-live]")) {
    const then = fresh.querySelector(`[data-live="${CSS.escape(now.dataset.live)}"]`);
    const active = now.contains(document.activeElement) ? document.activeElement : null;
    if (!then || now.dataset.was === then.outerHTML || active && now.matches("details, form")) continue;
    const node = document.importNode(then, true);
    node.dataset.was = then.outerHTML;
    if (now.outerHTML !== then.outerHTML) {
      const place = active && placeOf(active);
      now.replaceWith(node);
      tellTimes(node);
      if (place) focus(node, place);
    }
  }
  dispatchEvent(new CustomEvent("page:fresh", { detail: fresh }));
}
