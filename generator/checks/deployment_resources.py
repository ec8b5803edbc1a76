"""Facts about resource types that no schema tells: their ARNs, whom they pass roles to, through whom they use keys.

ARNs are written without `arn:aws:`. In them `{id}` is the physical id or the name that the template gives, and
`{invented}` what AWS makes up; `{path}` begins with one slash, `{scope}` is that of a web ACL, `{group}` that of a
schedule, `{contact}` the alias of whom a channel reaches, and `{cluster}` the name of a service's cluster.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Mapping

_EC2 = "ec2:{region}:{account}:"
_ELB = "elasticloadbalancing:{region}:{account}:"
_RDS = "rds:{region}:{account}:"
_IAM = "iam::{account}:"
_CLOUDFRONT = "cloudfront::{account}:"

OWN_ARN: Mapping[str, tuple[str, ...]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": (
        "application-autoscaling:{region}:{account}:scalable-target/{invented}",
    ),
    "AWS::AutoScaling::AutoScalingGroup": (
        "autoscaling:{region}:{account}:autoScalingGroup:{invented}:autoScalingGroupName/{id}",
    ),
    "AWS::Backup::BackupPlan": ("backup:{region}:{account}:backup-plan:{id}",),
    "AWS::Backup::BackupVault": ("backup:{region}:{account}:backup-vault:{id}",),
    "AWS::Backup::RestoreTestingPlan": ("backup:{region}:{account}:restore-testing-plan:{id}-{invented}",),
    "AWS::Budgets::Budget": ("budgets::{account}:budget/{id}",),
    "AWS::CE::AnomalyMonitor": ("ce::{account}:anomalymonitor/{invented}",),
    "AWS::CE::AnomalySubscription": ("ce::{account}:anomalysubscription/{invented}",),
    "AWS::CertificateManager::Certificate": ("acm:{region}:{account}:certificate/{id}",),
    "AWS::CloudFront::CachePolicy": (_CLOUDFRONT + "cache-policy/{id}",),
    "AWS::CloudFront::Distribution": (_CLOUDFRONT + "distribution/{id}",),
    "AWS::CloudFront::Function": (_CLOUDFRONT + "function/{id}",),
    "AWS::CloudFront::OriginAccessControl": (_CLOUDFRONT + "origin-access-control/{id}",),
    "AWS::CloudFront::OriginRequestPolicy": (_CLOUDFRONT + "origin-request-policy/{id}",),
    "AWS::CloudFront::ResponseHeadersPolicy": (_CLOUDFRONT + "response-headers-policy/{id}",),
    "AWS::CloudFormation::Stack": ("cloudformation:{region}:{account}:stack/{invented}/{id}",),
    "AWS::CloudWatch::Alarm": ("cloudwatch:{region}:{account}:alarm:{id}",),
    "AWS::CloudWatch::CompositeAlarm": ("cloudwatch:{region}:{account}:alarm:{id}",),
    "AWS::CloudWatch::Dashboard": ("cloudwatch::{account}:dashboard/{id}",),
    "AWS::DynamoDB::Table": ("dynamodb:{region}:{account}:table/{id}",),
    "AWS::EC2::CustomerGateway": (_EC2 + "customer-gateway/{id}",),
    "AWS::EC2::EIP": (_EC2 + "elastic-ip/{id}",),
    "AWS::EC2::FlowLog": (_EC2 + "vpc-flow-log/{id}",),
    "AWS::EC2::Instance": (
        _EC2 + "instance/{id}",
        _EC2 + "network-interface/{id}",
        _EC2 + "volume/{id}",
    ),
    "AWS::EC2::InternetGateway": (_EC2 + "internet-gateway/{id}",),
    "AWS::EC2::LaunchTemplate": (_EC2 + "launch-template/{id}",),
    "AWS::EC2::NatGateway": (_EC2 + "natgateway/{id}",),
    "AWS::EC2::NetworkAcl": (_EC2 + "network-acl/{id}",),
    "AWS::EC2::RouteTable": (_EC2 + "route-table/{id}",),
    "AWS::EC2::SecurityGroup": (_EC2 + "security-group/{id}",),
    "AWS::EC2::SecurityGroupEgress": (_EC2 + "security-group-rule/{id}",),
    "AWS::EC2::SecurityGroupIngress": (_EC2 + "security-group-rule/{id}",),
    "AWS::EC2::Subnet": (_EC2 + "subnet/{id}",),
    "AWS::EC2::VPC": (_EC2 + "vpc/{id}",),
    "AWS::EC2::VPCEndpoint": (_EC2 + "vpc-endpoint/{id}",),
    "AWS::EC2::VPNConnection": (_EC2 + "vpn-connection/{id}",),
    "AWS::EC2::VPNGateway": (_EC2 + "vpn-gateway/{id}",),
    "AWS::ECS::Cluster": ("ecs:{region}:{account}:cluster/{id}",),
    "AWS::ECS::Service": ("ecs:{region}:{account}:service/{cluster}/{invented}",),
    "AWS::ECS::TaskDefinition": ("ecs:{region}:{account}:task-definition/{id}:1",),
    "AWS::EFS::AccessPoint": ("elasticfilesystem:{region}:{account}:access-point/{id}",),
    "AWS::EFS::FileSystem": ("elasticfilesystem:{region}:{account}:file-system/{id}",),
    "AWS::ElasticLoadBalancingV2::Listener": (_ELB + "listener/app/{id}",),
    "AWS::ElasticLoadBalancingV2::ListenerRule": (_ELB + "listener-rule/app/{id}",),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (_ELB + "loadbalancer/app/{id}",),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (_ELB + "targetgroup/{id}",),
    "AWS::Events::Rule": ("events:{region}:{account}:rule/{id}",),
    "AWS::IAM::Group": (_IAM + "group/{id}",),
    "AWS::IAM::InstanceProfile": (_IAM + "instance-profile/{id}",),
    "AWS::IAM::ManagedPolicy": (_IAM + "policy/{id}",),
    "AWS::IAM::OIDCProvider": (_IAM + "oidc-provider/{id}",),
    "AWS::IAM::Role": (_IAM + "role/{id}",),
    "AWS::IAM::User": (_IAM + "user/{id}",),
    "AWS::KMS::Alias": ("kms:{region}:{account}:{id}",),
    "AWS::KMS::Key": ("kms:{region}:{account}:key/{id}",),
    "AWS::Logs::LogGroup": (
        "logs:{region}:{account}:log-group:{id}",
        "logs:{region}:{account}:log-group:{id}:log-stream:",
    ),
    "AWS::RDS::DBInstance": (_RDS + "db:{id}",),
    "AWS::RDS::DBParameterGroup": (_RDS + "pg:{id}",),
    "AWS::RDS::DBSubnetGroup": (_RDS + "subgrp:{id}",),
    "AWS::RDS::EventSubscription": (_RDS + "es:{id}",),
    "AWS::ResourceGroups::Group": ("resource-groups:{region}:{account}:group/{id}",),
    "AWS::S3::Bucket": ("s3:::{id}",),
    "AWS::Scheduler::Schedule": ("scheduler:{region}:{account}:schedule/{group}/{id}",),
    "AWS::Scheduler::ScheduleGroup": ("scheduler:{region}:{account}:schedule-group/{id}",),
    "AWS::SecretsManager::Secret": ("secretsmanager:{region}:{account}:secret:{id}",),
    "AWS::SNS::Topic": ("sns:{region}:{account}:{id}",),
    "AWS::SSM::Document": ("ssm:{region}:{account}:document/{id}",),
    "AWS::SSM::Parameter": ("ssm:{region}:{account}:parameter{path}",),
    "AWS::SSMContacts::Contact": ("ssm-contacts:{region}:{account}:contact/{id}",),
    "AWS::SSMContacts::ContactChannel": ("ssm-contacts:{region}:{account}:contactchannel/{contact}/{invented}",),
    "AWS::SSMContacts::Rotation": ("ssm-contacts:{region}:{account}:rotation/{invented}",),
    "AWS::SSMIncidents::ResponsePlan": ("ssm-incidents::{account}:response-plan/{id}",),
    "AWS::ServiceDiscovery::PrivateDnsNamespace": ("servicediscovery:{region}:{account}:namespace/{id}",),
    "AWS::Shield::Protection": ("shield::{account}:protection/{id}",),
    "AWS::Synthetics::Canary": ("synthetics:{region}:{account}:canary:{id}",),
    "AWS::WAFv2::WebACL": ("wafv2:{region}:{account}:{scope}/webacl/{id}",),
    "AWS::XRay::Group": ("xray:{region}:{account}:group/{id}/{invented}",),
} | dict.fromkeys(
    (
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::AutoScaling::ScalingPolicy",
        "AWS::AutoScaling::ScheduledAction",
        "AWS::Backup::BackupSelection",
        "AWS::Backup::RestoreTestingSelection",
        "AWS::EC2::NetworkAclEntry",
        "AWS::EC2::Route",
        "AWS::EC2::SubnetNetworkAclAssociation",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPCGatewayAttachment",
        "AWS::EC2::VPNConnectionRoute",
        "AWS::EC2::VPNGatewayRoutePropagation",
        "AWS::ECS::ClusterCapacityProviderAssociations",
        "AWS::EFS::MountTarget",
        "AWS::IAM::GroupPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::RolePolicy",
        "AWS::IAM::UserPolicy",
        "AWS::IAM::UserToGroupAddition",
        "AWS::Logs::MetricFilter",
        "AWS::Logs::QueryDefinition",
        "AWS::Route53::RecordSet",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::Subscription",
        "AWS::SNS::TopicPolicy",
        "AWS::SSMContacts::Plan",
        "AWS::SecretsManager::SecretTargetAttachment",
        "AWS::WAFv2::LoggingConfiguration",
        "AWS::WAFv2::WebACLAssociation",
    ),
    (),
)
"""By which ARNs IAM knows a resource of a type. Those that have none, such as routes, are known by what they name."""

NAME_IN_ARN: Mapping[str, str] = {
    "AWS::Budgets::Budget": "BudgetName",
    "AWS::ECS::TaskDefinition": "Family",
    "AWS::SSMContacts::Contact": "Alias",
    "AWS::XRay::Group": "GroupName",
}
"""The property that gives a resource the name in its ARN, where that is neither its identifier nor `Name`."""

UNLISTED_KINDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "cloudwatch:PutCompositeAlarm": (),
    "elasticloadbalancing:SetWebACL": (
        (
            "loadbalancer/app/",
            "arn:${Partition}:elasticloadbalancing:${Region}:${Account}:loadbalancer/app/.*",
        ),
    ),
} | {
    f"cloudfront:Create{name}": ((kind, f"arn:${{Partition}}:cloudfront::${{Account}}:{kind}/.*"),)
    for name, kind in (
        ("CachePolicy", "cache-policy"),
        ("Distribution", "distribution"),
        ("Function", "function"),
        ("ResponseHeadersPolicy", "response-headers-policy"),
    )
}
"""Resources that IAM limits an action to although cfn-lint's data lists none for it: kind and format of the ARN. For
a composite alarm it is the other way round: CloudWatch refuses it to whoever may not make all alarms composite.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/386
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudfront.html"""

EC2_IDS: Mapping[str, str] = {
    prefix: f"ec2:{{region}}:{{account}}:{kind}/{{id}}"
    for prefix, kind in {
        "acl": "network-acl",
        "cgw": "customer-gateway",
        "eipalloc": "elastic-ip",
        "eni": "network-interface",
        "i": "instance",
        "igw": "internet-gateway",
        "lt": "launch-template",
        "nat": "natgateway",
        "rtb": "route-table",
        "sg": "security-group",
        "subnet": "subnet",
        "vgw": "vpn-gateway",
        "vpc": "vpc",
        "vpce": "vpc-endpoint",
        "vpn": "vpn-connection",
    }.items()
} | {"ami": "ec2:{region}::image/{id}"}
"""What EC2's ids begin with, and the ARN that each stands for."""

