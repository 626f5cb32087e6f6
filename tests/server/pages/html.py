"""Pages as tests look at them."""

from __future__ import annotations

from html.parser import HTMLParser

__all__ = ["Page"]

_VOID = {
    "area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr",
}  # fmt: skip
_CLOSED_BY_OTHERS = {"td", "th", "tr", "li", "p", "option", "dt", "dd", "col", "tbody", "thead"}


class Page(HTMLParser):
    """A page: its words, its links, its forms, and what is wrong with it.

    Attributes:
        words: All text, with single blanks.
        links: Where links lead.
        forms: Method and address of each form, and the names of its fields.
        faults: What a page of ours must not have.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[tuple[str, str, list[str]]] = []
        self.faults: list[str] = []
        self._words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.words = " ".join(" ".join(self._words).split())
        self.faults += [f"<{tag}> is never closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        for name in known:
            if name == "style" or name.startswith("on"):
                self.faults.append(f"<{tag} {name}=...>")
        if tag == "script" and "src" not in known:
            self.faults.append("a script without a file")
        if tag == "a" and "href" in known:
            self.links.append(known["href"] or "")
        if tag == "form":
            self.forms.append((known.get("method") or "get", known.get("action") or "", []))
        if tag in ("input", "select", "textarea") and self.forms and "name" in known:
            self.forms[-1][2].append(known["name"] or "")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open[-1] != tag and self._open[-1] in _CLOSED_BY_OTHERS:
            self._open.pop()
        if self._open and self._open[-1] == tag:
            self._open.pop()
        else:
            self.faults.append(f"</{tag}> inside <{' '.join(self._open[-2:])}>")

    def handle_data(self, data: str) -> None:
        if self._open[-1:] not in (["script"], ["style"]):
            self._words.append(data)
