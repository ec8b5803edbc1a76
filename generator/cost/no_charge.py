"""Types of resources that AWS does not bill, or bills elsewhere: each with the reason.

What is not billed by itself is said by its service's pricing page, https://aws.amazon.com/<service>/pricing/.
"""

from __future__ import annotations

from collections.abc import Mapping

_IAM = "IAM is free"
_PART_OF_VPC = "parts of a VPC are free"
_PART_OF_CLOUDFRONT = "counted at the distribution"
_PART_OF_LOAD_BALANCER = "counted at the load balancer"
_RIGHTS = "a policy is free"
_BACKUPS_COUNTED = "backups are counted at the selection of the plan"
_MESSAGES_COUNTED = "messages are counted at the subscriptions; publishing is free up to a million a month"
_INCIDENTS_COUNTED = "counted at the response plan"

NO_CHARGE: Mapping[str, str] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "scaling is free; tasks are counted at their service",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "scaling is free; tasks are counted at their service",
    "AWS::AutoScaling::ScalingPolicy": "Auto Scaling is free; servers are counted at their group",
    "AWS::AutoScaling::ScheduledAction": "Auto Scaling is free; servers are counted at their group",
    "AWS::Backup::BackupPlan": _BACKUPS_COUNTED,
    "AWS::Backup::BackupVault": _BACKUPS_COUNTED,
    "AWS::Backup::RestoreTestingPlan": "tests are counted at the plan's selections",
    "AWS::Budgets::Budget": "budgets without actions are free",
    "AWS::CE::AnomalyMonitor": "anomaly detection is free",
    "AWS::CE::AnomalySubscription": "anomaly detection is free",
    "AWS::CertificateManager::Certificate": "public certificates that stay with AWS's services are free",
    "AWS::CloudFormation::Stack": "stacks of AWS's own resource types are free",
    "AWS::CloudFront::CachePolicy": _PART_OF_CLOUDFRONT,
    "AWS::CloudFront::Function": _PART_OF_CLOUDFRONT,
    "AWS::CloudFront::OriginAccessControl": _PART_OF_CLOUDFRONT,
    "AWS::CloudFront::OriginRequestPolicy": _PART_OF_CLOUDFRONT,
    "AWS::CloudFront::ResponseHeadersPolicy": _PART_OF_CLOUDFRONT,
    "AWS::CloudTrail::Trail": "the first trail of management events is free; its bucket and log group are counted",
    "AWS::CodeConnections::Connection": "connections are free",
    "AWS::CodeStarNotifications::NotificationRule": "notification rules are free",
    "AWS::EC2::CustomerGateway": "counted at the VPN connection",
    "AWS::EC2::FlowLog": "counted at the log group that takes it",
    "AWS::EC2::InternetGateway": _PART_OF_VPC,
    "AWS::EC2::LaunchTemplate": "servers are counted at their group",
    "AWS::EC2::NetworkAcl": _PART_OF_VPC,
    "AWS::EC2::NetworkAclEntry": _PART_OF_VPC,
    "AWS::EC2::Route": _PART_OF_VPC,
    "AWS::EC2::RouteTable": _PART_OF_VPC,
    "AWS::EC2::SecurityGroup": _PART_OF_VPC,
    "AWS::EC2::SecurityGroupEgress": _PART_OF_VPC,
    "AWS::EC2::SecurityGroupIngress": _PART_OF_VPC,
    "AWS::EC2::Subnet": _PART_OF_VPC,
    "AWS::EC2::SubnetNetworkAclAssociation": _PART_OF_VPC,
    "AWS::EC2::SubnetRouteTableAssociation": _PART_OF_VPC,
    "AWS::EC2::VPCGatewayAttachment": _PART_OF_VPC,
    "AWS::EC2::VPNConnectionRoute": "counted at the VPN connection",
    "AWS::EC2::VPNGateway": "counted at the VPN connection",
    "AWS::EFS::AccessPoint": "counted at the file system",
    "AWS::EFS::MountTarget": "counted at the file system",
    "AWS::ElasticLoadBalancingV2::Listener": _PART_OF_LOAD_BALANCER,
    "AWS::ElasticLoadBalancingV2::ListenerRule": _PART_OF_LOAD_BALANCER,
    "AWS::ElasticLoadBalancingV2::TargetGroup": _PART_OF_LOAD_BALANCER,
    "AWS::ECS::Cluster": "clusters are free; tasks are counted at their service",
    "AWS::ECS::ClusterCapacityProviderAssociations": "tasks are counted at their service",
    "AWS::ECS::TaskDefinition": "tasks are counted at their service",
    "AWS::Events::Rule": "events of AWS's own services are free",
    "AWS::IAM::Group": _IAM,
    "AWS::IAM::InstanceProfile": _IAM,
    "AWS::IAM::ManagedPolicy": _IAM,
    "AWS::IAM::OIDCProvider": _IAM,
    "AWS::IAM::Policy": _IAM,
    "AWS::IAM::Role": _IAM,
    "AWS::IAM::User": _IAM,
    "AWS::KMS::Alias": "counted at the key",
    "AWS::Logs::ResourcePolicy": _RIGHTS,
    "AWS::RDS::DBParameterGroup": "counted at the database",
    "AWS::RDS::DBSubnetGroup": "counted at the database",
    "AWS::RDS::EventSubscription": _MESSAGES_COUNTED,
    "AWS::ResourceGroups::Group": "resource groups are free",
    "AWS::Route53::RecordSet": "the zone is given; queries of alias records of AWS's own resources are free",
    "AWS::S3::BucketPolicy": _RIGHTS,
    "AWS::SNS::Topic": _MESSAGES_COUNTED,
    "AWS::SNS::TopicPolicy": _RIGHTS,
    "AWS::SSM::Document": "documents of Session Manager are free",
    "AWS::SSMContacts::Contact": _INCIDENTS_COUNTED,
    "AWS::SSMContacts::ContactChannel": _INCIDENTS_COUNTED,
    "AWS::SSMContacts::Plan": _INCIDENTS_COUNTED,
    "AWS::SSMContacts::Rotation": _INCIDENTS_COUNTED,
    "AWS::Scheduler::ScheduleGroup": "counted at its schedules",
    "AWS::SecretsManager::ResourcePolicy": _RIGHTS,
    "AWS::SecretsManager::SecretTargetAttachment": "counted at the secret",
    "AWS::WAFv2::LoggingConfiguration": "counted at the log group that takes it",
    "AWS::WAFv2::WebACLAssociation": "counted at the web ACL",
    "AWS::XRay::SamplingRule": "traces are counted at their group",
}
