"""Facts about CloudFormation's handlers that no schema tells: what they call besides, and what only at times.

https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html#schema-properties-handlers
"""

from __future__ import annotations

from collections.abc import Mapping

WITHOUT_HANDLERS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "AWS::IAM::UserToGroupAddition": {
        "create": ("iam:AddUserToGroup",),
        "delete": ("iam:RemoveUserFromGroup",),
        "read": ("iam:GetGroup",),
        "update": ("iam:AddUserToGroup", "iam:RemoveUserFromGroup"),
    },
    "AWS::WAFv2::WebACLAssociation": {
        "create": ("elasticloadbalancing:SetWebACL", "wafv2:AssociateWebACL"),
        "delete": ("elasticloadbalancing:SetWebACL", "wafv2:DisassociateWebACL"),
        "read": ("wafv2:GetWebACL", "wafv2:GetWebACLForResource"),
    },
}
"""Types whose schemas name no handlers, or what many other services need, with the calls of the service's own API.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddUserToGroup.html
https://docs.aws.amazon.com/waf/latest/developerguide/security_iam_service-with-iam.html"""

BESIDES_HANDLERS: Mapping[str, tuple[str, ...]] = {
    "AWS::CloudFront::Distribution": ("s3:GetBucketAcl", "s3:PutBucketAcl", "wafv2:GetWebACL"),
}
"""What a service asks of whoever makes or changes a resource, and the type's schema leaves out: the rights to let
CloudFront write its logs into a bucket, and to read the web ACL that a distribution names.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging-legacy-s3.html
https://docs.aws.amazon.com/waf/latest/developerguide/security_iam_service-with-iam.html"""

NEVER: tuple[str, ...] = ()

