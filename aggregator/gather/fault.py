"""What libraries and the system say when a fetch fails in, a FetchError with one sentence and a cause out.

Knows no library: each way onto the network says by its Troubles which of its exceptions mean what.
"""

import os
import re
import socket
import ssl
from dataclasses import dataclass

from aggregator.errors import Cause, FetchError
from aggregator.gather.guard import ForbiddenAddressError

Kinds = tuple[type[BaseException], ...]

# OpenSSL's codes of what is wrong with a certificate (x509_vfy.h) -> in words
CERTIFICATE_FAULTS = {
    2: "the server does not send its whole certificate chain, or its issuer is not known here",
    9: "the server's certificate is not valid yet",
    10: "the server's certificate has expired",
    18: "the server's certificate is self-signed",
    19: "the server's certificate chain ends in a self-signed one that is not known here",
    20: "the server does not send its whole certificate chain, or its issuer is not known here",
    21: "the server does not send its whole certificate chain",
    62: "the server's certificate is for another name",
    64: "the server's certificate is for another address",
}
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
OUTDATED = ("UNSUPPORTED_PROTOCOL", "KEY_TOO_SMALL", "VERSION", "HANDSHAKE_FAILURE", "NO_PROTOCOLS", "NO_CIPHER")


@dataclass(frozen=True, slots=True)
class Troubles:
    """The exceptions by which a library says each kind of trouble; *every* one is all that it may raise."""

    every: Kinds = (OSError, ValueError)
    address: Kinds = ()  # what it was given is none that can be visited
    proxy: Kinds = ()
    silence: Kinds = ()  # the server said nothing for too long
    slowness: Kinds = (TimeoutError,)  # nobody was reached in time
    refusal: Kinds = (ConnectionError,)  # nobody was reached


def fault(url: str, host: str, error: BaseException, idle_seconds: float, troubles: Troubles) -> FetchError:
    """What *error* means for *url* on *host*."""
    chain = _chain(error)
    for one in chain:
        if isinstance(one, ForbiddenAddressError):
            return forbidden(url, one)
        if isinstance(one, ssl.SSLError) and type(one).__module__ == "ssl":  # the very one, not a library's about it
            return FetchError(f"{url}: {_tls_reason(one, host)}", cause="tls")
        if isinstance(one, socket.gaierror):
            what = "cannot be looked up now" if one.errno == socket.EAI_AGAIN else "is not known"
            return FetchError(f"{url}: the name {host} {what}; correct the source's url or check your DNS", cause="dns")
    idle = f"{idle_seconds:g} seconds (fetch.idle_seconds)"
    # what is found first in the chain of an error tells its cause
    means: tuple[tuple[Kinds, Cause, str], ...] = (
        (troubles.address, "address", "it cannot be visited: {words}"),
        (troubles.proxy, "connect", "the proxy (fetch.proxy) does not help: {words}"),
        (troubles.silence, "timeout", f"the server said nothing for {idle}"),
        (troubles.slowness, "timeout", f"no connection within {idle}"),
        (troubles.refusal, "connect", "no connection: {words}"),
    )
    for kinds, cause, sentence in means:
        for one in chain:
            if isinstance(one, kinds):
                return FetchError(f"{url}: {sentence.format(words=words(one))}", cause=cause)
    if any(str(one).startswith("Server disconnected") for one in chain):  # httpcore has no class for it
        return FetchError(f"{url}: no connection: {words(chain[-1])}", cause="connect")
    return FetchError(f"{url}: not the HTTP it should be: {words(chain[-1])}", cause="protocol")


def forbidden(url: str, error: ForbiddenAddressError) -> FetchError:
    """What the guard says, with the setting that lets pass what may be let pass."""
    if error.reach == "never":
        return FetchError(
            f"{url} leads to {error.address}, a private or reserved address that is never visited", cause="address"
        )
    return FetchError(
        f"{url} leads to {error.address}, a private or reserved address; if you mean it, set "
        "allow_private_networks = true in the [[source]] of that site (`aggregator add --intranet` does), "
        "or under [fetch] for all",
        cause="address",
    )


def _tls_reason(error: ssl.SSLError, host: str) -> str:
    """What is wrong with a secure connection, and the key of the site file that does without."""
    allow = "if you trust the way there, set allow_invalid_certificate = true in its [[source]]"
    if isinstance(error, ssl.SSLCertVerificationError):
        known = CERTIFICATE_FAULTS.get(
            error.verify_code, f"the server's certificate is not good: {error.verify_message}"
        )
        return f"no secure connection with {host}: {known}; {allow}"
    reason = error.reason or str(error)
    if reason in NO_TLS:
        return f"no secure connection with {host}: no TLS is spoken there ({reason}); does it want http:// ?"
    if any(one in reason for one in OUTDATED):
        return f"no secure connection with {host}: it speaks an outdated TLS only ({reason}); {allow}"
    return f"no secure connection with {host}: the TLS handshake failed ({reason})"


def _chain(error: BaseException | None) -> list[BaseException]:
    """*error* and all that led to it."""
    found: list[BaseException] = []
    todo = [error]
    while todo:
        one = todo.pop(0)
        if one is not None and one not in found:
            found.append(one)
            todo += [*getattr(one, "exceptions", ()), getattr(one, "os_error", None), one.__cause__ or one.__context__]
    return found


def words(error: BaseException) -> str:
    """What *error* says in the system's words, else in the first line of its library's, without names and numbers."""
    for one in _chain(error):
        if isinstance(one, OSError) and (one.errno or 0) > 0:
            return os.strerror(one.errno or 0).lower()
    said = re.sub(r"^\d{3}, message:\s*", "", str(error).strip()).partition("\n")[0].strip(" .:")
    # aiohttp writes down what it holds of an answer that broke off
    if said.startswith(("Server disconnected", "Cannot connect to host", "<RawResponseMessage")):
        return "it was closed before an answer came"
    return said[:1].lower() + said[1:200] if said else error.__class__.__name__
