"""The promises bite: each claim holds on the templates as they are, and fails once what it protects is broken."""

from __future__ import annotations

import pytest

from tests import (
    access_claims,
    alarm_claims,
    alarm_mutations,
    claims,
    container_claims,
    container_mutations,
    fleet_claims,
    fleet_mutations,
    pipeline_claims,
    recovery_claims,
)
from tests.intrinsics import Templates
from tests.template_mutations import (
    Claim,
    Mutation,
    add,
    assert_noticed,
    claims_of,
    drop,
    put,
    refuse_tls_no_more,
    replace_in_script,
    replace_text,
    swap,
)

CLAIMS = claims_of(
    claims, access_claims, alarm_claims, container_claims, fleet_claims, pipeline_claims, recovery_claims
)

ANYWHERE = "0.0.0.0/0"


LAUNCH = "web_tier/LaunchTemplate/LaunchTemplateData"
GREEN_LAUNCH = "web_tier/GreenLaunchTemplate/LaunchTemplateData"
PUBLIC_SUBNETS = {"Fn::GetAtt": ["Network", "Outputs.PublicSubnetIds"]}
STAGES = "pipeline/Pipeline/Stages"
STAGING, REGIONAL_TEST, REVIEW, PROD = (f"{STAGES}/{index}" for index in (3, 4, 5, 6))
KEY_STATEMENTS = "tools_account/ArtifactKey/KeyPolicy/Statement"
REPOSITORY_STATEMENTS = "tools_account/ApplicationRepository/RepositoryPolicyText/Statement"
APPROVER = "pipeline/ApproverRole"
APPROVER_RIGHTS = f"{APPROVER}/Policies/0/PolicyDocument/Statement"
ACCESS_LOGS = "tools_account/AccessLogBucketPolicy/PolicyDocument/Statement/1"
OF_STRANGERS = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::444444444444:root"}}
WORKLOAD = "boundaries/WorkloadBoundary/PolicyDocument/Statement"
DELIVERY = "boundaries/DeliveryBoundary/PolicyDocument/Statement"
OPERATOR_GROUP = "access/OperatorGroup/Policies/0/PolicyDocument/Statement"
OPERATOR_TRUST = "access/OperatorRole/AssumeRolePolicyDocument/Statement/0"
OPERATOR = "access/OperatorRole/Policies"
OPERATOR_SESSIONS = f"{OPERATOR}/2/Fn::If/1/PolicyDocument/Statement"
BASTION = "access/BastionLaunchTemplate/LaunchTemplateData"
PUBLISHER_TRUST = "access/PublisherRole/AssumeRolePolicyDocument/Statement/0"
WEB_SERVER_GROUP = {"Fn::GetAtt": ["Security", "Outputs.WebServerGroupId"]}

