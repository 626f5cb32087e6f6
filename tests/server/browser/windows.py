"""Windows of a real browser, in which nothing goes wrong unnoticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request

from tests.processes import PATIENCE

__all__ = ["ARGUMENTS", "SIZES", "Window"]

SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_GRAVE = ("serious", "critical")
# A violation of the policy is an error in the console, too; this says of what.
_WATCH_POLICY = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


class Window:
    """A window of somebody who has signed in.

    Args:
        browser: The browser.
        address: The server.
        key: The API key to sign in with.
        size: `wide` or `narrow`.
        theme: `light` or `dark`.
        options: Further options of the browser's context.

    Attributes:
        faults: What went wrong in it: errors of scripts, of the policy, of requests.
        page: The page in it.
    """

    def __init__(
        self,
        browser: Browser,
        address: str,
        key: str,
        size: str = "wide",
        theme: str = "light",
        **options: Any,
    ) -> None:
        self.faults: list[str] = []
        self._address = address
        width, height = SIZES[size]
        self._context = browser.new_context(
            base_url=address,
            viewport={"width": width, "height": height},
            color_scheme=theme,
            reduced_motion="reduce",
            **options,
        )
        self._context.add_init_script(_WATCH_POLICY)
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(PATIENCE * 1_000)
        self.page.on("console", lambda item: self._note(item.type, item.text))
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", self._check_host)
        self.page.goto("/sign-in")
        self.page.fill("#key", key)
        self.page.click("button.primary")
        self.page.wait_for_url("**/flows")

    def open(self, path: str) -> Page:
        """Go to a page, and wait until all of it is there."""
        self.page.goto(path)
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait for the pieces that are loaded when the page is there."""
        self.page.wait_for_function("() => !document.querySelector('[aria-busy=true]')")
        self.page.evaluate("() => document.fonts.ready.then(() => null)")

    def shoot(self, path: Path) -> None:
        """Keep a picture of the whole page."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path, full_page=True)

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        found: int = self.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        return found

    def barriers(self) -> list[str]:
        """What keeps people out who use a keyboard or a screen reader, or see less."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{item['id']} ({item['impact']}): {item['help']}: {node['html'][:200]}"
            for item in found
            if item["impact"] in _GRAVE
            for node in item["nodes"][:3]
        ]

    def close(self) -> None:
        """Close it."""
        self._context.close()

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.faults.append(f"{kind}: {text}")

    def _check_host(self, request: Request) -> None:
        where = urlsplit(request.url)
        if (
            where.scheme in ("http", "https")
            and f"{where.scheme}://{where.netloc}" != self._address
        ):
            self.faults.append(f"asked somebody else: {request.url}")
