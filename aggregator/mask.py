"""Text that is kept and shown, without the secrets in its addresses: passwords, tokens, sessions. Pure."""

import re

# of query and path parameters and of headers
SECRET_NAME = re.compile(
    r"token|secret|passw|pwd|session|credential|cookie|csrf|xsrf|jwt|auth(?!or)|api[-_]?key|signature|"
    r"(?:^|[-_.])(?:sid|sig|sign|key|code|ticket|otp)$",
    re.IGNORECASE,
)
MASK = "***"

# each begins with letters of its own, which a long page is searched for much quicker than by looking behind each letter
_USER = re.compile(r"://[^/?#\s@\"'<>]+(?=@)")
_PARAMETER = re.compile(r"([?&;](?:amp;)?)([\w.\-\[\]%]{1,80})=([^&;?#\s\"'<>]+)")


def masked(text: str) -> str:
    """*text*, each secret in an address replaced by MASK."""
    return _PARAMETER.sub(_parameter, _USER.sub(f"://{MASK}", text))


def _parameter(found: re.Match[str]) -> str:
    is_secret = SECRET_NAME.search(found[2])
    return f"{found[1]}{found[2]}={MASK}" if is_secret else found[0]
