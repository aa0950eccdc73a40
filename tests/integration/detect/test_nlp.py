"""The model that the package carries, others by configuration, and what happens when one is missing."""

import json
import re
import socket
import sys
from pathlib import Path

import pytest
import spacy

from delible.detect.anonymise import mask_text
from delible.detect.engine import Engine, engine
from delible.detect.findings import Finding, Reading, find, find_all, resolved
from delible.detect.model_files import CARD, SHIPPED_FOLDER, check_installed, digest
from delible.detect.nlp import ModelNlpEngine, reader
from delible.detect.values import Tally, looked
from delible.errors import DelibleError, InputError
from delible.model.detection import Detection
from delible.model.labelled import LabelledText
from delible.model.nlp_model import NO_MODEL, SHIPPED, NlpModel
from delible.model.recognizer import Recognizer
from delible.workflows.evaluation import evaluate_texts
from mixed_texts import Mixed

TRAINING = Path(__file__).parents[3] / "training"
TEXT = "Spoke to Anna Lopez in London about the invoice."
SAME = NlpModel(engine="spacy", model=str(SHIPPED_FOLDER))
PATTERNS = Detection(nlp=NO_MODEL)
MEGABYTE = 1_000_000


def with_find(nlp: NlpModel) -> object:
    return find(TEXT, detection=Detection(nlp=nlp))


def with_mask(nlp: NlpModel) -> object:
    return mask_text(TEXT, detection=Detection(nlp=nlp))


def entities(text: str, nlp: NlpModel = SHIPPED) -> dict[str, str]:
    return {text[f.start : f.end]: f.entity for f in find(text, detection=Detection(nlp=nlp))}


def test_people_and_places_are_found_without_being_asked_for() -> None:
    assert entities(TEXT) == {"Anna Lopez": "PERSON", "London": "LOCATION"}


def test_without_a_model_only_patterns_are() -> None:
    assert entities(TEXT, NO_MODEL) == {}
    assert entities("Anna Lopez <anna@x.example>", NO_MODEL) == {"anna@x.example": "EMAIL_ADDRESS"}


def test_a_model_by_configuration_is_loaded_by_the_same_code() -> None:
    assert entities(TEXT, SAME) == entities(TEXT)
    people_only = NlpModel(engine="spacy", model=str(SHIPPED_FOLDER), people=("PERSON",), places=("NOWHERE",))
    assert entities(TEXT, people_only) == {"Anna Lopez": "PERSON"}