MUTATIONS = [
    Mutation(
        "a public subnet hands out addresses",
        put("network/PublicSubnetA/MapPublicIpOnLaunch", True),
        claims.check_no_subnet_maps_public_addresses,
    ),
    Mutation(
        "two subnets get the same range",
        put("network/PrivateSubnetB/CidrBlock/Fn::Select/0", "1"),
        claims.check_subnets_do_not_overlap,
    ),
    Mutation(
        "isolated subnets get a route to the internet",
        add(
            "network/IsolatedDefaultRoute",
            "AWS::EC2::Route",
            RouteTableId={"Ref": "IsolatedRouteTable"},
            DestinationCidrBlock=ANYWHERE,
            GatewayId={"Ref": "InternetGateway"},
        ),
        claims.check_isolated_tier_has_no_way_out,
    ),
    Mutation(
        "an isolated subnet moves to a table with a NAT gateway",
        put("network/IsolatedSubnetARouteTable/RouteTableId", {"Ref": "PrivateRouteTableA"}),
        claims.check_isolated_tier_has_no_way_out,
    ),
    Mutation(
        "an isolated subnet falls back to the main table",
        drop("network/IsolatedSubnetBRouteTable"),
        claims.check_isolated_tier_has_no_way_out,
    ),
    Mutation(
        "a private subnet moves to the public table",
        put("network/PrivateSubnetARouteTable/RouteTableId", {"Ref": "PublicRouteTable"}),
        claims.check_private_tier_leaves_through_nat_only,
    ),
    Mutation(
        "a private table gets the internet gateway",
        put("network/PublicDefaultRoute/RouteTableId", {"Ref": "PrivateRouteTableB"}),
        claims.check_private_tier_leaves_through_nat_only,
    ),
    Mutation(
        "replies of the database are not let out",
        drop("network/IsolatedAclOutReplies"),
        claims.check_acl_requests_have_replies,
    ),
    Mutation(
        "replies to web servers are let in from the VPC only",
        put("network/PrivateAclInReplies/CidrBlock", {"Ref": "VpcCidr"}),
        claims.check_acl_requests_have_replies,
    ),
    Mutation(
        "web servers do not reach the file system",
        drop("network/IsolatedAclInFiles"),
        claims.check_acls_admit_what_the_platform_needs,
    ),
    Mutation(
        "clients do not reach the load balancer",
        drop("network/PublicAclInHttps"),
        claims.check_acls_admit_clients_and_the_way_out,
    ),
    Mutation(
        "the database answers a bastion that is not there",
        drop("network/IsolatedAclOutBastionReplies/.Condition"),
        claims.check_isolated_acl_knows_the_vpc_only,
    ),
    Mutation(
        "the database hears from everywhere",
        put("network/IsolatedAclInDatabase/CidrBlock", ANYWHERE),
        claims.check_isolated_acl_knows_the_vpc_only,
    ),
    Mutation(
        "accepted traffic is not logged",
        put("network/FlowLog/TrafficType", "REJECT"),
        claims.check_flow_logs_see_all_traffic,
    ),
    Mutation(
        "web servers are open to the internet",
        add(
            "security/WebServerInHttps",
            "AWS::EC2::SecurityGroupIngress",
            GroupId={"Fn::GetAtt": ["WebServerGroup", "GroupId"]},
            CidrIp=ANYWHERE,
            IpProtocol="tcp",
            FromPort=443,
            ToPort=443,
        ),
        claims.check_only_the_load_balancer_faces_the_internet,
    ),
    Mutation(
        "half of the internet reaches the database",
        put("security/DatabaseInWebServerPostgreSql/CidrIp", "0.0.0.0/1"),
        claims.check_only_the_load_balancer_faces_the_internet,
    ),
    Mutation(
        "the load balancer opens all ports",
        put("security/LoadBalancerInHttps/FromPort", 0),
        claims.check_only_the_load_balancer_faces_the_internet,
    ),
    Mutation(
        "the load balancer opens port 80 to CloudFront",
        put("security/LoadBalancerInCloudFront/FromPort", 80),
        claims.check_only_the_load_balancer_faces_the_internet,
    ),
    Mutation(
        "web servers are open to CloudFront",
        put("security/LoadBalancerInCloudFront/GroupId", {"Fn::GetAtt": ["WebServerGroup", "GroupId"]}),
        claims.check_only_the_load_balancer_faces_the_internet,
    ),
    Mutation(
        "the load balancer stays open to everybody behind CloudFront",
        drop("security/LoadBalancerInHttps/.Condition"),
        claims.check_the_load_balancer_is_open_to_whom_the_environment_says,
    ),
    Mutation(
        "CloudFront's addresses are replaced by everybody's",
        put("security/LoadBalancerInCloudFront/CidrIp", ANYWHERE),
        claims.check_the_load_balancer_is_open_to_whom_the_environment_says,
    ),
    Mutation(
        "a rule lost its other half",
        drop("security/WebServerOutFileSystemNfs"),
        claims.check_rules_between_groups_come_in_pairs,
    ),
    Mutation(
        "a pair disagrees about the port",
        put("security/DatabaseInWebServerPostgreSql/ToPort", 5433),
        claims.check_rules_between_groups_come_in_pairs,
    ),
    Mutation(
        "EC2 adds its rule that lets everything out",
        put("security/DatabaseGroup/SecurityGroupEgress", []),
        claims.check_groups_let_nothing_out_by_themselves,
    ),
    Mutation(
        "SSH is open without being asked for",
        drop("security/BastionInSsh/.Condition"),
        claims.check_ssh_is_open_to_operators_only_and_where_asked_for,
    ),
    Mutation("a key never rotates", put("encryption/DataKey/EnableKeyRotation", False), claims.check_keys_rotate),
    Mutation(
        "administrators decrypt",
        put("encryption/DataKey/KeyPolicy/Statement/0/Action/0", "kms:Decrypt"),
        claims.check_key_administrators_cannot_decrypt,
    ),
    Mutation(
        "the database is not encrypted",
        put("database/Database/StorageEncrypted", False),
        claims.check_database_is_encrypted,
    ),
    Mutation(
        "the database uses the account's default key",
        drop("database/Database/KmsKeyId"),
        claims.check_database_is_encrypted,
    ),
    Mutation(
        "the replica is public",
        put("database/ReadReplica/PubliclyAccessible", True),
        claims.check_database_is_private,
    ),
    Mutation(
        "the database stands in the default VPC",
        drop("database/Database/DBSubnetGroupName"),
        claims.check_database_is_private,
    ),
    Mutation(
        "connections without TLS are let in",
        put("database/DatabaseParameters/Parameters/rds.force_ssl", "0"),
        claims.check_database_demands_tls,
    ),
    Mutation(
        "backups are shortened",
        put("database/Database/BackupRetentionPeriod", 1),
        claims.check_backups_of_a_week_outlive_the_database,
    ),
    Mutation(
        "backups are deleted with the database",
        drop("database/Database/DeleteAutomatedBackups"),
        claims.check_backups_of_a_week_outlive_the_database,
    ),
    Mutation(
        "the password is managed and generated",
        put("database/Database/ManageMasterUserPassword", True),
        claims.check_master_password_is_managed_or_generated_and_never_both,
    ),
    Mutation(
        "the password stands in the template",
        put("database/Database/MasterUserPassword", "correct-horse-battery-staple"),
        claims.check_master_password_is_managed_or_generated_and_never_both,
    ),
    Mutation(
        "the session table is not encrypted with our key",
        drop("storage/SessionTable/SSESpecification"),
        claims.check_session_table_is_encrypted_and_recoverable,
    ),
    Mutation(
        "the file system is not encrypted",
        put("storage/FileSystem/Encrypted", False),
        claims.check_file_system_is_encrypted_and_backed_up,
    ),
    Mutation(
        "the root of the file system can be mounted",
        drop("storage/FileSystem/FileSystemPolicy/Statement/0/Condition/ArnLike"),
        claims.check_file_system_is_mounted_through_an_access_point,
    ),
    Mutation(
        "containers mount what they like",
        drop("storage/TasksUseStorage/PolicyDocument/Statement/1/Condition"),
        claims.check_file_system_is_mounted_through_an_access_point,
    ),
    Mutation(
        "web servers mount what they like",
        drop("storage/UseStorage/PolicyDocument/Statement/1/Condition"),
        claims.check_file_system_is_mounted_through_an_access_point,
    ),
    Mutation(
        "the file system is mounted without TLS",
        refuse_tls_no_more("storage/FileSystem/FileSystemPolicy/Statement"),
        claims.check_file_system_demands_tls,
    ),
    Mutation(
        "the release bucket is not encrypted",
        drop("storage/ReleaseBucket/BucketEncryption"),
        claims.check_buckets_are_encrypted,
    ),
    Mutation(
        "a bucket may become public",
        put("storage/LogBucket/PublicAccessBlockConfiguration/BlockPublicPolicy", False),
        claims.check_buckets_are_private_and_versioned,
    ),
    Mutation(
        "a bucket is read without TLS",
        refuse_tls_no_more("storage/ReleaseBucketPolicy/PolicyDocument/Statement"),
        claims.check_buckets_demand_tls,
    ),
    Mutation(
        "HTTP is served instead of redirected",
        put("ingress/HttpListener/DefaultActions/0", {"Type": "fixed-response"}),
        claims.check_http_is_redirected_to_https,
    ),
    Mutation(
        "the redirect is temporary",
        put("ingress/HttpListener/DefaultActions/0/RedirectConfig/StatusCode", "HTTP_302"),
        claims.check_http_is_redirected_to_https,
    ),
    Mutation(
        "the load balancer accepts TLS 1.0",
        put("ingress/HttpsListener/SslPolicy", "ELBSecurityPolicy-2016-08"),
        claims.check_tls_is_1_2_or_higher,
    ),
    Mutation(
        "web servers accept TLS 1.1",
        replace_in_script("ssl_protocols TLSv1.2", "ssl_protocols TLSv1.1 TLSv1.2"),
        claims.check_tls_is_1_2_or_higher,
    ),
    Mutation(
        "invalid headers are forwarded",
        put("ingress/LoadBalancer/LoadBalancerAttributes/6/Value", "false"),
        claims.check_load_balancer_refuses_malformed_requests_and_keeps_logs,
    ),
    Mutation(
        "access logs go where the bucket refuses them",
        put("ingress/LoadBalancer/LoadBalancerAttributes/2/Value", "alb"),
        claims.check_load_balancer_refuses_malformed_requests_and_keeps_logs,
    ),
    Mutation(
        "web servers get a public address",
        put(f"{LAUNCH}/NetworkInterfaces/0/AssociatePublicIpAddress", True),
        claims.check_servers_have_no_public_address,
    ),
    Mutation(
        "green web servers get a public address",
        put(f"{GREEN_LAUNCH}/NetworkInterfaces/0/AssociatePublicIpAddress", True),
        claims.check_servers_have_no_public_address,
    ),
    Mutation(
        "the instance metadata answers without a token",
        put(f"{LAUNCH}/MetadataOptions/HttpTokens", "optional"),
        claims.check_metadata_is_served_with_tokens_only,
    ),
    Mutation("servers have an SSH key", put(f"{LAUNCH}/KeyName", "operators"), claims.check_servers_have_no_ssh_key),
    Mutation(
        "volumes are not encrypted",
        put(f"{LAUNCH}/BlockDeviceMappings/0/Ebs/Encrypted", False),
        claims.check_volumes_are_encrypted,
    ),
    Mutation(
        "web servers stand in public subnets",
        put("platform/WebTier/Parameters/PrivateSubnetIds", PUBLIC_SUBNETS),
        claims.check_each_value_comes_from_where_its_name_says,
    ),
    Mutation(
        "the database gets the web servers' security group",
        put("platform/Database/Parameters/DatabaseGroupId", WEB_SERVER_GROUP),
        claims.check_each_value_comes_from_where_its_name_says,
    ),
    Mutation(
        "web servers start before there is a way out",
        drop("platform/WebTier/.DependsOn"),
        claims.check_web_tier_waits_for_the_way_out,
    ),
    Mutation(
        "logs are kept for a day",
        put("web_tier/WebServerLogGroup/RetentionInDays", 1),
        claims.check_logs_are_encrypted_and_kept_a_week,
    ),
    Mutation(
        "flow logs are not encrypted",
        drop("network/FlowLogGroup/KmsKeyId"),
        claims.check_logs_are_encrypted_and_kept_a_week,
    ),
    Mutation(
        "the session table goes with its stack",
        drop("storage/SessionTable/.DeletionPolicy"),
        claims.check_data_outlives_its_stack,
    ),
    Mutation(
        "a replaced database leaves no snapshot",
        drop("database/Database/.UpdateReplacePolicy"),
        claims.check_data_outlives_its_stack,
    ),
    Mutation(
        "the third subnet is expected with two zones",
        drop("network/PrivateSubnetCRouteTable/.Condition"),
        claims.check_nothing_refers_to_what_may_be_absent,
    ),
    Mutation(
        "web servers may do anything with the session table",
        put("storage/UseStorage/PolicyDocument/Statement/0/Action", ["dynamodb:*"]),
        claims.check_identity_policies_name_what_they_allow,
    ),
    Mutation(
        "web servers may read every secret",
        put("database/UseDatabase/PolicyDocument/Statement/1/Resource", ["*"]),
        claims.check_identity_policies_name_what_they_allow,
    ),
    Mutation(
        "web servers are watched every five minutes",
        put(f"{LAUNCH}/Monitoring/Enabled", False),
        claims.check_servers_are_monitored_in_detail,
    ),
    # Access, identity and boundaries
    Mutation(
        "everybody in the VPC reaches the bastion's psql",
        add(
            "security/BastionInPostgreSql",
            "AWS::EC2::SecurityGroupIngress",
            GroupId={"Fn::GetAtt": ["BastionGroup", "GroupId"]},
            CidrIp={"Ref": "VpcCidr"},
            IpProtocol="tcp",
            FromPort=5432,
            ToPort=5432,
        ),
        claims.check_the_bastion_accepts_nothing_but_ssh_where_asked_for,
    ),
    Mutation(
        "SSH comes through a VPN that Session Manager needs not",
        put("security/BastionInVpnSsh/.Condition", "HasBastion"),
        claims.check_ssh_is_open_to_operators_only_and_where_asked_for,
    ),
    Mutation(
        "a role has no boundary",
        drop("database/MonitoringRole/PermissionsBoundary"),
        access_claims.check_every_role_and_user_has_the_boundary_of_its_kind,
    ),
    Mutation(
        "a build is bounded as a workload",
        replace_text("pipeline/BuildRole/PermissionsBoundary/Fn::Sub", "delivery", "workload"),
        access_claims.check_every_role_and_user_has_the_boundary_of_its_kind,
    ),
    Mutation(
        "the operators' user has no boundary",
        drop("access/OperatorUser/PermissionsBoundary"),
        access_claims.check_every_role_and_user_has_the_boundary_of_its_kind,
    ),
    Mutation(
        "roles name a boundary that is not there",
        put("boundaries/WorkloadBoundary/ManagedPolicyName", "web-platform-workloads"),
        access_claims.check_boundaries_have_the_names_that_roles_give,
    ),
    Mutation(
        "workloads use what belongs to others",
        drop(f"{WORKLOAD}/0/Condition/StringEqualsIfExists"),
        access_claims.check_workloads_stay_in_their_account_and_away_from_iam,
    ),
    Mutation(
        "the workload boundary lets everything through",
        put(f"{WORKLOAD}/0/Action", ["*"]),
        access_claims.check_workloads_stay_in_their_account_and_away_from_iam,
    ),
    Mutation(
        "a key's policy lets a workload widen it",
        put(f"{WORKLOAD}/1/Action", ["iam:*", "organizations:*", "sts:AssumeRole*"]),
        access_claims.check_workloads_stay_in_their_account_and_away_from_iam,
    ),
    Mutation(
        "web servers get a right that their boundary takes away",
        put("storage/UseStorage/PolicyDocument/Statement/2/Action", ["s3:GetObject", "s3:DeleteObject"]),
        access_claims.check_what_the_platforms_roles_may_do_is_within_their_boundary,
    ),
    Mutation(
        "users assume roles without MFA",
        drop("boundaries/OperatorBoundary/PolicyDocument/Statement/1/Condition"),
        access_claims.check_users_reach_themselves_and_roles_with_mfa,
    ),
    Mutation(
        "users assume roles that deliver",
        put("boundaries/OperatorBoundary/PolicyDocument/Statement/2/Resource", []),
        access_claims.check_users_reach_themselves_and_roles_with_mfa,
    ),
    Mutation(
        "users care for others' devices",
        put("boundaries/OperatorBoundary/PolicyDocument/Statement/0/Resource", ["*"]),
        access_claims.check_users_reach_themselves_and_roles_with_mfa,
    ),
    Mutation(
        "deployments make roles without a boundary",
        drop(f"{DELIVERY}/5"),
        access_claims.check_delivery_cannot_leave_its_border,
    ),
    Mutation(
        "deployments make users with the boundary of machines",
        replace_text(f"{DELIVERY}/6/Condition/StringNotEquals/iam:PermissionsBoundary/Fn::Sub", "operator", "workload"),
        access_claims.check_delivery_cannot_leave_its_border,
    ),
    Mutation(
        "deployments write a new version of their boundary",
        put(f"{DELIVERY}/3/Action", ["iam:CreateAccessKey", "organizations:*", "account:*"]),
        access_claims.check_delivery_cannot_leave_its_border,
    ),
    Mutation(
        "deployments change the role that they are made with",
        put(f"{DELIVERY}/4/Resource", []),
        access_claims.check_delivery_cannot_leave_its_border,
    ),
    Mutation(
        "deployments act in every region",
        put(f"{DELIVERY}/0/Condition", {"StringEquals": {}}),
        access_claims.check_delivery_cannot_leave_its_border,
    ),
    Mutation(
        "the operators' user gets an access key",
        add("access/OperatorKey", "AWS::IAM::AccessKey", UserName={"Ref": "OperatorUser"}),
        access_claims.check_nobody_gets_a_key_or_a_password,
    ),
    Mutation(
        "the operators' user gets a password",
        put("access/OperatorUser/LoginProfile", {"Password": {"Ref": "EnvironmentName"}}),
        access_claims.check_nobody_gets_a_key_or_a_password,
    ),
    Mutation(
        "the operators' role is assumed with a password alone",
        drop(f"{OPERATOR_GROUP}/0/Condition"),
        access_claims.check_an_operators_user_may_only_become_operator,
    ),
    Mutation(
        "the operators' user assumes every role",
        put(f"{OPERATOR_GROUP}/0/Resource", ["*"]),
        access_claims.check_an_operators_user_may_only_become_operator,
    ),
    Mutation(
        "a stolen password takes the device away",
        drop(f"{OPERATOR_GROUP}/3/Condition"),
        access_claims.check_an_operators_user_may_only_become_operator,
    ),
    Mutation(
        "a user looks at others",
        put(f"{OPERATOR_GROUP}/1/Resource", ["*"]),
        access_claims.check_an_operators_user_may_only_become_operator,
    ),
    Mutation(
        "the operators' role asks for no MFA",
        drop("access/OperatorRole/AssumeRolePolicyDocument/Statement/0/Condition"),
        access_claims.check_operators_show_their_device_within_the_hour,
    ),
    Mutation(
        "MFA of last week is enough",
        put(f"{OPERATOR_TRUST}/Condition/NumericLessThan/aws:MultiFactorAuthAge", "604800"),
        access_claims.check_operators_show_their_device_within_the_hour,
    ),
    Mutation(
        "operators stop what runs",
        put(f"{OPERATOR}/1/PolicyDocument/Statement/0/Action", ["ec2:TerminateInstances"]),
        access_claims.check_operators_change_no_resource,
    ),
    Mutation(
        "operators read secrets",
        put(f"{OPERATOR}/0/PolicyDocument/Statement/5/Action", ["secretsmanager:GetSecretValue"]),
        access_claims.check_operators_change_no_resource,
    ),
    Mutation(
        "operators read the logs of the whole account",
        put(
            f"{OPERATOR}/0/PolicyDocument/Statement/3/Resource/0/Fn::Sub",
            "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:*",
        ),
        access_claims.check_operators_reach_their_environment_alone,
    ),
    Mutation(
        "operators enter every machine",
        drop(f"{OPERATOR_SESSIONS}/0/Condition/StringEquals"),
        access_claims.check_sessions_are_on_the_bastion_and_recorded,
    ),
    Mutation(
        "the account's default document opens a session that is not recorded",
        drop(f"{OPERATOR_SESSIONS}/0/Condition/BoolIfExists"),
        access_claims.check_sessions_are_on_the_bastion_and_recorded,
    ),
    Mutation(
        "any document opens a session",
        put(f"{OPERATOR_SESSIONS}/1/Resource/0/Fn::Sub", "arn:${AWS::Partition}:ssm:${AWS::Region}::document/*"),
        access_claims.check_sessions_are_on_the_bastion_and_recorded,
    ),
    Mutation(
        "sessions are not recorded",
        drop("access/SessionDocument/Content/inputs/cloudWatchLogGroupName"),
        access_claims.check_sessions_are_on_the_bastion_and_recorded,
    ),
    Mutation(
        "sessions are not encrypted",
        drop("access/SessionDocument/Content/inputs/kmsKeyId"),
        access_claims.check_sessions_are_on_the_bastion_and_recorded,
    ),
    Mutation(
        "the bastion is called otherwise than operators look for it",
        put(f"{BASTION}/TagSpecifications/0/Tags/0/Value", {"Fn::Sub": "web-platform-${EnvironmentName}-jump-host"}),
        access_claims.check_the_name_that_operators_may_enter_is_the_bastions,
    ),
    Mutation(
        "operators bring their key to any machine",
        drop(f"{OPERATOR}/3/Fn::If/1/PolicyDocument/Statement/0/Condition"),
        access_claims.check_the_name_that_operators_may_enter_is_the_bastions,
    ),
    Mutation(
        "the bastion of Session Manager has a public address",
        put(f"{BASTION}/NetworkInterfaces/0/AssociatePublicIpAddress", True),
        access_claims.check_the_bastion_stands_where_its_mode_says,
    ),
    Mutation(
        "the bastion always stands in public",
        put("access/Bastion/VPCZoneIdentifier", {"Ref": "PublicSubnetIds"}),
        access_claims.check_the_bastion_stands_where_its_mode_says,
    ),
    Mutation(
        "there is a bastion that nobody asked for",
        drop("access/Bastion/.Condition"),
        access_claims.check_the_bastion_stands_where_its_mode_says,
    ),
    Mutation(
        "the bastion's metadata answers without a token",
        put(f"{BASTION}/MetadataOptions/HttpTokens", "optional"),
        claims.check_metadata_is_served_with_tokens_only,
    ),
    Mutation(
        "the bastion has an SSH key", put(f"{BASTION}/KeyName", "operators"), claims.check_servers_have_no_ssh_key
    ),
    Mutation(
        "the bastion reads secrets",
        put("access/BastionRole/Policies/0/PolicyDocument/Statement/0/Action/0", "secretsmanager:GetSecretValue"),
        access_claims.check_the_bastion_has_the_rights_of_its_mode,
    ),
    Mutation(
        "web servers wait for the bastion",
        put("platform/WebTier/.DependsOn", ["Egress", "Access"]),
        access_claims.check_nothing_of_the_platform_waits_for_access,
    ),
    Mutation(
        "who was on the bastion is forgotten after a week",
        put("access/AccessLogGroup/RetentionInDays", 7),
        claims.check_logs_are_encrypted_and_kept_a_week,
    ),
    Mutation(
        "there is a VPN that nobody asked for",
        drop("access/VpnGateway/.Condition"),
        access_claims.check_what_is_not_asked_for_is_not_there,
    ),
    Mutation(
        "the VPN speaks IKEv1",
        put("access/VpnConnection/VpnTunnelOptionsSpecifications/1/IKEVersions/0/Value", "ikev1"),
        access_claims.check_the_vpn_speaks_strong_algorithms_only,
    ),
    Mutation(
        "a tunnel takes every algorithm",
        drop("access/VpnConnection/VpnTunnelOptionsSpecifications/1"),
        access_claims.check_the_vpn_speaks_strong_algorithms_only,
    ),
    Mutation(
        "the tunnels' key stands in the template",
        put("access/VpnConnection/VpnTunnelOptionsSpecifications/0/PreSharedKey", "correct_horse_battery"),
        access_claims.check_the_vpn_speaks_strong_algorithms_only,
    ),
    Mutation(
        "everything goes through the VPN",
        put("access/PrivateAVpnRoute/DestinationCidrBlock", ANYWHERE),
        access_claims.check_the_vpn_leads_to_public_and_private_subnets_only,
    ),
    Mutation(
        "the VPN leads to another table",
        add(
            "access/IsolatedVpnRoute",
            "AWS::EC2::Route",
            RouteTableId={"Ref": "IsolatedRouteTableId"},
            DestinationCidrBlock={"Ref": "VpnCidr"},
            GatewayId={"Ref": "VpnGateway"},
        ),
        access_claims.check_the_vpn_leads_to_public_and_private_subnets_only,
    ),
    Mutation(
        "every workflow of the Git host publishes",
        drop(f"{PUBLISHER_TRUST}/Condition/StringEquals/token.actions.githubusercontent.com:sub"),
        access_claims.check_only_the_named_workflow_publishes,
    ),
    Mutation(
        "tokens for others are accepted",
        drop(f"{PUBLISHER_TRUST}/Condition/StringEquals/token.actions.githubusercontent.com:aud"),
        access_claims.check_only_the_named_workflow_publishes,
    ),
    Mutation(
        "the workflow writes to every bucket",
        put("access/PublisherRole/Policies/0/PolicyDocument/Statement/0/Resource", ["*"]),
        access_claims.check_only_the_named_workflow_publishes,
    ),
    # The pipeline
    Mutation(
        "emergencies last",
        put("target_account/BreakGlassRole/MaxSessionDuration", 43200),
        pipeline_claims.check_target_roles_are_for_the_tools_account_alone,
    ),
    Mutation(
        "emergencies need no MFA",
        drop("target_account/BreakGlassRole/AssumeRolePolicyDocument/Statement/0/Condition"),
        pipeline_claims.check_target_roles_are_for_the_tools_account_alone,
    ),
    Mutation(
        "production is approved without MFA",
        drop(f"{APPROVER}/AssumeRolePolicyDocument/Statement/0/Condition"),
        pipeline_claims.check_people_with_mfa_alone_approve_production,
    ),
    Mutation(
        "production is approved with last week's MFA",
        put(
            f"{APPROVER}/AssumeRolePolicyDocument/Statement/0/Condition/NumericLessThan/aws:MultiFactorAuthAge",
            "604800",
        ),
        pipeline_claims.check_people_with_mfa_alone_approve_production,
    ),
    Mutation(
        "approvers are approvers all day",
        put(f"{APPROVER}/MaxSessionDuration", 43200),
        pipeline_claims.check_people_with_mfa_alone_approve_production,
    ),
    Mutation(
        "whoever is named, this account's people approve",
        put(
            f"{APPROVER}/AssumeRolePolicyDocument/Statement/0/Principal/AWS", {"Fn::Sub": pipeline_claims.THIS_ACCOUNT}
        ),
        pipeline_claims.check_people_with_mfa_alone_approve_production,
    ),
    Mutation(
        "approvers answer for every action",
        put(f"{APPROVER_RIGHTS}/3/Resource/0/Fn::Sub", "arn:${AWS::Partition}:codepipeline:*:${AWS::AccountId}:*"),
        pipeline_claims.check_people_with_mfa_alone_approve_production,
    ),
    Mutation(
        "approvers start the pipeline too",
        put(f"{APPROVER_RIGHTS}/0/Action/0", "codepipeline:StartPipelineExecution"),
        pipeline_claims.check_people_with_mfa_alone_approve_production,
    ),
    Mutation(
        "the review approves itself",
        put(
            "pipeline/ChangeReportRole/Policies/0/PolicyDocument/Statement/1/Action/0", "codepipeline:PutApprovalResult"
        ),
        pipeline_claims.check_people_with_mfa_alone_approve_production,
    ),
    Mutation(
        "approvers read every release",
        put(f"{APPROVER_RIGHTS}/1/Resource/0/Fn::Sub", "arn:${AWS::Partition}:s3:::${TemplateBucketName}/*"),
        pipeline_claims.check_people_with_mfa_alone_approve_production,
    ),
    Mutation(
        "the artifacts' key never rotates",
        put("tools_account/ArtifactKey/EnableKeyRotation", False),
        claims.check_keys_rotate,
    ),
    Mutation(
        "whoever administers the tools account reads artifacts",
        drop(f"{KEY_STATEMENTS}/3/Condition"),
        claims.check_key_administrators_cannot_decrypt,
    ),
    Mutation(
        "a grant gives anybody the use of the artifacts' key",
        drop(f"{KEY_STATEMENTS}/1"),
        claims.check_grants_on_keys_are_for_aws_alone,
    ),
    Mutation(
        "nobody knows who read a release",
        drop("tools_account/TemplateBucket/LoggingConfiguration"),
        pipeline_claims.check_every_use_of_the_stores_is_logged,
    ),
    Mutation(
        "the use of releases is logged as that of artifacts",
        put("tools_account/TemplateBucket/LoggingConfiguration/LogFilePrefix", "artifact-bucket/"),
        pipeline_claims.check_every_use_of_the_stores_is_logged,
    ),
    Mutation(
        "the log of the source's use is not taken",
        drop(f"{ACCESS_LOGS}/Condition/ArnLike/aws:SourceArn/2"),
        pipeline_claims.check_every_use_of_the_stores_is_logged,
    ),
    Mutation(
        "another account's buckets are logged here",
        drop(f"{ACCESS_LOGS}/Condition"),
        pipeline_claims.check_every_use_of_the_stores_is_logged,
    ),
    Mutation(
        "the pipeline keeps artifacts among the releases",
        put("tools_account/Outputs/ArtifactBucketName/Value", {"Ref": "TemplateBucket"}),
        pipeline_claims.check_pipeline_and_environments_get_what_the_tools_account_keeps,
    ),
    Mutation(
        "the key is not given out",
        drop("tools_account/Outputs/ArtifactKeyArn"),
        pipeline_claims.check_pipeline_and_environments_get_what_the_tools_account_keeps,
    ),
    Mutation(
        "artifacts are encrypted with S3's own key",
        put("tools_account/ArtifactBucket/BucketEncryption", {"ServerSideEncryptionConfiguration": []}),
        claims.check_buckets_are_encrypted,
    ),
    Mutation(
        "releases are overwritten without a trace",
        put("tools_account/TemplateBucket/VersioningConfiguration/Status", "Suspended"),
        claims.check_buckets_are_private_and_versioned,
    ),
    Mutation(
        "artifacts are read without TLS",
        refuse_tls_no_more("tools_account/ArtifactBucketPolicy/PolicyDocument/Statement"),
        claims.check_buckets_demand_tls,
    ),
    Mutation(
        "the source bucket's policy is there without its bucket",
        drop("tools_account/SourceBucketPolicy/.Condition"),
        claims.check_buckets_demand_tls,
    ),
    Mutation(
        "builds log without encryption",
        drop("pipeline/BuildLogGroup/KmsKeyId"),
        claims.check_logs_are_encrypted_and_kept_a_week,
    ),
    Mutation(
        "releases go with the tools account's stack",
        drop("tools_account/TemplateBucket/.DeletionPolicy"),
        claims.check_data_outlives_its_stack,
    ),
    Mutation(
        "where a repository is given, S3 logs the use of a source bucket",
        put(f"{ACCESS_LOGS}/Condition/ArnLike/aws:SourceArn/2", {"Fn::GetAtt": ["SourceBucket", "Arn"]}),
        claims.check_nothing_refers_to_what_may_be_absent,
    ),
    Mutation(
        "the pipeline may assume any role",
        put("pipeline/PipelineRole/Policies/0/PolicyDocument/Statement/4/Resource", ["*"]),
        claims.check_identity_policies_name_what_they_allow,
    ),
    Mutation(
        "a newer release overtakes an older one",
        put("pipeline/Pipeline/ExecutionMode", "PARALLEL"),
        pipeline_claims.check_executions_never_overtake_each_other,
    ),
    Mutation(
        "a push starts nothing",
        drop("pipeline/Pipeline/Triggers"),
        pipeline_claims.check_a_new_source_starts_the_pipeline,
    ),
    Mutation(
        "pushes to every branch are promoted",
        put("pipeline/Pipeline/Triggers/Fn::If/1/0/GitConfiguration/Push/0/Branches/Includes", ["*"]),
        pipeline_claims.check_a_new_source_starts_the_pipeline,
    ),
    Mutation(
        "an upload is told to nobody",
        drop("tools_account/SourceBucket/NotificationConfiguration"),
        pipeline_claims.check_a_new_source_starts_the_pipeline,
    ),
    Mutation(
        "the upload of another object is waited for",
        put("pipeline/SourceUploaded/EventPattern/detail/object/key", ["main.zip"]),
        pipeline_claims.check_a_new_source_starts_the_pipeline,
    ),
    Mutation(
        "an upload starts another pipeline",
        put("pipeline/StartRole/Policies/0/PolicyDocument/Statement/0/Resource", ["arn:another"]),
        pipeline_claims.check_a_new_source_starts_the_pipeline,
    ),
    Mutation(
        "a deployment reads an artifact that it does not get",
        put(f"{PROD}/Actions/0/InputArtifacts/0/Name", "Source"),
        pipeline_claims.check_artifacts_come_from_earlier_actions,
    ),
    Mutation(
        "the release is deployed before it is built",
        swap(f"{STAGES}/1", f"{STAGES}/2"),
        pipeline_claims.check_artifacts_come_from_earlier_actions,
    ),
    Mutation(
        "the smoke test asks for an output that the platform lacks",
        drop("platform/Outputs/ApplicationUrl"),
        pipeline_claims.check_variables_come_from_earlier_actions,
    ),
    Mutation(
        "the review exports no summary",
        replace_text("pipeline/ChangeReportProject/Source/BuildSpec", "- SUMMARY\n", "- SUMARY\n"),
        pipeline_claims.check_variables_come_from_earlier_actions,
    ),
    Mutation(
        "a condition reads a variable that is not declared",
        put("pipeline/Pipeline/Variables/0/Name", "RegionalTests"),
        pipeline_claims.check_variables_come_from_earlier_actions,
    ),
    Mutation(
        "staging is deployed to production's account",
        replace_text(f"{STAGING}/Actions/0/RoleArn/Fn::Sub", "${StagingAccountId}", "${ProdAccountId}"),
        pipeline_claims.check_each_stage_deploys_to_its_environments_account,
    ),
    Mutation(
        "production gets staging's settings",
        put(f"{PROD}/Actions/0/Configuration/TemplateConfiguration", "Release::staging.json"),
        pipeline_claims.check_each_stage_deploys_to_its_environments_account,
    ),
    Mutation(
        "the change set of another stack is executed",
        put(f"{PROD}/Actions/1/Configuration/StackName", "web-platform-staging"),
        pipeline_claims.check_each_stage_deploys_to_its_environments_account,
    ),
    Mutation(
        "the role to assume is called otherwise over there",
        put("target_account/DeploymentRole/RoleName", "web-platform-deployer"),
        pipeline_claims.check_each_stage_deploys_to_its_environments_account,
    ),
    Mutation(
        "production gets another template",
        put(f"{PROD}/Actions/0/Configuration/TemplatePath", "Source::templates_out/v1.2.0/platform.yaml"),
        pipeline_claims.check_every_environment_gets_the_same_release,
    ),
    Mutation(
        "production gets another image",
        replace_text(f"{PROD}/Actions/0/Configuration/ParameterOverrides", '"WebServerImageId"]', '"ProdImageId"]'),
        pipeline_claims.check_every_environment_gets_the_same_release,
    ),
    Mutation(
        "production's tasks start from another image",
        replace_text(f"{PROD}/Actions/0/Configuration/ParameterOverrides", '"ApplicationImage"]', '"ProdImage"]'),
        pipeline_claims.check_every_environment_gets_the_same_release,
    ),
    Mutation(
        "a release names images that are still being built",
        put(f"{STAGES}/1/Actions/0/Fn::If/1/RunOrder", 2),
        pipeline_claims.check_images_are_built_before_the_release_that_names_them,
    ),
    Mutation(
        "a build that may push is there where no images are kept",
        drop("pipeline/ImagesRole/.Condition"),
        pipeline_claims.check_images_are_built_before_the_release_that_names_them,
    ),
    Mutation(
        "the build of the release pushes images, too",
        put("pipeline/BuildRole/Policies/1/Fn::If/1/PolicyDocument/Statement/0/Action", ["ecr:PutImage"]),
        pipeline_claims.check_one_build_may_push_images_and_nothing_else,
    ),
    Mutation(
        "what executes the Dockerfile publishes releases",
        put("pipeline/ImagesRole/Policies/0/PolicyDocument/Statement/2/Action", ["ssm:PutParameter"]),
        pipeline_claims.check_one_build_may_push_images_and_nothing_else,
    ),
    Mutation(
        "images are pushed to any repository of the account",
        put("pipeline/ImagesRole/Policies/0/PolicyDocument/Statement/1/Resource", ["*"]),
        pipeline_claims.check_one_build_may_push_images_and_nothing_else,
    ),
    Mutation(
        "the build that publishes runs as root of its machine",
        put("pipeline/BuildProject/Environment/PrivilegedMode", True),
        pipeline_claims.check_one_build_may_push_images_and_nothing_else,
    ),
    Mutation(
        "a stranger pulls images",
        put(f"{REPOSITORY_STATEMENTS}/0/Principal", OF_STRANGERS),
        pipeline_claims.check_images_are_pulled_by_environments_and_pushed_by_one_build,
    ),
    Mutation(
        "whoever is in an environment's account pulls images",
        drop(f"{REPOSITORY_STATEMENTS}/0/Condition"),
        pipeline_claims.check_images_are_pulled_by_environments_and_pushed_by_one_build,
    ),
    Mutation(
        "an environment changes images",
        put(f"{REPOSITORY_STATEMENTS}/0/Action/0", "ecr:PutImage"),
        pipeline_claims.check_images_are_pulled_by_environments_and_pushed_by_one_build,
    ),
    Mutation(
        "whoever may push in the tools account pushes",
        drop(f"{REPOSITORY_STATEMENTS}/1"),
        pipeline_claims.check_images_are_pulled_by_environments_and_pushed_by_one_build,
    ),
    Mutation(
        "an image that runs is deleted",
        drop(f"{REPOSITORY_STATEMENTS}/2"),
        pipeline_claims.check_images_are_pulled_by_environments_and_pushed_by_one_build,
    ),
    Mutation(
        "a tag moves to another image",
        put("tools_account/ApplicationRepository/ImageTagMutability", "MUTABLE"),
        pipeline_claims.check_images_are_pulled_by_environments_and_pushed_by_one_build,
    ),
    Mutation(
        "images with a tag expire",
        replace_text("tools_account/ApplicationRepository/LifecyclePolicy/LifecyclePolicyText", '"untagged"', '"any"'),
        pipeline_claims.check_images_are_pulled_by_environments_and_pushed_by_one_build,
    ),
    Mutation(
        "nobody looks for what is known to be vulnerable",
        drop("tools_account/CollectorRepository/ImageScanningConfiguration"),
        pipeline_claims.check_images_are_pulled_by_environments_and_pushed_by_one_build,
    ),
    Mutation(
        "images are encrypted with a key of ECR's",
        drop("tools_account/ApplicationRepository/EncryptionConfiguration/KmsKey"),
        pipeline_claims.check_images_are_pulled_by_environments_and_pushed_by_one_build,
    ),
    Mutation(
        "nobody is asked before production",
        drop(f"{REVIEW}/Actions/1"),
        pipeline_claims.check_production_waits_for_people_who_see_what_changes,
    ),
    Mutation(
        "production comes before the review",
        swap(REVIEW, PROD),
        pipeline_claims.check_production_waits_for_people_who_see_what_changes,
    ),
    Mutation(
        "people are asked before there is a report",
        put(f"{REVIEW}/Actions/0/RunOrder", 3),
        pipeline_claims.check_production_waits_for_people_who_see_what_changes,
    ),
    Mutation(
        "the report is not shown",
        drop(f"{REVIEW}/Actions/1/Configuration/ExternalEntityLink"),
        pipeline_claims.check_production_waits_for_people_who_see_what_changes,
    ),
    Mutation(
        "a failing production stays as it is",
        drop(f"{PROD}/OnFailure"),
        pipeline_claims.check_a_stage_that_fails_is_undone,
    ),
    Mutation(
        "a rejected review is tried again",
        put(f"{REVIEW}/OnFailure", {"Result": "RETRY"}),
        pipeline_claims.check_a_stage_that_fails_is_undone,
    ),
    Mutation(
        "production is not tested",
        drop(f"{PROD}/Actions/2"),
        pipeline_claims.check_every_deployment_is_tested_from_outside,
    ),
    Mutation(
        "staging's test asks dev",
        replace_text(f"{STAGING}/Actions/2/Configuration/EnvironmentVariables", "#{Staging.", "#{Dev."),
        pipeline_claims.check_every_deployment_is_tested_from_outside,
    ),
    Mutation(
        "regional tests run with every release",
        put("pipeline/Pipeline/Variables/0/DefaultValue", "yes"),
        pipeline_claims.check_regional_tests_run_where_they_are_asked_for,
    ),
    Mutation(
        "whoever does not ask for regional tests is stopped",
        put(f"{REGIONAL_TEST}/BeforeEntry/Conditions/0/Result", "FAIL"),
        pipeline_claims.check_regional_tests_run_where_they_are_asked_for,
    ),
    Mutation(
        "nobody hears of a failure",
        put("pipeline/Notifications/EventTypeIds", ["codepipeline-pipeline-manual-approval-needed"]),
        pipeline_claims.check_people_hear_of_failures_and_approvals,
    ),
    Mutation(
        "notifications of any account are sent",
        drop("pipeline/NotificationTopicPolicy/PolicyDocument/Statement/0/Condition"),
        pipeline_claims.check_people_hear_of_failures_and_approvals,
    ),
    Mutation(
        "a fourth account decrypts artifacts",
        put(f"{KEY_STATEMENTS}/4/Principal", OF_STRANGERS),
        pipeline_claims.check_the_tools_account_opens_to_the_environments_roles_alone,
    ),
    Mutation(
        "everybody in a target account reads releases",
        drop("tools_account/TemplateBucketPolicy/PolicyDocument/Statement/1/Condition"),
        pipeline_claims.check_the_tools_account_opens_to_the_environments_roles_alone,
    ),
    Mutation(
        "everybody reads releases",
        put("tools_account/TemplateBucketPolicy/PolicyDocument/Statement/1/Principal", "*"),
        pipeline_claims.check_the_tools_account_opens_to_the_environments_roles_alone,
    ),
    Mutation(
        "a target account changes a release",
        put("tools_account/TemplateBucketPolicy/PolicyDocument/Statement/1/Action/0", "s3:PutObject"),
        pipeline_claims.check_the_tools_account_opens_to_the_environments_roles_alone,
    ),
    Mutation(
        "any build changes the release on its way to production",
        put("pipeline/BuildRights/PolicyDocument/Statement/1/Action", ["s3:GetObject", "s3:PutObject"]),
        pipeline_claims.check_only_who_makes_something_writes_it,
    ),
    Mutation(
        "the build acts in production",
        put("pipeline/BuildRole/Policies/0/PolicyDocument/Statement/0/Action", ["sts:AssumeRole"]),
        pipeline_claims.check_each_role_of_the_tools_account_acts_in_its_accounts_only,
    ),
    Mutation(
        "another account's builds use a role",
        drop("pipeline/BuildRole/AssumeRolePolicyDocument/Statement/0/Condition"),
        pipeline_claims.check_services_take_the_tools_accounts_roles_for_it_alone,
    ),
    Mutation(
        "people take the pipeline's role",
        put("pipeline/PipelineRole/AssumeRolePolicyDocument/Statement/0/Principal", OF_STRANGERS),
        pipeline_claims.check_services_take_the_tools_accounts_roles_for_it_alone,
    ),
    Mutation(
        "a build hands on artifacts with S3's own key",
        drop("pipeline/BuildProject/EncryptionKey"),
        pipeline_claims.check_builds_are_encrypted_and_logged,
    ),
    Mutation(
        "builds write into others' logs",
        put(
            "pipeline/BuildRights/PolicyDocument/Statement/0/Resource",
            [{"Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:*"}],
        ),
        pipeline_claims.check_builds_are_encrypted_and_logged,
    ),
    Mutation(
        "everybody in the tools account deploys",
        drop("target_account/DeploymentRole/AssumeRolePolicyDocument/Statement/0/Condition"),
        pipeline_claims.check_target_roles_are_for_the_tools_account_alone,
    ),
    Mutation(
        "an instance takes CloudFormation's role",
        put(
            "target_account/CloudFormationRole/AssumeRolePolicyDocument/Statement/0/Principal",
            {"Service": ["cloudformation.amazonaws.com", "ec2.amazonaws.com"]},
        ),
        pipeline_claims.check_target_roles_are_for_the_tools_account_alone,
    ),
    Mutation(
        "the review's role is called otherwise over there",
        put("pipeline/ChangeReportRole/RoleName", "web-platform-reviewer"),
        pipeline_claims.check_target_roles_are_for_the_tools_account_alone,
    ),
    Mutation(
        "the pipeline itself may do everything",
        put(
            "target_account/DeploymentRole/ManagedPolicyArns",
            [{"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AdministratorAccess"}],
        ),
        pipeline_claims.check_only_emergencies_may_do_everything,
    ),
    Mutation(
        "CloudFormation's role is handed to anything",
        drop("target_account/DeploymentRole/Policies/0/PolicyDocument/Statement/3/Condition"),
        pipeline_claims.check_cloudformations_role_is_handed_to_cloudformation_only,
    ),
    Mutation(
        "every role can be handed over",
        put("target_account/DeploymentRole/Policies/0/PolicyDocument/Statement/3/Resource", ["*"]),
        pipeline_claims.check_cloudformations_role_is_handed_to_cloudformation_only,
    ),
    Mutation(
        "what is under review deploys itself",
        put(
            "target_account/ReviewRole/Policies/0/PolicyDocument/Statement/0/Action",
            ["cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"],
        ),
        pipeline_claims.check_stacks_of_the_project_change_through_change_sets_only,
    ),
    Mutation(
        "a review replaces what the pipeline is about to execute",
        put("target_account/ReviewRole/Policies/0/PolicyDocument/Statement/0/Condition", {}),
        pipeline_claims.check_a_review_replaces_no_change_set_that_is_executed,
    ),
    Mutation(
        "the pipeline executes what a review made",
        put("pipeline/Pipeline/Stages/6/Actions/1/Configuration/ChangeSetName", "web-platform-prod-review"),
        pipeline_claims.check_a_review_replaces_no_change_set_that_is_executed,
    ),
    Mutation(
        "what is under review gets the role that deploys",
        replace_text(
            "pipeline/ChangeReportRole/Policies/0/PolicyDocument/Statement/0/Resource/0/Fn::Sub",
            "-review",
            "-deployment",
        ),
        pipeline_claims.check_each_role_of_the_tools_account_acts_in_its_accounts_only,
    ),
    Mutation(
        "the pipeline deletes a stack",
        put(
            "target_account/DeploymentRole/Policies/0/PolicyDocument/Statement/0/Action/0", "cloudformation:DeleteStack"
        ),
        pipeline_claims.check_stacks_of_the_project_change_through_change_sets_only,
    ),
    Mutation(
        "the pipeline changes others' stacks",
        put(
            "target_account/DeploymentRole/Policies/0/PolicyDocument/Statement/0/Resource",
            [{"Fn::Sub": "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/*"}],
        ),
        pipeline_claims.check_stacks_of_the_project_change_through_change_sets_only,
    ),
    Mutation(
        "a store is not tagged for backups",
        put("storage/SessionTable/Tags", []),
        recovery_claims.check_every_store_is_backed_up,
    ),
    Mutation(
        "sessions are kept for a year",
        put("storage/SessionTable/Tags/0", {"Key": "LongTermBackups", "Value": "true"}),
        recovery_claims.check_every_store_is_backed_up,
    ),
    Mutation(
        "the plan takes no tables",
        drop("recovery/BackupSelection/BackupSelection/Resources/0"),
        recovery_claims.check_plans_take_what_is_tagged,
    ),
    Mutation(
        "the plan takes other environments' stores",
        drop("recovery/BackupSelection/BackupSelection/Conditions/StringEquals/1"),
        recovery_claims.check_plans_take_what_is_tagged,
    ),
    Mutation(
        "backups are kept for three days",
        put("recovery/BackupPlan/BackupPlan/BackupPlanRule/0/Lifecycle/DeleteAfterDays", 3),
        recovery_claims.check_backups_are_kept_as_long_as_was_asked_for,
    ),
    Mutation(
        "backups stay in their region",
        put("recovery/BackupPlan/BackupPlan/BackupPlanRule/0/CopyActions", []),
        recovery_claims.check_every_backup_is_copied_to_the_second_region,
    ),
    Mutation(
        "copies go to a vault that is not there",
        put("recovery_region/RecoveryVault/BackupVaultName", {"Fn::Sub": "web-platform-${EnvironmentName}-copies"}),
        recovery_claims.check_every_backup_is_copied_to_the_second_region,
    ),
    Mutation(
        "anybody deletes backups",
        drop("recovery/BackupVault/AccessPolicy/Statement/0/Action/2"),
        recovery_claims.check_backups_cannot_be_ended_before_their_time,
    ),
    Mutation(
        "deployments delete copies",
        put(
            "recovery_region/RecoveryVault/AccessPolicy/Statement/0/Condition/ArnNotLike/aws:PrincipalArn",
            {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/web-platform-cloudformation"},
        ),
        recovery_claims.check_backups_cannot_be_ended_before_their_time,
    ),
    Mutation(
        "backups share the key of the data",
        put("recovery/BackupVault/EncryptionKeyArn", {"Ref": "DataKeyArn"}),
        recovery_claims.check_vaults_are_encrypted_with_a_key_of_their_own,
    ),
    Mutation(
        "the lock refuses the daily backups",
        put("recovery/BackupVault/LockConfiguration/Fn::If/1/Fn::If/2/MinRetentionDays", 30),
        recovery_claims.check_lock_lets_the_plan_work,
    ),
    Mutation(
        "a lock for those who may lift it is for ever",
        put("recovery_region/RecoveryVault/LockConfiguration/Fn::If/1/Fn::If/2/ChangeableForDays", 3),
        recovery_claims.check_lock_lets_the_plan_work,
    ),
    Mutation(
        "nobody restores the files",
        drop("recovery/RestoreTestOfFiles"),
        recovery_claims.check_a_backup_of_every_kind_of_store_is_restored,
    ),
    Mutation(
        "the database is restored into the default VPC",
        drop("recovery/RestoreTestOfDatabase/RestoreMetadataOverrides/dbSubnetGroupName"),
        recovery_claims.check_a_restored_database_is_as_private_as_the_one_in_use,
    ),
    Mutation(
        "restoring writes to the table in use",
        put(
            "target_account/RestoreRole/Policies/0/PolicyDocument/Statement/0/Resource/0",
            {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:*:${AWS::AccountId}:table/web-platform-*"},
        ),
        recovery_claims.check_restoring_touches_nothing_in_use,
    ),
    Mutation(
        "who takes backups deletes tables",
        put("target_account/BackupRole/Policies/0/PolicyDocument/Statement/0/Action/0", "dynamodb:DeleteTable"),
        recovery_claims.check_taking_backups_changes_no_store,
    ),
    Mutation(
        "another account's AWS Backup takes backups",
        put("target_account/BackupRole/AssumeRolePolicyDocument/Statement/0/Condition", {}),
        recovery_claims.check_roles_that_copy_are_for_this_accounts_aws_alone,
    ),
    Mutation(
        "releases are not replicated",
        put("storage/ReleaseBucket/ReplicationConfiguration/Fn::If/1/Rules/0/Status", "Disabled"),
        recovery_claims.check_buckets_are_replicated_whole_and_encrypted,
    ),
    Mutation(
        "replicas of releases have no key of ours",
        drop("storage/ReleaseBucket/ReplicationConfiguration/Fn::If/1/Rules/0/Destination/EncryptionConfiguration"),
        recovery_claims.check_buckets_are_replicated_whole_and_encrypted,
    ),
    Mutation(
        "nobody has thought what a new type costs",
        add("cost/Table", "AWS::Glue::Table"),
        recovery_claims.check_every_resource_has_the_tags_that_its_cost_goes_by,
    ),
    Mutation(
        "volumes of web servers are nobody's",
        drop("web_tier/LaunchTemplate/LaunchTemplateData/TagSpecifications/1"),
        recovery_claims.check_every_resource_has_the_tags_that_its_cost_goes_by,
    ),
    Mutation(
        "the budget says nothing of the forecast",
        drop("cost/Budget/NotificationsWithSubscribers/5"),
        recovery_claims.check_budget_warns_before_it_is_spent,
    ),
    Mutation(
        "office hours may stop any database",
        put(
            "cost/OfficeHoursRole/Policies/0/PolicyDocument/Statement/0/Resource/0",
            {"Fn::Sub": "arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:db:*"},
        ),
        recovery_claims.check_office_hours_end_and_begin,
    ),
    Mutation(
        "storage cannot grow beyond what can be asked for",
        put("database/Database/MaxAllocatedStorage", 1000),
        recovery_claims.check_database_storage_grows_by_itself,
    ),
    *alarm_mutations.MUTATIONS,
    *container_mutations.MUTATIONS,
    *fleet_mutations.MUTATIONS,
]


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS.keys())
def test_claim_holds_on_the_templates_as_they_are(templates: Templates, claim: Claim) -> None:
    claim(templates)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[mutation.name for mutation in MUTATIONS])
def test_claim_notices_the_damage(templates: Templates, mutation: Mutation) -> None:
    assert_noticed(mutation, templates)


def test_every_claim_is_known_to_bite() -> None:
    assert {mutation.claim.__name__ for mutation in MUTATIONS} == CLAIMS.keys()
