import base64
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.errors import BlockedError, InputError, SetupError, TamperError
from delible.model.subject import normalised, ref_message
from delible.model.terms import Normalise
from delible.store.key_ring import create_keys
from delible.store.keys import Keys, load_keys
from delible.store.workspace import CONFIG_FILE, Workspace, open_workspace

RING = {n: bytes([i]) * 32 for i, n in enumerate(("reference", "pseudonym", "vault", "signing"), 1)}
KEYS = Keys({"version": 1, "keys": {1: RING}})
NEWER = Keys({"version": 2, "keys": {1: RING, 2: {name: bytes([99]) + secret[1:] for name, secret in RING.items()}}})


@given(value=st.text(st.characters(exclude_categories=["Cs"]), max_size=50), how=st.sampled_from(Normalise))
def test_a_reference_is_hmac_over_kind_and_spelling_and_the_pads_make_it_too(value: str, how: Normalise) -> None:
    inner, outer = KEYS.pads()
    message = ref_message("email", normalised(value, how))
    by_pads = hashlib.sha256(outer + hashlib.sha256(inner + message).digest()).hexdigest()
    assert KEYS.ref("email", value, how) == f"v1.{by_pads}"


def test_references_tell_kinds_apart_and_ignore_spelling() -> None:
    assert KEYS.ref("email", " A@x.example", Normalise.LOWER) == KEYS.ref("email", "a@X.example ", Normalise.LOWER)
    assert KEYS.ref("email", "1", Normalise.EXACT) != KEYS.ref("phone", "1", Normalise.EXACT)


def test_pseudonym_domains_do_not_join() -> None:
    assert KEYS.domain_pads("a") == KEYS.domain_pads("a")
    assert len({KEYS.domain_pads("a"), KEYS.domain_pads("b"), KEYS.pads()}) == 3


@given(plain=st.binary(max_size=200), context=st.binary(max_size=50))
def test_encryption_round_trips_and_never_repeats(plain: bytes, context: bytes) -> None:
    one, other = KEYS.encrypt(plain, context), KEYS.encrypt(plain, context)
    assert one != other
    assert KEYS.decrypt(one, context) == plain
    assert NEWER.decrypt(one, context) == plain


@pytest.mark.parametrize("damage", ["flip", "cut", "context", "key", "empty"])
def test_a_changed_ciphertext_is_refused(damage: str) -> None:
    data = KEYS.encrypt(b"ada@x.example", b"R-1")
    context = b"R-2" if damage == "context" else b"R-1"
    changed = {"flip": data[:-1] + bytes([data[-1] ^ 1]), "cut": data[:5], "key": b"\x07" + data[1:], "empty": b""}
    with pytest.raises(TamperError, check=lambda e: e.code == "keys.undecryptable"):
        KEYS.decrypt(changed.get(damage, data), context)


def test_signatures_hold_across_key_versions_and_only_for_their_text() -> None:
    signature = KEYS.sign(b"text")
    assert KEYS.verify(b"text", signature)
    assert NEWER.verify(b"text", signature)
    assert not KEYS.verify(b"text", NEWER.sign(b"text"))
    assert not KEYS.verify(b"other", signature)
    assert not any(KEYS.verify(b"text", wrong) for wrong in ("", "é", "AAAA", signature[:-4]))
    assert KEYS.public_pem().startswith("-----BEGIN PUBLIC KEY-----")
    assert len(KEYS.key_id) == 16


def test_a_signature_has_one_spelling() -> None:
    signature = KEYS.sign(b"text")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = letters.index(signature[-3])  # 64 bytes: the last letter before "==" has four bits that do not count
    other = signature[:-3] + letters[last ^ 1] + "=="
    assert base64.b64decode(other) == base64.b64decode(signature)
    assert not KEYS.verify(b"text", other)


def test_keys_show_nothing_of_themselves(workspace: Workspace) -> None:
    assert repr(load_keys(workspace)) == "Keys(version=1)"


def test_a_key_file_that_others_can_read_is_refused(workspace: Workspace) -> None:
    (workspace.root / "keys.json").chmod(0o640)
    with pytest.raises(SetupError, check=lambda e: (e.code, e.exit_code) == ("keys.mode", 2)):
        load_keys(workspace)


def test_a_key_file_is_never_overwritten(workspace: Workspace) -> None:
    with pytest.raises(InputError, check=lambda e: e.code == "keys.exists"):
        create_keys(workspace.root / "keys.json")


def test_a_missing_key_file_is_said(workspace: Workspace) -> None:
    (workspace.root / "keys.json").unlink()
    with pytest.raises(SetupError, check=lambda e: (e.code, e.exit_code) == ("keys.missing", 2)):
        load_keys(workspace)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "{", '{"version": 1, "keys": {"1": {"reference": "QUJD"}}}', "[" * 9999]
)
def test_a_broken_key_file_is_refused_without_quoting_it(workspace: Workspace, text: str) -> None:
    (workspace.root / "keys.json").write_text(text)
    with pytest.raises(SetupError, check=lambda e: (e.code, e.exit_code) == ("keys.invalid", 2)) as caught:
        load_keys(workspace)
    assert "QUJD" not in str(caught.value)


@pytest.mark.parametrize(("versions", "newest"), [(("1", "2"), 2), (("1", "2"), 1), (("2",), 2)])
def test_a_second_version_of_the_keys_is_refused_since_nobody_would_stay_under_a_hold(
    workspace: Workspace, versions: tuple[str, ...], newest: int
) -> None:
    """References of `v1` match none of `v2`: people under hold would be erased, erased people trained on."""
    file = workspace.root / "keys.json"
    secrets = json.loads(file.read_text())["keys"]["1"]
    file.write_text(json.dumps({"version": newest, "keys": dict.fromkeys(versions, secrets)}))
    with pytest.raises(BlockedError, check=lambda e: e.code == "keys.rotated") as caught:
        load_keys(workspace)
    assert str(file) in str(caught.value)
    assert not any(secret in str(caught.value) for secret in secrets.values())


def test_keys_may_come_from_the_environment(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    config = workspace.root / CONFIG_FILE
    config.write_text(config.read_text().replace("keys: keys.json ", "keys: env:DELIBLE_KEYS "))
    opened = open_workspace(workspace.root)
    with pytest.raises(SetupError, check=lambda e: (e.code, e.exit_code) == ("keys.missing", 2)):
        load_keys(opened)
    key_file: Path = workspace.root / "keys.json"
    monkeypatch.setenv("DELIBLE_KEYS", key_file.read_text())
    assert load_keys(opened).key_id == load_keys(workspace).key_id