@pytest.mark.parametrize(
    ("choice", "way"),
    [
        (NlpModel(engine="spacy", model="en_core_web_none"), "python -m spacy download en_core_web_none"),
        (NlpModel(engine="spacy", model="/nowhere/model"), "shipped"),
        (NlpModel(engine="transformers", model="some/model"), "pip install"),
        (NlpModel(engine="gliner", model="some/model"), "pip install gliner"),
    ],
)
def test_a_model_that_is_missing_is_an_error_with_the_way_to_get_it(
    choice: NlpModel, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delible.detect.model_files.find_spec", lambda _: None)
    for use in (check_installed, reader, with_find, with_mask):
        with pytest.raises(InputError) as caught:
            use(choice)
        assert caught.value.code == "detect.model_missing"
        assert way in str(caught.value)
        assert "Anna" not in str(caught.value)


def test_gliner_is_asked_for_people_and_places_when_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    from presidio_analyzer.predefined_recognizers.ner import gliner_recognizer

    class Installed:
        @classmethod
        def from_pretrained(cls, name: str, **_: object) -> "Installed":
            if name != "some/model":
                raise OSError(f"{name} is not in the cache")
            return cls()

        def predict_entities(self, text: str, labels: list[str], **_: object) -> list[dict[str, object]]:
            assert labels == ["person", "location"]
            start = text.find("Anna Lopez")
            return [{"label": "person", "start": start, "end": start + 10, "score": 0.9, "text": "Anna Lopez"}]

    monkeypatch.setattr("delible.detect.model_files.find_spec", lambda _: object())
    monkeypatch.setattr(gliner_recognizer, "GLiNER", Installed)
    assert entities(TEXT, NlpModel(engine="gliner", model="some/model")) == {"Anna Lopez": "PERSON"}
    with pytest.raises(InputError) as caught:
        reader(NlpModel(engine="gliner", model="other/model"))
    assert caught.value.code == "detect.model_unfit"


def test_the_shipped_model_is_missed_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("delible.detect.model_files.SHIPPED_FOLDER", tmp_path)
    with pytest.raises(InputError, match="install delible anew"):
        check_installed(SHIPPED)


def test_a_model_that_names_nobody_or_does_not_load_is_unfit(tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path / "blank")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.cfg").write_text("[nlp]\n")
    for name in ("blank", "broken"):
        with pytest.raises(InputError) as caught:
            reader(NlpModel(engine="spacy", model=str(tmp_path / name)))
        assert caught.value.code == "detect.model_unfit"


def test_context_words_count_as_they_do_without_a_model() -> None:
    text = "the ssn of the caller is 078-05-1120 and the card is 4111 1111 1111 1111"
    assert find(text) == find(text, detection=PATTERNS)
    assert any(f.entity == "CREDIT_CARD" for f in find(text))


def test_a_pattern_knows_better_than_the_model_and_the_rest_of_a_name_stays() -> None:
    text = "Anna 10.0.0.1 Lopez"
    found = [Finding(0, 19, "PERSON", 0.85), Finding(5, 13, "IP_ADDRESS", 0.6)]
    assert [(text[f.start : f.end], f.entity) for f in resolved(found, text)] == [
        ("Anna", "PERSON"),
        ("10.0.0.1", "IP_ADDRESS"),
        ("Lopez", "PERSON"),
    ]


def test_masking_unites_model_patterns_and_what_is_known() -> None:
    text = "Spoke to Anna Lopez in London, she writes from anna@x.example. Her badge is Q-77-Zebra. Anna Lopez waits."
    masked = mask_text(text, known=["q-77-zebra"])
    assert masked == (
        "Spoke to <PERSON_1> in <LOCATION_1>, she writes from <EMAIL_ADDRESS_1>. Her badge is <SUBJECT_1>. "
        "<PERSON_1> waits."
    )
    assert mask_text(masked, known=["q-77-zebra"]) == masked
    assert "Anna Lopez" in mask_text(text, known=["q-77-zebra"], detection=PATTERNS)


@pytest.mark.parametrize("before", ["", "\ud800", "\U0001f600 "])
def test_a_name_that_was_read_once_is_masked_wherever_it_stands(before: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"{before}Zy Qo, xZy Qo, Zy Qo7, Zy and Zy Qo"
    first = text.index("Zy Qo")
    once = (Finding(first, first + 5, "PERSON", 0.85),)
    read = lambda texts, **_: [Reading(once if texts[0].count("Zy Qo") > 3 else ())]  # noqa: E731
    monkeypatch.setattr("delible.detect.anonymise.read_all", read)
    assert mask_text(text) == f"{before}<PERSON_1>, xZy Qo, Zy Qo7, Zy and <PERSON_1>"


HARMLESS = Recognizer.model_validate(
    {"recognizer": "ward", "description": "x", "harmless": True, "words": ["Anna Lopez Ward", "for anna lopez only"]}
)


def test_a_name_read_elsewhere_is_left_in_what_is_about_nobody() -> None:
    text = "Spoke to Anna Lopez about the invoice.\nMoved to Anna Lopez Ward, room 7.\nAnna Lopez called again."
    wards = Detection(recognizers=(HARMLESS,))
    assert find(text, detection=wards)[0] == find(text)[0]
    assert mask_text(text, detection=wards) == (
        "Spoke to <PERSON_1> about the invoice.\nMoved to Anna Lopez Ward, room 7.\n<PERSON_1> called again."
    )
    own = mask_text(text, known=["Anna Lopez"], detection=wards)
    assert own.count("<SUBJECT_1>") == 3  # the data subject's own name goes wherever it stands


def test_masking_again_changes_nothing() -> None:
    for line in (TRAINING / "sample.jsonl").read_text(encoding="utf-8").splitlines()[:60]:
        once = mask_text(json.loads(line)["text"])
        assert mask_text(once) == once


def test_a_scan_reads_words_with_the_model_and_no_codes() -> None:
    tally = Tally()
    tally.add_all((value, 1) for value in ("ANNA-LOPEZ-0042", "London", "anna@lopez", "ANNA/LOPEZ 42"))
    assert tally.hits == {}
    tally.add(TEXT)
    tally.add("SPOKE TO ANNA LOPEZ")
    assert tally.hits == {"PERSON": 2, "LOCATION": 1}


def test_texts_are_judged_by_what_a_scan_reads() -> None:
    """Masking asks the model about everything; a scan's figures must not come from there."""
    key = LabelledText(1, "London_Anna-Lopez", (), "", "")
    assert evaluate_texts([key]).unlabelled == {}
    with_words = LabelledText(1, TEXT, (), "", "")
    assert evaluate_texts([with_words]).unlabelled == {"PERSON": 1, "LOCATION": 1}


def tiny(folder: Path) -> str:
    """Save a spaCy pipeline that knows one person and one place, as others' models call them."""
    pipeline = spacy.blank("en")
    ruler = pipeline.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PER", "pattern": "Anna Lopez"}, {"label": "GPE", "pattern": "London"}])
    folder.parent.mkdir(exist_ok=True)
    pipeline.to_disk(folder)
    return str(folder)


def test_a_spacy_model_of_somebody_else_s_is_loaded_from_a_folder(tmp_path: Path) -> None:
    assert entities(TEXT, NlpModel(engine="spacy", model=tiny(tmp_path / "m"))) == {
        "Anna Lopez": "PERSON",
        "London": "LOCATION",
    }


def test_a_spacy_model_is_loaded_by_the_name_of_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `python -m spacy download en_core_web_lg` installs it: a package with its data, and its name among others'."""
    package = tmp_path / "en_core_web_tiny"
    tiny(package / "en_core_web_tiny-1.0")
    (package / "__init__.py").write_text(
        "from pathlib import Path\nfrom spacy.util import load_model_from_path\n"
        "def load(**overrides):\n"
        "    return load_model_from_path(Path(__file__).parent / 'en_core_web_tiny-1.0', **overrides)\n"
    )
    info = tmp_path / "en_core_web_tiny-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: en_core_web_tiny\nVersion: 1.0\n")
    (info / "top_level.txt").write_text("en_core_web_tiny\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("spacy.util.is_package", lambda name: name == "en_core_web_tiny")
    assert entities(TEXT, NlpModel(engine="spacy", model="en_core_web_tiny")) == {
        "Anna Lopez": "PERSON",
        "London": "LOCATION",
    }


@pytest.mark.parametrize("fails", [False, True])
def test_a_transformer_is_loaded_by_presidio_s_own_code(fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the pipeline of the transformers package, which is not installed for the tests, is played."""
    from presidio_analyzer.nlp_engine import huggingface_token_pipe

    asked: list[dict[str, object]] = []

    def pipeline(**options: object) -> object:
        asked.append(options)

        def classify(texts: str | list[str]) -> object:
            if fails:
                raise RuntimeError(f"out of memory at {texts}")
            if isinstance(texts, list):
                return [classify(text) for text in texts]
            start = texts.find("Anna Lopez")
            return [{"entity_group": "PER", "start": start, "end": start + 10, "score": 0.97}] if start >= 0 else []

        return classify

    monkeypatch.setattr("delible.detect.model_files.find_spec", lambda _: object())
    monkeypatch.setattr(huggingface_token_pipe, "hf_pipeline", pipeline)
    monkeypatch.setattr(huggingface_token_pipe, "_pipeline_device", lambda: -1)  # asks torch, which is not there
    choice = NlpModel(engine="transformers", model=f"some/model-{fails}")
    if fails:
        with pytest.raises(DelibleError) as caught:
            entities(TEXT, choice)
        assert (caught.value.code, "Anna" in str(caught.value)) == ("detect.failed", False)
    else:
        assert entities(TEXT, choice) == {"Anna Lopez": "PERSON"}
    assert [options["model"] for options in asked] == [choice.model]


def test_no_model_asks_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert Engine().analyze(TEXT)
    with pytest.raises(InputError):
        Engine(Detection(nlp=NlpModel(engine="spacy", model="en_core_web_none")))


def test_the_engine_of_a_process_is_built_once_per_model() -> None:
    same = Detection(nlp=SAME)
    assert engine(same) is engine(Detection(nlp=SAME))
    assert engine(same) is not engine(same.unread)


def test_the_model_is_the_one_that_its_card_names() -> None:
    card = (SHIPPED_FOLDER / CARD).read_text(encoding="utf-8")
    assert re.findall(r"SHA-256 `([0-9a-f]{64})`", card) == [digest()]


def test_a_changed_model_has_another_digest(tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text("{}")
    before = digest(tmp_path)
    (tmp_path / CARD).write_text("card")
    assert digest(tmp_path) == before
    (tmp_path / "meta.json").write_text("{ }")
    assert digest(tmp_path) != before


def test_the_model_is_small_and_holds_nothing_of_its_training() -> None:
    files = [file for file in SHIPPED_FOLDER.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 15 * MEGABYTE
    config = (SHIPPED_FOLDER / "config.cfg").read_text(encoding="utf-8")
    assert not re.search(r"\[(?:training|corpora|paths|initialize)", config)


LEAST = {"PERSON": 0.70, "LOCATION": 0.78}
"""Lower limits of the 95 % interval of F on 260 texts that nothing was trained on."""


@pytest.mark.parametrize("label", sorted(LEAST))
@pytest.mark.parametrize("way", ["masking", "scans"])
def test_the_model_keeps_its_contract_on_texts_it_has_not_seen(
    way: str, label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(TRAINING))
    import score

    lines = [json.loads(line) for line in (TRAINING / "sample.jsonl").read_text(encoding="utf-8").splitlines()]
    texts = [one["text"] for one in lines]
    answers = find_all(texts) if way == "masking" else [found for _, found in looked(texts)]
    rows = [
        score.counts(
            [(s["start"], s["end"], s["type"]) for s in one["spans"]],
            [(f.start, f.end, f.entity) for f in found],
            label,
        )
        for one, found in zip(lines, answers, strict=True)
    ]
    sys.modules.pop("score", None)
    assert len(rows) >= 250
    assert score.figures(rows)[2] >= 0.75, score.figures(rows)
    assert score.interval(rows)[0] >= LEAST[label], score.interval(rows)


def test_with_the_model_context_is_read_by_its_own_tokenizer_as_presidio_reads_it() -> None:
    """Its tokenizer parts what machines write, other than spaCy's: a context word may be too many words away."""
    engine = Engine()
    engine.use(b"")
    assert engine._scanner is not None
    assert engine._scanner._boost is not None, "context is left to Presidio"
    mixed = Mixed(11)
    texts = [
        f"{word}{joint}536-22-8726" for word in ("ssn", "Ann Lee, ssn") for joint in ("=", "|", "[", " is ", "@", ":)")
    ]
    texts += [mixed.ticket(share=1.0) for _ in range(20)] + [
        f"phone{joint}697 555 0142\n" for joint in ("=", "|", ";-) ")
    ]
    texts.append("ssn|aa|bb|cc|dd|ee|ff|gg|hh 536-22-8726")
    found = dict(engine.analyze_all(texts))
    assert found == {text: engine.analyze(text) for text in texts}


@pytest.mark.parametrize("change", ["lemmas", "language", "nothing"])
def test_words_are_read_without_the_model_only_where_the_tokenizer_alone_makes_them(change: str) -> None:
    engine = ModelNlpEngine([{"lang_code": "en", "model_name": "unread"}])
    pipeline = spacy.blank("de" if change == "language" else "en")
    pipeline.add_pipe("lemmatizer" if change == "lemmas" else "ner")
    engine.nlp = {"en": pipeline}
    assert (engine.words is not None) == (change == "nothing")
