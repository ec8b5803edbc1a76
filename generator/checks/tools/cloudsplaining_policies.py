"""Judges IAM policy documents by cloudsplaining. Runs in the rule sets' own environment, where cloudsplaining is.

Reads a JSON list of documents from standard input, and prints the list of what was found: for each document, the
actions or methods of each risk. https://cloudsplaining.readthedocs.io/en/latest/glossary/
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Any


def judge(document: dict[str, Any]) -> dict[str, list[str]]:
    """Return what each risk finds in a policy document; nothing found is an empty list."""
    policy: Any = import_module("cloudsplaining.scan.policy_document").PolicyDocument(document)
    return {
        "PrivilegeEscalation": [method["type"] for method in policy.allows_privilege_escalation],
        "DataExfiltration": policy.allows_data_exfiltration_actions,
        "ResourceExposure": policy.permissions_management_without_constraints,
        "CredentialsExposure": policy.credentials_exposure,
        "ServiceWildcard": policy.service_wildcard,
        "InfrastructureModification": policy.infrastructure_modification,
    }


if __name__ == "__main__":
    print(json.dumps({"version": version("cloudsplaining"), "found": [judge(each) for each in json.load(sys.stdin)]}))