ONLY_WITH: Mapping[str, Mapping[tuple[str, ...], tuple[str, ...]]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": {
        ("application-autoscaling:*ScheduledAction",): ("ScheduledActions",),
        ("cloudwatch:*Alarm*", "lambda:*"): NEVER,
        ("iam:PassRole",): ("RoleARN",),
    },
    "AWS::ApplicationAutoScaling::ScalingPolicy": {
        ("cloudwatch:GetMetricData",): ("PredictiveScalingPolicyConfiguration",),
    },
    "AWS::AutoScaling::AutoScalingGroup": {
        ("autoscaling:PutNotificationConfiguration",): ("NotificationConfiguration", "NotificationConfigurations"),
        ("autoscaling:DeleteNotificationConfiguration",): ("NotificationConfiguration", "NotificationConfigurations"),
        ("autoscaling:*LifecycleHook",): ("LifecycleHookSpecificationList",),
        ("autoscaling:*LoadBalancers",): ("LoadBalancerNames",),
        ("autoscaling:*TrafficSources",): ("TrafficSources",),
        ("autoscaling:*InstanceRefresh",): NEVER,
        ("cloudwatch:PutMetricAlarm",): NEVER,
    },
    "AWS::AutoScaling::ScalingPolicy": {("cloudwatch:GetMetricData",): ("PredictiveScalingConfiguration",)},
    "AWS::Backup::BackupVault": {
        ("backup:DeleteBackupVaultAccessPolicy", "backup:DeleteBackupVaultLockConfiguration"): NEVER,
        ("backup:*BackupVaultNotifications",): ("Notifications",),
        ("backup:PutBackupVaultAccessPolicy",): ("AccessPolicy",),
        ("backup:PutBackupVaultLockConfiguration",): ("LockConfiguration",),
    },
    "AWS::CloudFormation::Stack": {
        ("cloudformation:SetStackPolicy", "cloudformation:UpdateTerminationProtection"): NEVER,
    },
    "AWS::CloudFront::Distribution": {
        ("cloudfront:*ConnectionGroup", "cloudfront:UpdateDistributionWithStagingConfig"): NEVER,
    },
    "AWS::CloudFront::Function": {("cloudfront:PublishFunction",): ("AutoPublish",)},
    "AWS::DynamoDB::Table": {
        ("dynamodb:*Import*",): ("ImportSourceSpecification",),
        ("dynamodb:*ContributorInsights",): ("ContributorInsightsSpecification",),
        ("dynamodb:*KinesisStreamingDestination",): ("KinesisStreamSpecification",),
        ("dynamodb:*ResourcePolicy",): ("ResourcePolicy",),
        ("dynamodb:*TableReplica", "dynamodb:*Item", "dynamodb:Query", "dynamodb:Scan"): NEVER,
        ("kms:ListAliases",): NEVER,
        ("kms:RevokeGrant",): NEVER,
        ("logs:*",): ("ImportSourceSpecification",),
    },
    "AWS::EC2::EIP": {
        ("ec2:AcceptAddressTransfer",): ("TransferAddress",),
        ("ec2:AssociateAddress", "ec2:DisassociateAddress"): ("InstanceId",),
    },
    "AWS::EC2::FlowLog": {
        ("autoscaling:DescribeTags",): NEVER,
        ("logs:*LogDelivery", "s3:*"): ("LogDestination",),
    },
    "AWS::EC2::NatGateway": {
        ("ec2:*NatGatewayAddress",): ("SecondaryAllocationIds", "SecondaryPrivateIpAddresses"),
    },
    "AWS::EC2::Subnet": {
        ("ec2:AssociateSubnetCidrBlock", "ec2:DisassociateSubnetCidrBlock"): ("Ipv6CidrBlock", "Ipv6NetmaskLength"),
    },
    "AWS::EC2::VPC": {
        ("ec2:*VpcEncryptionControl*",): ("VpcEncryptionControl",),
        ("ec2:ModifyVpcTenancy",): ("InstanceTenancy",),
    },
    "AWS::EC2::VPCEndpoint": {
        ("vpc-lattice:*",): ("ServiceNetworkArn", "ResourceConfigurationArn"),
        ("vpce:AllowMultiRegion",): ("ServiceRegion",),
    },
    "AWS::EC2::VPCGatewayAttachment": {
        ("ec2:*InternetGateway",): ("InternetGatewayId",),
        ("ec2:*VpnGateway",): ("VpnGatewayId",),
    },
    "AWS::ECS::Cluster": {
        ("ecs:PutAccountSetting", "ecs:PutAccountSettingDefault"): NEVER,
        ("ecs:PutClusterCapacityProviders",): ("CapacityProviders", "DefaultCapacityProviderStrategy"),
        ("kms:DescribeKey",): ("Configuration",),
    },
    "AWS::EFS::FileSystem": {
        ("elasticfilesystem:*ReplicationConfiguration",): ("ReplicationConfiguration",),
        ("elasticfilesystem:UpdateFileSystemProtection",): ("FileSystemProtection",),
    },
    "AWS::ElasticLoadBalancingV2::LoadBalancer": {
        ("elasticloadbalancing:*CapacityReservation",): ("MinimumLoadBalancerCapacity",),
        ("elasticloadbalancing:ModifyIpPools", "ec2:DescribeIpamPools"): ("Ipv4IpamPoolId",),
    },
    "AWS::IAM::Group": {
        ("iam:AttachGroupPolicy", "iam:DetachGroupPolicy"): ("ManagedPolicyArns",),
        ("iam:PutGroupPolicy", "iam:DeleteGroupPolicy"): ("Policies",),
    },
    "AWS::IAM::Policy": {
        ("iam:*GroupPolicy",): ("Groups",),
        ("iam:*RolePolicy",): ("Roles",),
        ("iam:*UserPolicy",): ("Users",),
    },
    "AWS::IAM::Role": {
        ("iam:AttachRolePolicy", "iam:DetachRolePolicy"): ("ManagedPolicyArns",),
        ("iam:DeleteRolePermissionsBoundary",): NEVER,
        ("iam:PutRolePermissionsBoundary",): ("PermissionsBoundary",),
        ("iam:PutRolePolicy", "iam:DeleteRolePolicy"): ("Policies",),
    },
    "AWS::IAM::User": {
        ("iam:*LoginProfile",): ("LoginProfile",),
        ("iam:AttachUserPolicy", "iam:DetachUserPolicy"): ("ManagedPolicyArns",),
        ("iam:DeleteUserPermissionsBoundary", "iam:UpdateUser", "iam:*AccessKey*"): NEVER,
        ("iam:PutUserPermissionsBoundary",): ("PermissionsBoundary",),
        ("iam:PutUserPolicy", "iam:DeleteUserPolicy"): ("Policies",),
    },
    "AWS::KMS::Key": {("kms:DisableKey", "kms:DisableKeyRotation"): NEVER},
    "AWS::Logs::LogGroup": {
        ("logs:*DataProtectionPolicy",): ("DataProtectionPolicy",),
        ("logs:*IndexPolicy",): ("FieldIndexPolicies",),
        ("logs:*ResourcePolicy",): ("ResourcePolicyDocument",),
        ("logs:CreateLogDelivery",): ("DataProtectionPolicy",),
        ("logs:DisassociateKmsKey", "logs:DeleteRetentionPolicy"): NEVER,
        ("logs:PutBearerTokenAuthentication",): ("BearerTokenAuthenticationEnabled",),
        ("logs:PutLogGroupDeletionProtection",): ("DeletionProtectionEnabled",),
    },
    "AWS::RDS::DBInstance": {
        ("iam:GetRole", "iam:ListRoles", "rds:*RoleToDBInstance", "rds:*RoleFromDBInstance"): ("AssociatedRoles",),
        ("rds:*AutomatedBackupsReplication",): ("AutomaticBackupReplicationRegion",),
        ("rds:CreateDBInstance",): ("MasterUsername",),
        ("rds:CreateDBInstanceReadReplica", "rds:PromoteReadReplica"): ("SourceDBInstanceIdentifier",),
        ("rds:RestoreDBInstanceFromDBSnapshot",): ("DBSnapshotIdentifier", "DBClusterSnapshotIdentifier"),
        ("rds:RestoreDBInstanceToPointInTime",): ("RestoreTime", "UseLatestRestorableTime"),
        ("secretsmanager:*",): ("ManageMasterUserPassword",),
    },
    "AWS::ResourceGroups::Group": {
        ("cloudformation:*", "resource-groups:GroupResources", "resource-groups:UnGroupResources"): ("Resources",),
        ("resource-groups:PutGroupConfiguration",): ("Configuration",),
    },
    "AWS::S3::Bucket": {
        ("s3:*AccelerateConfiguration",): ("AccelerateConfiguration",),
        ("s3:*AnalyticsConfiguration",): ("AnalyticsConfigurations",),
        ("s3:*BucketAbac",): ("AbacStatus",),
        ("s3:*BucketAcl", "s3:PutObjectAcl"): ("AccessControl",),
        ("s3:*BucketCORS",): ("CorsConfiguration",),
        ("s3:*BucketMetadata*", "s3tables:*"): ("MetadataTableConfiguration", "MetadataConfiguration"),
        ("s3:*BucketNotification",): ("NotificationConfiguration",),
        ("s3:*BucketWebsite",): ("WebsiteConfiguration",),
        ("s3:*IntelligentTieringConfiguration",): ("IntelligentTieringConfigurations",),
        ("s3:*InventoryConfiguration",): ("InventoryConfigurations",),
        ("s3:*MetricsConfiguration",): ("MetricsConfigurations",),
        ("s3:*ObjectLockConfiguration",): ("ObjectLockConfiguration", "ObjectLockEnabled"),
        ("s3:*Replication*",): ("ReplicationConfiguration",),
        ("s3:DeleteObject",): NEVER,
        ("s3:PutBucketLogging",): ("LoggingConfiguration",),
        ("s3:PutBucketVersioning",): ("VersioningConfiguration",),
        ("s3:PutEncryptionConfiguration",): ("BucketEncryption",),
        ("s3:PutLifecycleConfiguration",): ("LifecycleConfiguration",),
    },
    "AWS::SNS::Topic": {
        ("sns:PutDataProtectionPolicy",): ("DataProtectionPolicy",),
        ("sns:Subscribe", "sns:Unsubscribe"): ("Subscription",),
    },
    "AWS::SSMIncidents::ResponsePlan": {("secretsmanager:*", "kms:*"): ("Integrations",)},
    "AWS::SecretsManager::Secret": {
        ("secretsmanager:ReplicateSecretToRegions", "secretsmanager:RemoveRegionsFromReplication"): ("ReplicaRegions",),
        ("secretsmanager:GetRandomPassword",): ("GenerateSecretString",),
    },
    "AWS::SecretsManager::SecretTargetAttachment": {("docdb-elastic:*", "redshift*:*"): NEVER},
    "AWS::Shield::Protection": {
        ("ec2:DescribeAddresses", "route53:GetHealthCheck", "shield:*HealthCheck"): ("HealthCheckArns",),
        ("iam:GetRole", "shield:*ApplicationLayerAutomaticResponse"): (
            "ApplicationLayerAutomaticResponseConfiguration",
        ),
    },
    "AWS::Synthetics::Canary": {
        ("ec2:*",): ("VPCConfig",),
        ("kms:CreateGrant", "kms:Encrypt", "kms:GenerateDataKey*"): ("ArtifactConfig",),
        ("s3:CreateBucket", "s3:GetObject*", "s3:PutBucketEncryption", "s3:PutEncryptionConfiguration"): NEVER,
        ("synthetics:StartCanaryDryRun",): ("DryRunAndUpdate",),
        ("synthetics:StartCanary",): ("StartCanaryAfterCreation",),
    },
    "AWS::WAFv2::LoggingConfiguration": {("firehose:*", "s3:*"): NEVER},
}
"""Actions with which a handler makes, changes or deletes what only some properties ask for: type, actions, properties.

For `NEVER` no property of ours asks. Actions that read are not limited: a handler reads everything, asked for or not.
"""

WILDCARDS: Mapping[str, tuple[str, ...]] = {
    "autoscaling:Describe*": (
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeNotificationConfigurations",
        "autoscaling:DescribeScalingActivities",
        "autoscaling:DescribeTags",
    ),
    "ec2:Describe*": (
        "ec2:DescribeImages",
        "ec2:DescribeInstances",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
    ),
    "ec2:Get*": (),
    "elasticloadbalancing:Describe*": (
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
    ),
    "ssm:Get*": (),
}
"""Schemas say "Describe*" where a handler calls some of it: what those of our types can need. For `ec2:Get*` and
`ssm:Get*` that is nothing: they serve launch templates that look their image up in SSM, and fleets of Spot instances.
"""
