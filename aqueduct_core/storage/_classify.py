"""What kind of fault an exception of some client library is.

Told by HTTP status, error code and class name, so that no client library is imported for it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from enum import Enum

__all__ = ["Fault", "fault_of", "links_of"]


class Fault(Enum):
    """What a caller does about an exception."""

    TRANSIENT = "transient"  # try again
    MISSING = "missing"  # no such object
    NO_BUCKET = "no bucket"
    DENIED = "denied"
    FULL = "full"
    CHANGED = "changed"  # the object was replaced while it was read
    BEYOND = "beyond"  # a range that starts after the end
    FATAL = "fatal"


_BY_CODE = {
    Fault.NO_BUCKET: "NoSuchBucket ContainerNotFound ContainerBeingDeleted FilesystemNotFound",
    Fault.MISSING: "NoSuchKey NoSuchUpload NoSuchVersion BlobNotFound ResourceNotFound PathNotFound",
    Fault.CHANGED: "PreconditionFailed ConditionNotMet",
    Fault.BEYOND: "InvalidRange",
    Fault.FULL: "QuotaExceeded XMinioStorageFull InsufficientAccountPermissions.Quota",
    Fault.DENIED: "AccessDenied AccountProblem AllAccessDisabled AuthenticationFailed"
    " AuthorizationFailure AuthorizationHeaderMalformed AuthorizationPermissionMismatch"
    " CredentialsNotSupported ExpiredToken InvalidAccessKeyId InvalidSecurity InvalidToken"
    " MissingSecurityHeader NotSignedUp RequestTimeTooSkewed SignatureDoesNotMatch"
    " TokenRefreshRequired",
    # Among them what says that the bytes were damaged on the way to the server.
    Fault.TRANSIENT: "BadDigest BandwidthLimitExceeded ConditionalRequestConflict IncompleteBody"
    " InternalError Md5Mismatch OperationAborted OperationTimedOut PriorRequestNotComplete"
    " RequestLimitExceeded RequestThrottled RequestTimeout RequestTimeoutException ServerBusy"
    " ServiceUnavailable SlowDown Throttling ThrottledException ThrottlingException"
    " TooManyRequests TooManyRequestsException XAmzContentChecksumMismatch"
    " XAmzContentSHA256Mismatch",
}
_CODES = {code: fault for fault, codes in _BY_CODE.items() for code in codes.split()}

_BY_STATUS = {
    401: Fault.DENIED,
    403: Fault.DENIED,
    404: Fault.MISSING,
    407: Fault.DENIED,
    408: Fault.TRANSIENT,
    412: Fault.CHANGED,
    416: Fault.BEYOND,
    425: Fault.TRANSIENT,
    429: Fault.TRANSIENT,
    501: Fault.FATAL,
    505: Fault.FATAL,
    507: Fault.FULL,
}

# First part of the module, dot, class: private submodules move from release to release.
_BY_CLASS = {
    Fault.TRANSIENT: "builtins.ConnectionError builtins.TimeoutError http.HTTPException"
    " aiohttp.ClientConnectionError aiohttp.ClientPayloadError azure.IncompleteReadError"
    " azure.ServiceRequestError azure.ServiceResponseError botocore.ChecksumError"
    " botocore.ConnectionError"
    " botocore.FlexibleChecksumError botocore.HTTPClientError botocore.IncompleteReadError"
    " botocore.ResponseParserError gcsfs.ChecksumError google.TransportError"
    " requests.ChunkedEncodingError requests.ConnectionError requests.ContentDecodingError"
    " requests.Timeout socket.gaierror urllib3.HTTPError",
    Fault.DENIED: "builtins.PermissionError azure.ClientAuthenticationError"
    " botocore.CredentialRetrievalError botocore.NoAuthTokenError botocore.NoCredentialsError"
    " botocore.PartialCredentialsError botocore.ProfileNotFound botocore.SSOError"
    " botocore.TokenRetrievalError google.GoogleAuthError",
    Fault.MISSING: "builtins.FileNotFoundError builtins.NotADirectoryError"
    " builtins.IsADirectoryError",
}
_CLASSES = {name: fault for fault, names in _BY_CLASS.items() for name in names.split()}

_BY_ERRNO = {
    errno.ENOSPC: Fault.FULL,
    errno.EDQUOT: Fault.FULL,
    errno.EBUSY: Fault.TRANSIENT,
    errno.EHOSTUNREACH: Fault.TRANSIENT,
    errno.ENETDOWN: Fault.TRANSIENT,
    errno.ENETUNREACH: Fault.TRANSIENT,
}

# What some libraries tell by their text alone.
_BY_TEXT = {
    "CERTIFICATE_VERIFY_FAILED": Fault.FATAL,
    "The specified bucket does not exist": Fault.NO_BUCKET,
    "Forbidden: ": Fault.DENIED,
}


def fault_of(error: BaseException) -> Fault:
    """The kind of fault; what says most wins: a text we know, an error code, a status, a class."""
    links = [*links_of(error)]
    for tell in (_by_text, _by_code, _by_status, _by_class):
        for link in links:
            fault = tell(link)
            if fault is not None:
                return fault
    return Fault.FATAL


def links_of(error: BaseException) -> Iterator[BaseException]:
    """An exception and those that it was raised from."""
    link: BaseException | None = error
    for _ in range(8):  # a loop of causes is possible, and nobody nests deeper
        if link is None:
            return
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _by_text(error: BaseException) -> Fault | None:
    text = str(error)
    return next((fault for piece, fault in _BY_TEXT.items() if piece in text), None)


def _by_code(error: BaseException) -> Fault | None:
    response = getattr(error, "response", None)
    code = getattr(error, "error_code", None)
    if isinstance(response, dict):  # botocore
        code = response.get("Error", {}).get("Code")
    return _CODES.get(str(getattr(code, "value", code)))


def _by_status(error: BaseException) -> Fault | None:
    status = getattr(error, "status_code", None) or getattr(error, "status", None)
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    elif status is None:
        status = getattr(error, "code", None)
    try:
        number = int(status)  # type: ignore[arg-type]  # whatever it is
    except (TypeError, ValueError):
        return None
    if number in _BY_STATUS:
        return _BY_STATUS[number]
    return Fault.TRANSIENT if 500 <= number < 600 else None


def _by_class(error: BaseException) -> Fault | None:
    if isinstance(error, OSError) and error.errno in _BY_ERRNO:
        return _BY_ERRNO[error.errno]
    for kind in type(error).__mro__:
        fault = _CLASSES.get(f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}")
        if fault is not None:
            return fault
    return None
