"""The workspace's secrets: subject references, pseudonyms, encryption at rest, and signatures.

They are kept apart from the data: in a file that only its owner can read, or in the environment. Without them no
reference can be recomputed, no stored identifier read, and no ledger forged.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from functools import cached_property

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from delible.errors import BlockedError, TamperError
from delible.model.subject import SubjectRef, normalised, ref_message
from delible.model.terms import Normalise
from delible.store.key_ring import FIRST_VERSION, SECRET_BYTES, KeyFile, KeyProvider, KeyVariable, Ring, parsed_ring
from delible.store.workspace import Workspace

_BLOCK = 64
"""Block size of SHA-256, to which RFC 2104 pads an HMAC key."""
_NONCE = 12


class Keys:
    """The opened key ring. New work uses the newest version; older versions still decrypt and verify."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring["keys"]
        self.version: int = ring["version"]
        self._newest = self._ring[self.version]

    def __repr__(self) -> str:
        return f"Keys(version={self.version})"

    def ref(self, kind: str, value: str, how: Normalise) -> SubjectRef:
        """Return the keyed reference of an identifier: HMAC-SHA-256, as `v<version>.<hex>`.

        `lake.columns.subject_ref` is the same function in Spark.
        """
        message = ref_message(kind, normalised(value, how))
        return SubjectRef(f"v{self.version}.{hmac.digest(self._newest['reference'], message, 'sha256').hex()}")

    def pads(self) -> tuple[bytes, bytes]:
        """Return the inner and outer HMAC pads (64 bytes each) of the reference key."""
        return _pads(self._newest["reference"])

    def domain_pads(self, domain: str) -> tuple[bytes, bytes]:
        """Return the HMAC pads of one pseudonym domain; pseudonyms of two domains do not join."""
        return _pads(self.domain_key(domain))

    def domain_key(self, domain: str) -> bytes:
        """Return the key of one pseudonym domain, of which `domain_pads` are made."""
        return self._derived(b"delible pseudonym domain", domain)

    def notice_key(self, recipient: str) -> bytes:
        """Return the 32 bytes by which notices to one recipient are signed; another recipient's are others."""
        return self._derived(b"delible notice recipient", recipient)

    def _derived(self, use: bytes, name: str) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        info = use + b"\x00" + name.encode()
        return HKDF(algorithm=hashes.SHA256(), length=SECRET_BYTES, salt=None, info=info).derive(
            self._newest["pseudonym"]
        )

    def encrypt(self, plain: bytes, context: bytes) -> bytes:
        """Return AES-256-GCM ciphertext: one byte of key version, 12 bytes of random nonce, text and tag.

        Args:
            context: What the text belongs to; it must be the same on decryption, so that ciphertexts cannot be moved.
        """
        nonce = os.urandom(_NONCE)
        return bytes((self.version,)) + nonce + self._cipher(self.version).encrypt(nonce, plain, context)

    def decrypt(self, data: bytes, context: bytes) -> bytes:
        """Return the plain text.

        Raises:
            TamperError: `keys.undecryptable` when the text, its context or the key is another one.
        """
        try:
            return self._cipher(data[0]).decrypt(data[1 : 1 + _NONCE], data[1 + _NONCE :], context)
        except (InvalidTag, KeyError, IndexError, ValueError):
            raise TamperError(
                "keys.undecryptable", "a stored identifier cannot be decrypted: it was changed, or the key is another."
            ) from None

    def sign(self, data: bytes) -> str:
        """Return an Ed25519 signature in base64."""
        return base64.b64encode(self._signer.sign(data)).decode()

    def verify(self, data: bytes, signature: str) -> bool:
        """Return whether any key version of this ring signed the data.

        A signature has one spelling only: the last letter of base64 has bits that do not count, and a changed byte
        there is a changed byte, too.
        """
        try:
            raw = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            return False
        if base64.b64encode(raw).decode() != signature:
            return False
        return any(_signed(public, raw, data) for public in self._public)

    @property
    def key_id(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the newest public key."""
        return hashlib.sha256(self._signer.public_key().public_bytes_raw()).hexdigest()[:16]

    def public_pem(self) -> str:
        """Return the newest public key, for auditors."""
        from cryptography.hazmat.primitives import serialization

        return (
            self._signer.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    @cached_property
    def _signer(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._newest["signing"])

    @cached_property
    def _public(self) -> tuple[Ed25519PublicKey, ...]:
        newest_first = sorted(self._ring, reverse=True)
        return tuple(Ed25519PrivateKey.from_private_bytes(self._ring[v]["signing"]).public_key() for v in newest_first)

    def _cipher(self, version: int) -> AESGCM:
        return AESGCM(self._ring[version]["vault"])


def load_keys(workspace: Workspace) -> Keys:
    """Return the workspace's keys.

    Stored references name the version of their key, and are compared as they stand: under a second version, holds,
    suppression, consents and subject indexes of the first would silently cover nobody. So only the version that
    `create_keys` writes is taken.

    Raises:
        KeysError: `keys.missing`, `keys.mode` or `keys.invalid`.
        BlockedError: `keys.rotated` when the ring holds any other version.
    """
    provider = key_provider(workspace)
    ring = parsed_ring(provider.read(), provider.name)
    if list(ring["keys"]) != [FIRST_VERSION]:
        raise BlockedError(
            "keys.rotated",
            f"the ring holds other versions than {FIRST_VERSION}; holds, consents and the suppression list name "
            "people by references of that version, and would no longer cover them.",
            where=provider.name,
            fix="Rotation is not supported yet: put back the ring that `delible init` wrote.",
        )
    return Keys(ring)


def key_provider(workspace: Workspace) -> KeyProvider:
    """Return where `delible.yaml` says the keys are."""
    name = workspace.config.keys
    if name.startswith("env:"):
        return KeyVariable(name.removeprefix("env:"))
    return KeyFile(workspace.root / name)


def _pads(key: bytes) -> tuple[bytes, bytes]:
    padded = key.ljust(_BLOCK, b"\x00")
    return bytes(b ^ 0x36 for b in padded), bytes(b ^ 0x5C for b in padded)


def _signed(public: Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    try:
        public.verify(signature, data)
    except InvalidSignature:
        return False
    return True