_KEY = ("kms:{region}:{account}:key/{id}",)
NAMED_BY_PROPERTY: Mapping[str, tuple[str, ...]] = {
    "AutoScalingGroupName": (
        "autoscaling:{region}:{account}:autoScalingGroup:00000000-0000-0000-0000-000000000000:autoScalingGroupName/{id}",
    ),
    "Cluster": ("ecs:{region}:{account}:cluster/{id}",),
    "BackupPlanId": ("backup:{region}:{account}:backup-plan:{id}",),
    "Bucket": ("s3:::{id}",),
    "DBParameterGroupName": (_RDS + "pg:{id}",),
    "DBSubnetGroupName": (_RDS + "subgrp:{id}",),
    "DestinationBucketName": ("s3:::{id}",),
    "FileSystemId": ("elasticfilesystem:{region}:{account}:file-system/{id}",),
    "GroupName": (_IAM + "group/{id}",),
    "Groups": (_IAM + "group/{id}",),
    "HostedZoneId": ("route53:::hostedzone/{id}",),
    "KMSMasterKeyID": _KEY,
    "KMSMasterKeyId": _KEY,
    "KmsKeyId": _KEY,
    "KmsMasterKeyId": _KEY,
    "LogGroupName": (
        "logs:{region}:{account}:log-group:{id}",
        "logs:{region}:{account}:log-group:{id}:log-stream:",
    ),
    "RestoreTestingPlanName": (
        "backup:{region}:{account}:restore-testing-plan:{id}-00000000-0000-0000-0000-000000000000",
    ),
    "Roles": (_IAM + "role/{id}",),
    "TargetKeyId": _KEY,
    "UserName": (_IAM + "user/{id}",),
    "Users": (_IAM + "user/{id}",),
}
"""What a property's value is the name of, where it is neither an ARN nor an id that tells by itself."""

