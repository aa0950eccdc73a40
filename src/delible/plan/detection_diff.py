"""What a change of policies would newly look for, and no longer: recognizers, their words, and countries."""

from __future__ import annotations

from collections.abc import Iterable

from delible.decide.detection import detection_of
from delible.model.base import Frozen
from delible.model.detection import Detection
from delible.model.policy import PolicySet

DETECTION = "detection"
"""The folder of recognizers, by which a changed one is named."""


class DetectionChange(Frozen):
    """What scans and masks would newly look for, and no longer.

    A recognizer counts only for its countries, so the controller's can bring it in or leave it out.

    Args:
        recognizers_changed: Those that count under both sets, with other content or other words in their dictionary.
    """

    recognizers_added: tuple[str, ...] = ()
    recognizers_removed: tuple[str, ...] = ()
    recognizers_changed: tuple[str, ...] = ()
    countries_added: tuple[str, ...] = ()
    countries_removed: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """It in words, one line for each kind of change."""
        lines = (
            ("recognizers newly used", self.recognizers_added),
            ("recognizers no longer used", self.recognizers_removed),
            ("recognizers changed", self.recognizers_changed),
            ("national identifiers newly looked for", self.countries_added),
            ("national identifiers no longer looked for", self.countries_removed),
        )
        return tuple(f"{what}: {', '.join(names)}" for what, names in lines if names)


def only_detection(things: Iterable[str]) -> bool:
    """Return whether what differs are recognizers alone, so that no row is judged in another way."""
    return all(thing.startswith(f"{DETECTION}/") for thing in things)


def detection_change(old: PolicySet, new: PolicySet) -> DetectionChange:
    """Return what would newly be looked for, and no longer; of dictionaries, digests are compared."""
    before, after = detection_of(old), detection_of(new)
    was, is_now = _recognizers(before), _recognizers(after)
    return DetectionChange(
        recognizers_added=tuple(sorted(set(is_now) - set(was))),
        recognizers_removed=tuple(sorted(set(was) - set(is_now))),
        recognizers_changed=tuple(sorted(name for name in set(was) & set(is_now) if was[name] != is_now[name])),
        countries_added=tuple(sorted(set(after.countries) - set(before.countries))),
        countries_removed=tuple(sorted(set(before.countries) - set(after.countries))),
    )


def _recognizers(detection: Detection) -> dict[str, object]:
    words = detection.dictionaries
    return {r.recognizer: (r, words[r.dictionary].sha256 if r.dictionary else None) for r in detection.recognizers}
