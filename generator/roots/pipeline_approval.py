"""Who lets a release into production, and what that takes: part of the root `pipeline`.

The role of the approvers (D9, D18) is the only one that may answer the pipeline's approval. People take it who have
just shown an MFA device, keep it for an hour, and can do nothing else with it than see the pipeline, read what the
review found, and say yes or no. Nothing that delivers may take it: what builds, reviews or deploys a release does not
approve it.
"""

from __future__ import annotations

import awacs.codepipeline
import awacs.kms
import awacs.s3
from awacs.aws import Condition, Principal, Statement, StringEquals
from troposphere import Equals, If, Not, Split, Sub, Template
from troposphere.codepipeline import Pipeline
from troposphere.iam import Policy, Role

from generator.iam import account_root, allow, arn, delivery_boundary, document, people_with_mfa
from generator.naming import APPROVER_ROLE
from generator.nesting import add_condition
from generator.parameter_types import ApproverArns, KeyArn
from generator.roots.pipeline_builds import REVIEWS
from generator.roots.pipeline_stages import APPROVAL, REVIEW, arn_of

MFA_SECONDS = 3600
"""How long ago approvers may have shown their MFA device when they take the role: as long as a session of the role."""

NAMES_APPROVERS = "NamesApprovers"

SEE = [
    awacs.codepipeline.GetPipeline,
    awacs.codepipeline.GetPipelineExecution,
    awacs.codepipeline.GetPipelineState,
    awacs.codepipeline.ListActionExecutions,
    awacs.codepipeline.ListPipelineExecutions,
]
"""What there is to see of one pipeline. Without `ListPipelines`, which IAM limits to none, an approver comes to it by
the link in the mail.
https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals-iam-permissions.html"""


def add_approver(template: Template, approvers: ApproverArns, key: KeyArn, pipeline: Pipeline) -> Role:
    """Add the role of those who approve production: `approvers`, or whom this account's administrators let."""
    add_condition(template, NAMES_APPROVERS, Not(Equals(approvers, "")))
    people = Principal("AWS", If(NAMES_APPROVERS, Split(",", approvers), account_root()))
    return template.add_resource(
        Role(
            "ApproverRole",
            RoleName=APPROVER_ROLE,
            Description="Lets a release into production, or not.",
            AssumeRolePolicyDocument=document(people_with_mfa(MFA_SECONDS, people)),
            MaxSessionDuration=MFA_SECONDS,
            PermissionsBoundary=delivery_boundary(),
            Policies=[Policy(PolicyName="Approve", PolicyDocument=document(*_rights(key, pipeline)))],
        )
    )


def _rights(key: KeyArn, pipeline: Pipeline) -> list[Statement]:
    through_s3 = StringEquals({"kms:ViaService": Sub("s3.${AWS::Region}.amazonaws.com")})
    return [
        allow("SeeThePipeline", SEE, [arn_of(pipeline)]),
        allow("ReadReports", [awacs.s3.GetObject], [arn(REVIEWS)]),
        allow("DecryptReports", [awacs.kms.Decrypt], [key], Condition(through_s3)),
        allow("Answer", [awacs.codepipeline.PutApprovalResult], [arn_of(pipeline, REVIEW, APPROVAL)]),
    ]