_RDS_SECRET = ("secretsmanager:{region}:{account}:secret:rds!db-00000000-0000-0000-0000-000000000000-AbCdEf",)
_CANARY_FUNCTION = ("lambda:{region}:{account}:function:cwsyn-{id}-00000000-0000-0000-0000-000000000000",)
_CANARY_LAYER = ("lambda:{region}:{account}:layer:cwsyn-{id}-00000000-0000-0000-0000-000000000000",)
_BILLING_VIEW = ("billing::{account}:billingview/primary",)
_MANAGED_RULES = ("wafv2:{region}:{account}:regional/managedruleset/AWS/AWSManagedRulesCommonRuleSet",)
MADE_BESIDES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("AWS::AutoScaling::AutoScalingGroup", "ec2:RunInstances"): (
        _EC2 + "instance/i-00000000000000000",
        _EC2 + "network-interface/eni-00000000000000000",
        _EC2 + "volume/vol-00000000000000000",
    ),
    ("AWS::Budgets::Budget", "billing:GetBillingViewData"): _BILLING_VIEW,
    ("AWS::RDS::DBInstance", "secretsmanager:CreateSecret"): _RDS_SECRET,
    ("AWS::RDS::DBInstance", "secretsmanager:TagResource"): _RDS_SECRET,
    ("AWS::WAFv2::WebACL", "wafv2:CreateWebACL"): _MANAGED_RULES,
    ("AWS::WAFv2::WebACL", "wafv2:UpdateWebACL"): _MANAGED_RULES,
    **{
        ("AWS::Synthetics::Canary", f"lambda:{name}"): _CANARY_FUNCTION
        for name in (
            "AddPermission",
            "CreateFunction",
            "DeleteFunction",
            "GetFunctionConfiguration",
            "ListTags",
            "PublishVersion",
            "TagResource",
            "UntagResource",
            "UpdateFunctionCode",
            "UpdateFunctionConfiguration",
        )
    },
    ("AWS::Synthetics::Canary", "lambda:PublishLayerVersion"): _CANARY_LAYER,
    **{
        ("AWS::Synthetics::Canary", f"lambda:{name}LayerVersion"): tuple(f"{arn}:1" for arn in _CANARY_LAYER)
        for name in ("Delete", "Get")
    },
}
"""What an action makes or uses besides the resource of the stack: instances of a group, the secret of a database's
master, the function and layer of a canary, the managed rules of a web ACL, by whose name in the account IAM asks.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ExamplePolicies_EC2.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
https://github.com/aws-samples/amazon-cloudfront-waf-secretsmanager/issues/3"""

