"""Other settings are what params could say, and every environment has a domain of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.environment import ENVIRONMENTS, TemplateConfiguration, load_all
from generator.errors import UserError
from generator.rehearsal.other_settings import ANY_ZONE, with_settings

PARAMS = Path(__file__).parents[2] / "params"


@pytest.fixture
def changed(tmp_path: Path) -> dict[str, TemplateConfiguration]:
    settings = {"DomainName": "shop.example.com", "WebServerInstanceType": "t3.small"}
    found = with_settings(load_all(PARAMS), settings, tmp_path)
    return {each.environment.environment_name.literal: each for each in found}


def test_settings_are_changed_and_all_else_stays(changed: dict[str, TemplateConfiguration]) -> None:
    before = {each.environment.environment_name.literal: each for each in load_all(PARAMS)}
    assert set(changed) == set(ENVIRONMENTS)
    for name, configuration in changed.items():
        differing = {
            key for key, value in configuration.parameters().items() if before[name].parameters().get(key) != value
        }
        assert differing - {"WebServerInstanceType"} == {"DomainName", "HostedZoneId"}
        assert configuration.environment.web_server_instance_type.literal == "t3.small"
        assert configuration.tags == before[name].tags


def test_each_environment_has_its_name_and_a_zone_for_it(changed: dict[str, TemplateConfiguration]) -> None:
    names = {name: each.environment.domain_name.literal for name, each in changed.items()}
    assert names == {"dev": "dev.shop.example.com", "staging": "staging.shop.example.com", "prod": "shop.example.com"}
    assert {each.environment.hosted_zone_id.literal for each in changed.values()} == {ANY_ZONE}


def test_a_zone_that_is_named_is_the_one(tmp_path: Path) -> None:
    settings = {"DomainName": "shop.example.com", "HostedZoneId": "Z0123456789ABC"}
    found = with_settings(load_all(PARAMS), settings, tmp_path)
    assert {each.environment.hosted_zone_id.literal for each in found} == {"Z0123456789ABC"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"Colour": "blue"}, r"^other settings: dev\.json: Parameters: Colour is unknown; allowed: EnvironmentName"),
        ({"WebServerMinimum": "9"}, r"^other settings: dev\.json: Parameters: WebServerMinimum: "),
        ({"LoadBalancerAccess": "cloudfront"}, "without a domain CloudFront forwards nothing"),
    ],
)
def test_what_params_cannot_say_is_refused(tmp_path: Path, settings: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        with_settings(load_all(PARAMS), settings, tmp_path)
