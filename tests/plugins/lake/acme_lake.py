"""A data system that isn't asked with SQL: fish by their kind, from a file that holds one a line."""

from contextlib import contextmanager
from pathlib import Path

from aqueduct_core.dag import OUTPUT, GenericArtifact, connect
from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations import Reading, Writing


class Lake:
    kind = "lake"
    secrets = frozenset({"permit"})

    def __init__(self, name, *, shore, permit=""):
        self.name, self.owner = name, None
        self._shore, self._permit = Path(shore), permit

    def config(self):
        return {"shore": str(self._shore), "permit": self._permit}

    def test(self):
        if self._permit != "s3cret":
            raise IntegrationError(f"{self.name}: the permit was refused", hint="check permit")

    def fish(self, kind):
        return GenericArtifact(
            connect(kind, Reading(self, {"fish": kind}), owner=self.owner), OUTPUT
        )

    def release(self, artifact, kind):
        task = Writing(self, {"path": kind}, kind)
        connect(f"release {kind}", task, [artifact], outputs=(), owner=self.owner)

    def answer(self, request, parameters):
        self.test()
        return [
            line for line in self._shore.read_text().split() if line.startswith(request["fish"])
        ]

    @contextmanager
    def transaction(self):
        self.test()
        released = Released()
        yield released
        self._shore.write_text(self._shore.read_text() + "".join(released.fish))

    def drop(self, path):
        kept = [line for line in self._shore.read_text().split() if not line.startswith(path)]
        self._shore.write_text("".join(f"{line}\n" for line in kept))


class Released:
    def __init__(self):
        self.fish = []

    def write(self, value, request, parameters, *, once):
        self.fish += [f"{request['path']}-{item}\n" for item in value]
        return {"path": request["path"], "fish": len(value)}
