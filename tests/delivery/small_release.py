"""A release whose roots are as small as can be: what they are called and hand on is as in a real one."""

from __future__ import annotations

from pathlib import Path

from generator.release import MANIFEST, digest, to_json

STORES = """\
Parameters:
  DevAccountId: {Type: String, AllowedPattern: '[0-9]{12}'}
Resources:
  Key: {Type: 'AWS::KMS::Key', Properties: {KeyPolicy: {Version: '2012-10-17', Statement: []}}}
Outputs:
  ArtifactKeyArn: {Value: !GetAtt Key.Arn}
"""
PIPELINE = """\
Parameters:
  DevAccountId: {Type: String, AllowedPattern: '[0-9]{12}'}
  ArtifactKeyArn: {Type: String, AllowedPattern: 'arn:aws:kms:.+'}
  Fails: {Type: String, Default: 'no'}
Conditions:
  Fails: !Equals [!Ref Fails, 'yes']
Resources:
  Topic: {Type: 'AWS::SNS::Topic', Properties: {KmsMasterKeyId: !Ref ArtifactKeyArn}}
  Broken:
    Type: AWS::IAM::Policy
    Condition: Fails
    Properties: {PolicyName: p, PolicyDocument: {Version: '2012-10-17', Statement: []}, Roles: [missing]}
Outputs:
  TopicArn: {Value: !Ref Topic}
"""
TARGET = """\
Parameters:
  ToolsAccountId: {Type: String, AllowedPattern: '[0-9]{12}'}
  ArtifactKeyArn: {Type: String}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{Effect: Allow, Principal: {AWS: !Ref ToolsAccountId}, Action: 'sts:AssumeRole'}]
Outputs:
  RoleArn: {Value: !GetAtt Role.Arn}
"""
BOUNDARIES = """\
Parameters:
  AdditionalRegions: {Type: String, Default: ''}
Resources:
  Boundary:
    Type: AWS::IAM::ManagedPolicy
    Properties: {ManagedPolicyName: the-boundary, PolicyDocument: {Version: '2012-10-17', Statement: []}}
"""
POLICIES = """\
Parameters:
  ArtifactKeyArn: {Type: String}
  TemplateBucketName: {Type: String, Default: the-templates}
Resources:
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties: {ManagedPolicyName: the-policy, PolicyDocument: {Version: '2012-10-17', Statement: []}}
"""
SERVICE_POLICIES = """\
Resources:
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties: {ManagedPolicyName: another-policy, PolicyDocument: {Version: '2012-10-17', Statement: []}}
"""
EDGE = """\
Parameters:
  EnvironmentName: {Type: String}
  DomainName: {Type: String, Default: ''}
  HostedZoneId: {Type: String, Default: ''}
  WebApplicationFirewall: {Type: String, Default: 'true'}
Conditions:
  HasDomain: !Not [!Equals [!Ref DomainName, '']]
  HasFirewall: !Equals [!Ref WebApplicationFirewall, 'true']
Resources:
  Acl: {Type: 'AWS::SNS::Topic', Condition: HasFirewall}
  Certificate: {Type: 'AWS::SNS::Topic', Condition: HasDomain}
Outputs:
  WebAclArn: {Value: !If [HasFirewall, !Ref Acl, none]}
  CertificateArn: {Value: !If [HasDomain, !Ref Certificate, none]}
"""
AUDIT = """\
Parameters:
  EnvironmentName: {Type: String}
  AuditRetentionDays: {Type: String, Default: '365'}
Resources:
  Topic: {Type: 'AWS::SNS::Topic'}
"""
RECOVERY = """\
Parameters:
  EnvironmentName: {Type: String}
  BackupVaultLock: {Type: String, Default: none}
Resources:
  Topic: {Type: 'AWS::SNS::Topic'}
"""
TOOLS_PARAMETERS = {"DevAccountId": "111111111111"}
TARGET_PARAMETERS = {"ToolsAccountId": "999999999999", "ArtifactKeyArn": "arn:aws:kms:eu-west-1:999999999999:key/k"}

ALWAYS = {
    "audit_trail.yaml": AUDIT,
    "boundaries.yaml": BOUNDARIES,
    "deployment_policies.yaml": POLICIES,
    "deployment_policies_services.yaml": SERVICE_POLICIES,
    "global_edge.yaml": EDGE,
    "recovery_region.yaml": RECOVERY,
    "tools_account.yaml": STORES,
}
"""What every release has here, besides the roots that a test is about."""


def written(folder: Path, roots: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    templates = {**ALWAYS, **roots}
    for name, text in templates.items():
        (folder / name).write_text(text)
    entries = {name: {"root": True, "sha256": digest(text.encode())} for name, text in templates.items()}
    (folder / MANIFEST).write_text(to_json({"version": "9.9.9", "released": False, "templates": entries}))
    return folder
