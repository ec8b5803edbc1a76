"""What CloudFormation may do in an environment's account with data, keys, edge and operations: the rest of its rights.

Owns the managed policies that the root `deployment_policies` leaves over, computed in the same way (D9). There are two
roots because CloudFormation takes 51,200 bytes of template in a request.
"""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import Template

from generator.deployment_permissions.policies import OF_SERVICES, managed_policy
from generator.roots.deployment_policies import computed_statements


@dataclass(frozen=True, kw_only=True)
class Parameters:
    pass


@dataclass(frozen=True, kw_only=True)
class Outputs:
    pass


def build(template: Template, parameters: Parameters) -> Outputs:
    for subject in OF_SERVICES:
        template.add_resource(managed_policy(subject, computed_statements()[subject]))
    return Outputs()
