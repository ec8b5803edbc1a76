#!/bin/bash
# Turns a fresh Amazon Linux 2023 instance into a web server of the platform, and tells CloudFormation how that went.
# The files before this one, and settings before them: ENVIRONMENT_NAME REGION STACK_NAME FLEET TARGET_PROTOCOL
# FILE_SYSTEM_ID ACCESS_POINT_ID RELEASE_BUCKET ARCHIVE_KEY SESSION_TABLE PARAMETER_PATH VPC_CIDR TARGET_GROUP_ARN
# LOG_GROUP METRIC_NAMESPACE TRACE_SHARE.
# Running it twice does no harm; with another archive the second time, that one is in service afterwards.
set -euo pipefail

readonly ROOT=${ROOT:-} # empty on a server; a test runs all of this below a folder
readonly APPLICATIONS=$ROOT/srv/application
readonly APPLICATION=$APPLICATIONS/current
readonly ENVIRONMENT_FILE=$ROOT/etc/application/environment
readonly IMAGES=$ROOT/srv/product-images
readonly CERTIFICATES=$ROOT/etc/pki/web-server
readonly LOGS=$ROOT/var/log/web-server
readonly UNITS=$ROOT/etc/systemd/system
readonly AGENT=$ROOT/opt/aws/amazon-cloudwatch-agent
readonly PORT=8000

# The words are what the metric filter BootstrapFailures looks for; the agent sends them, since it has been running since
# its package was there.
report_to_cloudformation() {
    local status=$?
    [[ $status == 0 ]] || echo "bootstrap failed: $status"
    "$ROOT/opt/aws/bin/cfn-signal" --region "$REGION" --stack "$STACK_NAME" --resource "$FLEET" \
        --exit-code "$status"
}
trap report_to_cloudformation EXIT
mkdir --parents "$LOGS"
exec > >(tee -a "$LOGS/bootstrap.log") 2>&1

install_packages() {
    retry dnf install --assumeyes nginx openssl python3.11 logrotate amazon-efs-utils amazon-cloudwatch-agent
}

mount_product_images() {
    mkdir --parents "$IMAGES"
    local options="_netdev,nofail,tls,iam,accesspoint=$ACCESS_POINT_ID"
    local entry="$FILE_SYSTEM_ID:/ $IMAGES efs $options 0 0"
    grep -qxF "$entry" "$ROOT/etc/fstab" || echo "$entry" >>"$ROOT/etc/fstab"
    mountpoint --quiet "$IMAGES" || retry mount "$IMAGES"
}

# Each archive has a folder of its own, which is there only when it is complete.
fetch_application() {
    local release=$APPLICATIONS/releases/${ARCHIVE_KEY:-welcome} unpacked=$APPLICATIONS/unpacking
    if [[ ! -d "$release" ]]; then
        rm --recursive --force "$unpacked"
        mkdir --parents "$unpacked/public" "$(dirname "$release")"
        unpack_archive "$unpacked"
        mv --no-target-directory "$unpacked" "$release"
    fi
    ln --symbolic --force --no-dereference "$release" "$APPLICATION.new"
    mv --no-target-directory "$APPLICATION.new" "$APPLICATION"
}

unpack_archive() {
    local archive=$APPLICATIONS/archive.tar.gz
    if [[ -z "$ARCHIVE_KEY" ]]; then
        echo "<!doctype html><title>In service</title><p>No application has been released yet." >"$1/public/index.html"
        return
    fi
    retry aws s3 cp --region "$REGION" --only-show-errors "s3://$RELEASE_BUCKET/$ARCHIVE_KEY" "$archive"
    tar --extract --gzip --no-same-owner --file "$archive" --directory "$1"
    rm "$archive"
    chmod --recursive a+rX,go-w "$1"
    if [[ ! -f "$1/public/index.html" ]]; then
        echo "$ARCHIVE_KEY is no application archive: it has no public/index.html."
        return 1
    fi
}

run_application() {
    systemd-sysusers --inline "u application - 'Runs the application'"
    mkdir --parents "$(dirname "$ENVIRONMENT_FILE")" "$UNITS"
    application_environment >"$ENVIRONMENT_FILE"
    application_service >"$UNITS/application.service"
    migration_service >"$UNITS/application-migration.service"
    systemctl daemon-reload
    systemctl enable application.service
    systemctl restart application.service
}

# The load balancer encrypts to the servers but does not validate their certificates, so that each server makes its own.
make_certificate() {
    [[ "$TARGET_PROTOCOL" == HTTPS && ! -f "$CERTIFICATES/server.crt" ]] || return 0
    install --directory --mode 0700 "$CERTIFICATES"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 -subj "/CN=$(hostname --fqdn)" \
        -keyout "$CERTIFICATES/server.key" -out "$CERTIFICATES/server.crt"
}

run_nginx() {
    local LISTEN=443 TRUSTED_PROXIES=$VPC_CIDR NGINX_USER=nginx PID_FILE=$ROOT/run/nginx.pid
    local TEMPORARY=$ROOT/var/lib/nginx/tmp
    [[ "$TARGET_PROTOCOL" == HTTPS ]] || LISTEN=80
    nginx_configuration >"$ROOT/etc/nginx/nginx.conf"
    nginx -t
    systemctl enable nginx.service
    systemctl reload-or-restart nginx.service
}

# Looked at every hour, so that a busy day does not fill the disk. The agent reads a file to its end before it goes on.
rotate_logs() {
    mkdir --parents "$UNITS/logrotate.timer.d"
    printf '[Timer]\nOnCalendar=\nOnCalendar=hourly\n' >"$UNITS/logrotate.timer.d/hourly.conf"
    cat >"$ROOT/etc/logrotate.d/web-server" <<LOGROTATE
size 50M
rotate 4
missingok
notifempty

$LOGS/access.log $LOGS/error.log {
    sharedscripts
    postrotate
        systemctl kill --signal=USR1 --kill-who=main nginx.service
    endscript
}

$LOGS/application.log {
    copytruncate
}
LOGROTATE
    systemctl daemon-reload
    systemctl enable logrotate.timer
    systemctl restart logrotate.timer
}

run_cloudwatch_agent() {
    cloudwatch_agent_configuration >"$AGENT/etc/web-server.json"
    "$AGENT/bin/amazon-cloudwatch-agent-ctl" -a fetch-config -m ec2 -s -c "file:$AGENT/etc/web-server.json"
}

check_health() {
    local scheme=${TARGET_PROTOCOL,,} instance_id
    instance_id=$(cloud-init query instance_id)
    retry curl --silent --show-error --fail --insecure --output /dev/null "$scheme://127.0.0.1/healthz"
    retry load_balancer_finds_healthy "$instance_id"
}

# A rolling update ends an old server as soon as this one has reported: by then, requests must come here.
load_balancer_finds_healthy() {
    [[ "$(aws elbv2 describe-target-health --region "$REGION" --target-group-arn "$TARGET_GROUP_ARN" \
        --targets "Id=$1" --query 'TargetHealthDescriptions[0].TargetHealth.State' --output text)" == healthy ]]
}

install_packages
run_cloudwatch_agent
mount_product_images
fetch_application
trust_the_database
run_application
make_certificate
run_nginx
rotate_logs
check_health
