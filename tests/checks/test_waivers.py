"""Waivers: what the file may hold, how long it is good for, and what it waives."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generator.checks.environment_impact import impact_between
from generator.checks.waivers import Action, Waiver, load
from generator.errors import UserError
from tests.releases import ROOT, edited_release, released, resolution, setting

TODAY = date(2026, 11, 21)
ENVIRONMENTS = ("dev", "staging", "prod")
GOOD = {
    "address": "Database/Database",
    "environments": ["dev", "prod"],
    "action": "replace",
    "reason": "Moved by dump and restore.",
    "added": date(2026, 11, 21),
    "expires": date(2026, 12, 15),
}


def written(folder: Path, *entries: Any) -> Path:
    path = folder / "waivers.yaml"
    path.write_text(yaml.safe_dump({"waivers": list(entries)}), encoding="utf-8")
    return path


def test_the_file_of_this_repository_is_valid_and_waives_nothing() -> None:
    assert load(ROOT / "params" / "waivers.yaml", ENVIRONMENTS, TODAY) == []


def test_its_comment_shows_a_waiver_that_is_valid(tmp_path: Path) -> None:
    comment = (ROOT / "params" / "waivers.yaml").read_text(encoding="utf-8").split("#\n")[1]
    path = tmp_path / "waivers.yaml"
    path.write_text("\n".join(line.removeprefix("# ") for line in comment.splitlines() if line.startswith("# ")))
    [waiver] = load(path, ENVIRONMENTS, TODAY)
    assert waiver.address == "Database/Database"


def test_the_example_of_the_documentation_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "waivers.yaml"
    path.write_text((ROOT / "docs" / "impact.md").read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0])
    assert [waiver.action for waiver in load(path, ENVIRONMENTS, TODAY)] == [Action.REPLACE]


def test_a_waiver_is_read(tmp_path: Path) -> None:
    assert load(written(tmp_path, GOOD), ENVIRONMENTS, TODAY) == [
        Waiver(
            "waivers[0]",
            "Database/Database",
            ("dev", "prod"),
            Action.REPLACE,
            "Moved by dump and restore.",
            date(2026, 11, 21),
            date(2026, 12, 15),
        )
    ]


@pytest.mark.parametrize("content", ["", "# nothing\n", "waivers:\n", "waivers: []\n"])
def test_a_file_may_hold_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "waivers.yaml"
    path.write_text(content)
    assert load(path, ENVIRONMENTS, TODAY) == []
    assert load(tmp_path / "absent.yaml", ENVIRONMENTS, TODAY) == []


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"until": "2027"}, "until is unknown; allowed: address, environments"),
    "address": ({"address": "Database.Database"}, "address: must be a resource's address"),
    "address that is no text": ({"address": 7}, "address: must be a resource's address"),
    "action": ({"action": "destroy"}, "action: 'destroy' is none; allowed: replace, remove, weaken"),
    "environment": (
        {"environments": ["production"]},
        "environments: 'production' is none; allowed: dev, staging, prod",
    ),
    "no environment": ({"environments": []}, "environments: must be a list of at least one"),
    "environment as text": ({"environments": "dev"}, "environments: must be a list"),
    "environment as a mapping": ({"environments": [{"dev": 1}]}, "is none; allowed: dev"),
    "reason": ({"reason": "  ok  "}, "reason: must say in 15 characters or more"),
    "date as text": ({"expires": "soon"}, "expires: 'soon' is no date; write it as 2026-12-31"),
    "too long": ({"expires": date(2027, 2, 20)}, "expires: 2027-02-20 must be 0 to 90 days after added (2026-11-21)"),
    "backwards": ({"expires": date(2026, 11, 20)}, "must be 0 to 90 days after added"),
    "added tomorrow": ({"added": date(2026, 11, 22)}, "added: 2026-11-22 is still to come"),
}


@pytest.mark.parametrize(("change", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_wrong_is_said_with_file_and_key(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = written(tmp_path, GOOD, {**GOOD, "action": "remove", **change})
    with pytest.raises(UserError) as caught:
        load(path, ENVIRONMENTS, TODAY)
    assert str(caught.value).startswith(f"{path}: waivers[1]: ")
    assert message in str(caught.value)


@pytest.mark.parametrize("key", GOOD)
def test_every_key_is_needed(tmp_path: Path, key: str) -> None:
    path = written(tmp_path, {name: value for name, value in GOOD.items() if name != key})
    with pytest.raises(UserError, match=rf"waivers\[0\]: {key} is missing"):
        load(path, ENVIRONMENTS, TODAY)


@pytest.mark.parametrize("content", ["[1]", "waivers: 7", "waiver: []", "waivers: [7]", "a: [", "\tx", "waivers: {}"])
def test_a_file_of_another_shape_is_refused_in_words(tmp_path: Path, content: str) -> None:
    path = tmp_path / "waivers.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=r"waivers\.yaml: "):
        load(path, ENVIRONMENTS, TODAY)


def test_text_that_is_not_utf_8_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "waivers.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="is not UTF-8 text"):
        load(tmp_path / "waivers.yaml", ENVIRONMENTS, TODAY)


def test_one_danger_is_waived_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"waivers\[1\]: repeats waivers\[0\] \(replace Database/Database in prod\)"):
        load(written(tmp_path, GOOD, {**GOOD, "environments": ["prod"]}), ENVIRONMENTS, TODAY)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.integers(min_value=-5, max_value=200))
def test_a_waiver_is_good_for_90_days_at_most(tmp_path: Path, days: int) -> None:
    path = written(tmp_path, {**GOOD, "expires": TODAY + timedelta(days)})
    if 0 <= days <= 90:
        [waiver] = load(path, ENVIRONMENTS, TODAY)
        assert not waiver.expired(TODAY + timedelta(days))
        assert waiver.expired(TODAY + timedelta(days + 1))
    else:
        with pytest.raises(UserError):
            load(path, ENVIRONMENTS, TODAY)


# ---------------------------------------------------------------------------------------------------------------------
# What it waives
# ---------------------------------------------------------------------------------------------------------------------


def waiver(**changes: Any) -> Waiver:
    given = {**GOOD, "environments": ("prod",), "action": Action.REPLACE, **changes}
    return Waiver(key="waivers[0]", **given)


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    edit = setting("database", "Database", "MasterUsername", "root")
    return resolution(edited_release(tmp_path_factory.mktemp("release"), edit))


def judged(upgraded: Any, *waivers: Waiver, today: date = TODAY) -> Any:
    return impact_between("prod", "v1", released(), "v2", upgraded, waivers, today)


def test_a_danger_fails_without_a_waiver(upgraded: Any) -> None:
    impact = judged(upgraded)
    assert impact.fails
    assert [danger.address for danger in impact.unwaived] == ["Database/Database"]
    assert impact.dangers[0].objection == "not waived"


def test_a_waiver_lets_it_pass(upgraded: Any) -> None:
    impact = judged(upgraded, waiver())
    assert not impact.fails
    assert impact.unwaived == impact.unused == impact.expired == ()
    assert impact.dangers[0].waiver == waiver()


@pytest.mark.parametrize(
    "other", [{"address": "Database/Other"}, {"action": Action.REMOVE}, {"environments": ("dev", "staging")}]
)
def test_another_waiver_does_not(upgraded: Any, other: dict[str, Any]) -> None:
    assert judged(upgraded, waiver(**other)).fails


def test_an_expired_waiver_fails_and_says_so(upgraded: Any) -> None:
    impact = judged(upgraded, waiver(), today=date(2026, 12, 16))
    assert impact.fails
    assert impact.dangers[0].objection == "its waiver expired on 2026-12-15"
    assert impact.expired == (waiver(),)


def test_an_expired_waiver_fails_even_where_nothing_needs_it() -> None:
    impact = judged(released(), waiver(), today=date(2026, 12, 16))
    assert impact.fails
    assert impact.unused == (), "it is told once"
    assert not judged(released(), waiver(environments=("dev",)), today=date(2026, 12, 16)).fails


def test_a_waiver_that_matches_nothing_is_reported_but_does_not_fail() -> None:
    impact = judged(released(), waiver())
    assert impact.unused == (waiver(),)
    assert not impact.fails