PASSED_TO: Mapping[str, tuple[str, ...]] = {
    "AWS::AutoScaling::AutoScalingGroup": ("ec2.amazonaws.com",),
    "AWS::Backup::BackupSelection": ("backup.amazonaws.com",),
    "AWS::Backup::RestoreTestingSelection": ("restore-testing.backup.amazonaws.com",),
    "AWS::EC2::FlowLog": ("vpc-flow-logs.amazonaws.com",),
    "AWS::EC2::Instance": ("ec2.amazonaws.com",),
    "AWS::ECS::Service": ("ecs.amazonaws.com",),
    "AWS::ECS::TaskDefinition": ("ecs-tasks.amazonaws.com",),
    "AWS::IAM::InstanceProfile": ("ec2.amazonaws.com",),
    "AWS::RDS::DBInstance": ("monitoring.rds.amazonaws.com",),
    "AWS::S3::Bucket": ("s3.amazonaws.com",),
    "AWS::Scheduler::Schedule": ("scheduler.amazonaws.com",),
    "AWS::Synthetics::Canary": ("synthetics.amazonaws.com", "lambda.amazonaws.com"),
}
"""Which services get the role that a property names, as `iam:PassedToService`.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"""

SERVICE_LINKED_ROLES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": (
        ("ecs.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_ECSService"),
    ),
    "AWS::AutoScaling::AutoScalingGroup": (("autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling"),),
    "AWS::Backup::BackupSelection": (("backup.amazonaws.com", "AWSServiceRoleForBackup"),),
    "AWS::Backup::RestoreTestingPlan": (
        ("restore-testing.backup.amazonaws.com", "AWSServiceRoleForBackupRestoreTesting"),
    ),
    "AWS::ECS::Cluster": (("ecs.amazonaws.com", "AWSServiceRoleForECS"),),
    "AWS::EFS::FileSystem": (("elasticfilesystem.amazonaws.com", "AWSServiceRoleForAmazonElasticFileSystem"),),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (
        ("elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing"),
    ),
    "AWS::RDS::DBInstance": (("rds.amazonaws.com", "AWSServiceRoleForRDS"),),
}
"""The role that a service makes in an account when it is first used, for whoever uses it first.
https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html"""

