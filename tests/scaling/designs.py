"""Designs to try: read from the release as it is, from a copy that was edited, or made up by changing one."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path

from generator import template_yaml
from generator.checks.settings import resolved
from generator.release import folder_of
from generator.scaling.design import Design, read
from tests.exposure import current_templates, every_setting
from tests.releases import ROOT, Edit, Templates, setting

TARGETS, GROUP, LAUNCH = ("web_tier", "WebServers"), ("web_tier", "WebServerGroup"), ("web_tier", "LaunchTemplate")
BUSY, QUIET, ADD = ("web_tier", "SustainedLoad"), ("web_tier", "LoadIsOver"), ("web_tier", "AddOneServer")
ALGORITHM, DELAY = "load_balancing.algorithm.type", "deregistration_delay.timeout_seconds"
IDLE = "idle_timeout.timeout_seconds"


@cache
def released(environment: str = "prod") -> Design:
    """What the release says of an environment."""
    one = next(each for each in every_setting() if each.name == environment)
    return read(resolved(folder_of(ROOT / "templates_out"), one), environment)


def edited(folder: Path, *edits: Edit, environment: str = "prod") -> Design:
    """What a copy of the release says after some edits."""
    templates = deepcopy(current_templates())
    for edit in edits:
        edit(templates)
    for name, template in templates.items():
        here, released_file = folder / f"{name}.yaml", folder_of(ROOT / "templates_out") / f"{name}.yaml"
        if template == current_templates()[name]:
            here.symlink_to(released_file)
        else:
            here.write_text(template_yaml.dump(template), encoding="utf-8")
    one = next(each for each in every_setting() if each.name == environment)
    return read(resolved(folder, one), environment)


def in_script(old: str, new: str) -> Edit:
    """An edit of the web servers' user data."""

    def edit(templates: Templates) -> None:
        launch = templates["web_tier"]["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
        parts = launch["UserData"]["Fn::Base64"]["Fn::Join"][1]
        assert any(isinstance(part, str) and old in part for part in parts), "the edit must change something"
        parts[:] = [part.replace(old, new) if isinstance(part, str) else part for part in parts]

    return edit


def attribute(place: tuple[str, str], key: str, value: str | None) -> Edit:
    """An edit of one of the attributes that ELB takes as a list of keys and values; None takes it away."""

    def edit(templates: Templates) -> None:
        template, logical_id = place
        properties = templates[template]["Resources"][logical_id]["Properties"]
        [name] = {"LoadBalancerAttributes", "TargetGroupAttributes"} & properties.keys()
        others = [each for each in properties[name] if each["Key"] != key]
        properties[name] = others + ([] if value is None else [{"Key": key, "Value": value}])

    return edit


def put(place: tuple[str, str], path: str, value: object) -> Edit:
    """An edit that sets a property; None takes it away."""
    return setting(*place, path, value)
