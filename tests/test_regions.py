"""Where the platform may act: in the region of its stack, and in others where a parameter names some."""

from __future__ import annotations

import pytest
from troposphere import Ref, Template, encode_to_dict

from generator.nesting import WiringError
from generator.parameter_types import RegionNames
from generator.regions import ADDITIONAL_REGIONS, regions_of_the_platform
from tests.intrinsics import Templates

ADDITIONAL = RegionNames(Ref("AdditionalRegions"))


def test_d9_more_regions_follow_the_stacks_own_where_some_are_named() -> None:
    template = Template()
    assert encode_to_dict(regions_of_the_platform(template, ADDITIONAL)) == {
        "Fn::If": [
            "MoreRegions",
            {"Fn::Split": [",", {"Fn::Sub": "${AWS::Region},${AdditionalRegions}"}]},
            {"Fn::Split": [",", {"Ref": "AWS::Region"}]},
        ]
    }
    named = {"Fn::Not": [{"Fn::Equals": [{"Ref": "AdditionalRegions"}, ""]}]}
    assert encode_to_dict(template.conditions) == {"MoreRegions": named}
    with pytest.raises(WiringError, match="MoreRegions is defined twice"):
        regions_of_the_platform(template, ADDITIONAL)


@pytest.mark.parametrize("root", ["boundaries", "deployment_policies"])
def test_every_root_that_confines_to_regions_asks_for_them_alike(templates: Templates, root: str) -> None:
    asked = templates[root]["Parameters"]["AdditionalRegions"]
    assert (asked["Description"].startswith(ADDITIONAL_REGIONS), asked["Default"]) == (True, "")
    assert templates[root]["Conditions"]["MoreRegions"]