LOWER_CASE = ("AWS::RDS::", "AWS::S3::")
"""Types whose names CloudFormation writes in small letters."""

VIA_SERVICE: Mapping[str, str] = {
    "AWS::AutoScaling::AutoScalingGroup": "ec2",
    "AWS::Backup::BackupVault": "backup",
    "AWS::CloudFormation::Stack": "s3",
    "AWS::DynamoDB::Table": "dynamodb",
    "AWS::EC2::Instance": "ec2",
    "AWS::EFS::FileSystem": "elasticfilesystem",
    "AWS::RDS::DBInstance": "rds",
    "AWS::S3::Bucket": "s3",
    "AWS::SNS::Topic": "sns",
    "AWS::SSM::Parameter": "ssm",
    "AWS::SecretsManager::Secret": "secretsmanager",
    "AWS::SecretsManager::SecretTargetAttachment": "secretsmanager",
}
"""Which service uses a key for CloudFormation, as `kms:ViaService` without region.
https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service"""

PROPERTY_KEYS: Mapping[str, Mapping[str, str]] = {
    "AWS::EFS::FileSystem": {"elasticfilesystem:Encrypted": "Encrypted"},
    "AWS::RDS::DBInstance": {"rds:DatabaseEngine": "Engine", "rds:StorageEncrypted": "StorageEncrypted"},
}
"""Condition keys whose values are properties.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html"""
