"""Every error this package raises on purpose.

Each derives from [`AqueductError`][aqueduct_core.errors.AqueductError] and, where a caller would
expect a builtin (`KeyError` for a missing key, `OSError` for storage), from that builtin too.
A message says what happened to which value; the hint that ends it says what to do next.
"""

from __future__ import annotations

__all__ = [
    "AccessError",
    "AqueductError",
    "ArtifactNotFoundError",
    "ColumnNotFoundError",
    "ConversionError",
    "CorruptArtifactError",
    "DuplicateSerializerError",
    "EnvironmentBuildError",
    "FormatVersionError",
    "GraphError",
    "IncompatibleEnvironmentError",
    "IntegrationError",
    "InvalidKeyError",
    "LossyTypeError",
    "MemberNotFoundError",
    "MissingExtraError",
    "NotFoundError",
    "OperatorError",
    "ParameterError",
    "PluginError",
    "RunTimeoutError",
    "SerializerNotFoundError",
    "ServerError",
    "SignatureError",
    "StaleReferenceError",
    "StorageError",
    "StorageFullError",
    "StorageNotFoundError",
    "StoragePermissionError",
    "StorageUnavailableError",
    "TrackingError",
    "UnsafeArtifactError",
    "UnserializableError",
    "UnsupportedError",
]


class AqueductError(Exception):
    """The root of all errors of this package.

    Args:
        message: What happened, naming the value, key or part it happened to.
        hint: What the reader can do about it; becomes the last line of the text.
    """

    def __init__(self, message: str = "", *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        # Not left to the builtin: KeyError would show the repr, OSError the errno form.
        return f"{self.message}\nHint: {self.hint}" if self.hint else self.message


class UnserializableError(AqueductError, TypeError):
    """A value, or something inside it, can't be stored.

    Args:
        message: The reason.
        path: Where the offending value is, as Python would reach it from the whole: `['a'][0].b`.
        hint: The way out.
    """

    def __init__(self, message: str = "", *, path: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path

    def __str__(self) -> str:
        where = f"At value{self.path}: " if self.path else ""
        return where + super().__str__()

    def under(self, prefix: str) -> UnserializableError:
        """Prefix the path, as an error passes from a member to what holds it."""
        self.path = prefix + self.path
        return self


class LossyTypeError(UnserializableError):
    """A value could be stored only by changing it."""


class CorruptArtifactError(AqueductError, ValueError):
    """Stored bytes are not what was written: truncated, altered or not of this format.

    Args:
        message: What is wrong.
        key: The artifact's key, if known.
        part: The part's name, if known.
        expected: The digest that the manifest promises, if known.
        hint: The way out.
    """

    def __init__(
        self,
        message: str = "",
        *,
        key: str | None = None,
        part: str | None = None,
        expected: str | None = None,
        hint: str | None = "the stored bytes were changed or cut short; restore them from a "
        "backup, or save the artifact again",
    ) -> None:
        super().__init__(message, hint=hint)
        self.key = key
        self.part = part
        self.expected = expected

    def __str__(self) -> str:
        named = (("key", self.key), ("part", self.part), ("expected digest", self.expected))
        where = ", ".join(f"{label} {value!r}" for label, value in named if value is not None)
        text = f"{self.message} ({where})" if where else self.message
        return f"{text}\nHint: {self.hint}" if self.hint else text


class FormatVersionError(AqueductError, ValueError):
    """Something was written by a newer version than the one that reads it."""


class IncompatibleEnvironmentError(AqueductError, ImportError):
    """The code that a stored object is made of isn't installed here, or is another version."""


class UnsafeArtifactError(AqueductError, PermissionError):
    """Loading would run code (pickle), and nothing says that the artifact is trusted."""


class SignatureError(UnsafeArtifactError):
    """A manifest carries a signature that the store's signing key did not make."""


class ArtifactNotFoundError(AqueductError, KeyError):
    """No artifact is stored at this key."""


class StaleReferenceError(AqueductError, LookupError):
    """A reference names an artifact whose key holds another one by now."""


class ColumnNotFoundError(AqueductError, KeyError):
    """A table has no such column."""


class MemberNotFoundError(AqueductError, KeyError):
    """A path into a stored value names no member of it."""


class InvalidKeyError(AqueductError, ValueError):
    """A key can't name an artifact."""


class ConversionError(AqueductError, TypeError):
    """A stored artifact can't be loaded as the type that was asked for."""


class SerializerNotFoundError(AqueductError, LookupError):
    """No serializer for this type, or none of this name, is installed."""


class DuplicateSerializerError(AqueductError, ValueError):
    """Two packages claim one name or one type, and neither is preferred."""


class PluginError(AqueductError, ImportError):
    """An installed plugin could not be loaded."""


class MissingExtraError(AqueductError, ImportError):
    """An optional library is needed; the text names the extra that brings it.

    Args:
        library: The module that could not be imported.
        extra: The extra of `aqueduct-core` that installs it.
        purpose: What it is needed for.
    """

    def __init__(self, library: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {library}, which is not installed",
            hint=f'pip install "aqueduct-core[{extra}]"',
        )
        self.library = library
        self.extra = extra
        self.purpose = purpose

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str, str]]:
        return type(self), (self.library, self.extra, self.purpose)


class StorageError(AqueductError, OSError):
    """A storage failed for good: retrying the same call would not help."""


class StorageNotFoundError(StorageError, FileNotFoundError):
    """No object, bucket or folder of this name."""


class StoragePermissionError(StorageError, PermissionError):
    """The storage refused the credentials or the operation."""


class StorageFullError(StorageError):
    """No space left for the bytes; nothing of them was kept."""


class StorageUnavailableError(StorageError, TimeoutError):
    """The storage did not answer, or answered with transient faults until the retries ran out."""


class GraphError(AqueductError, TypeError):
    """A call can't become part of a workflow's graph."""


class ParameterError(AqueductError, ValueError):
    """A workflow has no such parameter, or can't take this value for it."""


class OperatorError(AqueductError, RuntimeError):
    """An operator failed while it ran; what it raised is the cause."""


class RunTimeoutError(AqueductError, TimeoutError):
    """A run hasn't ended within the time that somebody wanted to wait; it goes on."""


class IntegrationError(AqueductError, RuntimeError):
    """A data system can't be reached, or refused what was asked of it."""


class TrackingError(AqueductError, RuntimeError):
    """The tracking database can't be reached, or refused what was asked of it."""


class NotFoundError(AqueductError, LookupError):
    """No workflow, run, operator or integration has this name."""


class EnvironmentBuildError(AqueductError, RuntimeError):
    """The environment that an operator asks for can't be made on this machine."""


class UnsupportedError(AqueductError, NotImplementedError):
    """This release, or this backend, can't do what was asked."""


class ServerError(AqueductError, ConnectionError):
    """A server can't be reached, or failed to do what it was asked for."""


class AccessError(AqueductError, PermissionError):
    """A server doesn't know the API key, or its role doesn't allow what was asked for."""
