"""Regions of the emulator differ in what they differ in on AWS."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from generator.rehearsal import emulator_regions
from generator.rehearsal.emulator_guards import PatchError
from generator.rehearsal.emulator_regions import images_of_each_region, virtual_hosted_template_urls

PATH_STYLE = "https://s3.eu-west-1.amazonaws.com/templates/taskcat/network.yaml"
PUBLIC_IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("https://templates.s3.eu-west-1.amazonaws.com/taskcat/network.yaml", PATH_STYLE),
        (PATH_STYLE, PATH_STYLE),
        (
            "https://my.templates.s3.us-east-1.amazonaws.com/a.yaml",
            "https://s3.us-east-1.amazonaws.com/my.templates/a.yaml",
        ),
        ("http://127.0.0.1:4566/templates/a.yaml", "http://127.0.0.1:4566/templates/a.yaml"),
        ("not a url", "not a url"),
    ],
)
@pytest.mark.parametrize("as_list", [True, False])
def test_templates_are_read_from_either_kind_of_address(
    monkeypatch: pytest.MonkeyPatch, given: str, read: str, as_list: bool
) -> None:
    asked: list[Any] = []

    def resolve(params: dict[str, Any], body_key: str, url_key: str, label: str) -> None:
        asked.append((params, body_key, url_key, label))

    monkeypatch.setattr(import_module(emulator_regions.TEMPLATES), "_resolve_document", resolve)
    virtual_hosted_template_urls()
    params = {"TemplateURL": [given] if as_list else given, "StackName": ["web"]}
    import_module(emulator_regions.TEMPLATES)._resolve_document(params, "TemplateBody", "TemplateURL", "Template")
    assert asked == [({"TemplateURL": [read], "StackName": ["web"]}, "TemplateBody", "TemplateURL", "Template")]
    assert params["TemplateURL"] in (given, [given])


def test_a_template_in_the_request_itself_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module(emulator_regions.TEMPLATES)
    monkeypatch.setattr(module, "_resolve_document", module._resolve_document)
    virtual_hosted_template_urls()
    answer = module._resolve_document({"TemplateBody": ["Resources: {}"]}, "TemplateBody", "TemplateURL", "Template")
    assert answer == ("Resources: {}", None)


def test_a_public_image_has_another_id_in_each_region(monkeypatch: pytest.MonkeyPatch) -> None:
    module, responses = import_module(emulator_regions.PARAMETERS), import_module("ministack.core.responses")
    monkeypatch.setattr(module, "_public_parameter", module._public_parameter)
    images_of_each_region()
    found = {}
    for region in ("eu-west-1", "us-east-1", "eu-west-1"):
        with responses.request_scope("000100010001", region):
            found[region] = module._public_parameter(PUBLIC_IMAGE)["Value"]
    assert len(found) == len(set(found.values())) == 2
    assert all(image.startswith("ami-") and len(image) == 21 for image in found.values())
    assert module._public_parameter("/no/such/parameter") is None


@pytest.mark.parametrize(
    ("patch", "module_name", "name"),
    [
        (virtual_hosted_template_urls, emulator_regions.TEMPLATES, "_resolve_document"),
        (images_of_each_region, emulator_regions.PARAMETERS, "_public_parameter"),
    ],
)
def test_patches_notice_a_change(monkeypatch: pytest.MonkeyPatch, patch: Any, module_name: str, name: str) -> None:
    monkeypatch.setattr(import_module(module_name), name, lambda renamed: None)
    with pytest.raises(PatchError, match=f"{name} takes"):
        patch()
