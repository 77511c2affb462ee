"""TLS towards the broker: its certificate has to come from the school's own authority and to bear the right name."""

from binascii import a2b_base64


def context(ca):
    """A TLS context that trusts `ca` only: the text of one PEM certificate. Raises ValueError if it is none.

    The clock has to be set before it is used: dates are checked (docs/time.md).
    """
    try:
        import tls
    except ImportError:  # CPython
        import ssl

        return ssl.create_default_context(cadata=ca)  # pyright: ignore[reportAttributeAccessIssue]
    made = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    made.verify_mode = tls.CERT_REQUIRED  # pyright: ignore[reportAttributeAccessIssue] (the stubs lack it)
    made.load_verify_locations(a2b_base64("".join(ca.strip().split("\n")[1:-1])))
    return made
