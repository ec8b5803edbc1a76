#!/bin/bash
# Prints what systemd needs to run the application: its environment, its service, and the service of its migrations.
# Needs, besides the settings: APPLICATION IMAGES LOGS AUTHORITIES ENVIRONMENT_FILE PORT.

# The same names as in containers, of which generator/application_environment.py is the list.
application_environment() {
    cat <<ENVIRONMENT
ENVIRONMENT_NAME=$ENVIRONMENT_NAME
AWS_REGION=$REGION
AWS_DEFAULT_REGION=$REGION
PORT=$PORT
SESSION_TABLE=$SESSION_TABLE
PARAMETER_PATH=$PARAMETER_PATH
PRODUCT_IMAGES=$IMAGES
PGSSLMODE=verify-full
PGSSLROOTCERT=$AUTHORITIES
METRIC_NAMESPACE=$METRIC_NAMESPACE
OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318
OTEL_SERVICE_NAME=$METRIC_NAMESPACE-$ENVIRONMENT_NAME
OTEL_TRACES_SAMPLER=parentbased_traceidratio
OTEL_TRACES_SAMPLER_ARG=$TRACE_SHARE
ENVIRONMENT
}

# It never gives up: whether a server that does not answer is replaced, the load balancer's health check decides.
application_service() {
    cat <<UNIT
[Unit]
Description=The application
Wants=application-migration.service
ConditionFileIsExecutable=$APPLICATION/start
$(needs)

[Service]
ExecStart=$APPLICATION/start
Restart=always
RestartSec=2
KillMode=mixed
TimeoutStopSec=35
$(confinement)

[Install]
WantedBy=multi-user.target
UNIT
}

# Beside the application and not before it: nothing of the platform waits for the database, which may be minutes away.
migration_service() {
    cat <<UNIT
[Unit]
Description=The application's migrations
ConditionFileIsExecutable=$APPLICATION/migrate
$(needs)

[Service]
Type=oneshot
ExecStart=$APPLICATION/migrate
Restart=on-failure
RestartSec=15
TimeoutStartSec=15min
$(confinement)
UNIT
}

needs() {
    cat <<UNIT
Wants=network-online.target
After=network-online.target
RequiresMountsFor=$IMAGES
StartLimitIntervalSec=0
UNIT
}

# The application writes product images and its own /tmp, and nothing else.
confinement() {
    cat <<UNIT
User=application
WorkingDirectory=$APPLICATION
EnvironmentFile=$ENVIRONMENT_FILE
StandardOutput=append:$LOGS/application.log
StandardError=inherit
ProtectSystem=strict
ReadWritePaths=$IMAGES
PrivateTmp=yes
PrivateDevices=yes
ProtectHome=yes
ProtectProc=invisible
ProtectControlGroups=yes
ProtectKernelTunables=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
UNIT
}
