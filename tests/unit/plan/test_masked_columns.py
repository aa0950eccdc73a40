"""A recipe's masks in a plan: keyed ones have a domain, types that are kept are warned of."""

import pytest

from delible.model.dataset import ColumnTreatment
from delible.model.policy import PolicySet
from delible.plan.dataset import plan_dataset
from delible.store.policies import load_policies
from policy_files import SOUND, write_policies

RECIPE = """\
dataset: letters
description: x
purpose: support
source: customers
columns:
  id: drop
  made_at: drop
  email: {treatment: mask, masking: MASKING}
"""


def policies(tmp_path, masking) -> PolicySet:
    files = {"datasets/letters.yaml": RECIPE.replace("MASKING", masking)}
    return load_policies(write_policies(tmp_path / "policies", {**SOUND, **files}))


@pytest.mark.parametrize(
    ("masking", "domain", "warned"),
    [
        ("{default: redact}", None, False),
        ("{default: hash}", "dataset:letters", False),
        ("{entities: {PERSON: surrogate}}", "dataset:letters", False),
        ("{entities: {URL: keep, EMAIL_ADDRESS: encrypt}}", "dataset:letters", True),
        ("{default: keep}", None, True),
    ],
)
def test_keyed_masks_have_a_domain_and_kept_types_a_warning(tmp_path, masking, domain, warned):
    planned = plan_dataset(policies(tmp_path, masking), "letters")
    [step] = planned.plan.columns
    assert step.domain == domain
    assert [w.code for w in planned.warnings] == (["dataset.types_kept"] if warned else [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"treatment": "keep", "masking": {"default": "redact"}},
        {"treatment": "mask", "domain": "d"},
        {"treatment": "mask", "domain": "d", "masking": {"default": "redact"}},
    ],
)
def test_settings_of_a_mask_belong_to_masks(wrong):
    with pytest.raises(ValueError, match=r"belongs? to"):
        ColumnTreatment.model_validate(wrong)


def test_packages_take_replace_and_keep_alone(tmp_path):
    given = policies(tmp_path, "{default: redact}").controller.model_dump()
    given["access_masking"] = {"entities": {"DATE_TIME": "keep"}}
    assert type(policies(tmp_path, "{}").controller).model_validate(given).access_masking.kept == ("DATE_TIME",)
    given["access_masking"] = {"default": "redact"}
    with pytest.raises(ValueError, match="takes replace and keep"):
        type(policies(tmp_path, "{}").controller).model_validate(given)
