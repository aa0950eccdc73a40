"""Text that only a recipient can read: HPKE (RFC 9180), so that any language has a library that opens it."""

from __future__ import annotations

import base64

from delible.errors import SetupError

SUITE = "HPKE base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM"


def seal_for(public_key: str, plain: bytes, context: bytes) -> str:
    """Return the base64 of encapsulated key and ciphertext.

    Args:
        public_key: Base64 of the 32 bytes of an X25519 key.
        context: HPKE's `info`: what the text belongs to. Opening it with another one fails.

    Raises:
        SetupError: `notice.public_key` for a key that no honest recipient has, such as one of all zeros.
    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    try:
        key = X25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        return base64.b64encode(suite.encrypt(plain, key, info=context)).decode()
    except ValueError:
        raise SetupError(
            "notice.public_key", "the recipient's public key cannot be used.", fix="Ask the recipient for a new one."
        ) from None
