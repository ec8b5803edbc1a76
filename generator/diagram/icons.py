"""Which of AWS's icons stands for what."""

from __future__ import annotations

from generator.diagram.styles import COMPUTE, DATABASE, INK, MANAGEMENT, NETWORK, SECURITY, STORAGE, Icon

VISITORS = Icon("users", INK, square=False)
PERSON = Icon("user", INK, square=False)
INTERNET = Icon("internet_alt2", INK, square=False)

WAF = Icon("waf", SECURITY)
SHIELD = Icon("shield", SECURITY)
CLOUDFRONT = Icon("cloudfront", NETWORK)
CLOUDFRONT_FUNCTION = Icon("cloudfront_functions", NETWORK, square=False)
ROUTE_53 = Icon("route_53", NETWORK)
CERTIFICATE = Icon("certificate_manager_3", SECURITY)

INTERNET_GATEWAY = Icon("internet_gateway", NETWORK, square=False)
NAT_GATEWAY = Icon("nat_gateway", NETWORK, square=False)
LOAD_BALANCER = Icon("application_load_balancer", NETWORK, square=False)
ENDPOINTS = Icon("endpoints", NETWORK, square=False)
INTERFACE = Icon("elastic_network_interface", NETWORK, square=False)
ROUTE_TABLE = Icon("route_table", NETWORK, square=False)
NETWORK_ACL = Icon("network_access_control_list", NETWORK, square=False)
FLOW_LOGS = Icon("flow_logs", NETWORK, square=False)
VPN_GATEWAY = Icon("vpn_gateway", NETWORK, square=False)
CUSTOMER_GATEWAY = Icon("customer_gateway", NETWORK, square=False)

SERVER = Icon("ec2", COMPUTE)
INSTANCE = Icon("instance2", COMPUTE, square=False)
FARGATE = Icon("fargate", COMPUTE)
REGISTRY = Icon("ecr", COMPUTE)

DATABASE_PRIMARY = Icon("rds", DATABASE)
DATABASE_STANDBY = Icon("db_instance_standby", DATABASE, square=False)
DATABASE_REPLICA = Icon("db_instance_read_replica", DATABASE, square=False)
TABLE = Icon("dynamodb", DATABASE)

BUCKET = Icon("s3", STORAGE)
FILE_SYSTEM = Icon("elastic_file_system", STORAGE)
BACKUP = Icon("backup", STORAGE)
VAULT = Icon("backup_vault", STORAGE, square=False)

KEY = Icon("key_management_service", SECURITY)
SECRETS = Icon("secrets_manager", SECURITY)
ROLE = Icon("role", SECURITY, square=False)
IAM = Icon("identity_and_access_management", SECURITY)

CLOUDWATCH = Icon("cloudwatch_2", MANAGEMENT)
ALARM = Icon("alarm", MANAGEMENT, square=False)
LOGS = Icon("logs", MANAGEMENT, square=False)
CANARY = Icon("cloudwatch_synthetics", MANAGEMENT, square=False)
XRAY = Icon("xray", DATABASE)
TOPIC = Icon("sns", MANAGEMENT)
EVENTS = Icon("eventbridge", MANAGEMENT)
TRAIL = Icon("cloudtrail", MANAGEMENT)
SYSTEMS_MANAGER = Icon("systems_manager", MANAGEMENT)
PARAMETERS = Icon("parameter_store", MANAGEMENT, square=False)
INCIDENTS = Icon("systems_manager_incident_manager", MANAGEMENT, square=False)
CLOUDFORMATION = Icon("cloudformation", MANAGEMENT)
STACK = Icon("stack", MANAGEMENT, square=False)
BUDGET = Icon("budgets_2", STORAGE)

PIPELINE = Icon("codepipeline", DATABASE)
BUILD = Icon("codebuild", DATABASE)
