#!/bin/bash
# Turns a fresh Amazon Linux 2023 instance into a bastion: psql with TLS, and a log of who came in.
# The files before this one, and settings before them: ACCESS_MODE REGION LOG_GROUP. Running it twice does no harm.
set -euo pipefail

readonly ROOT=${ROOT:-} # empty on a server; a test runs all of this below a folder
readonly LOG=$ROOT/var/log/bastion-bootstrap.log
readonly SSH_CONFIGURATION=$ROOT/etc/ssh/sshd_config.d/10-bastion.conf
readonly PSQL_PROFILE=$ROOT/etc/profile.d/postgresql.sh
readonly AGENT=$ROOT/opt/aws/amazon-cloudwatch-agent

exec > >(tee -a "$LOG") 2>&1

# Nobody listens where Session Manager is the way in. Over SSH, EC2 Instance Connect brings a key for a minute.
configure_ssh() {
    if [[ "$ACCESS_MODE" != ssh ]]; then
        systemctl disable --now sshd
        return
    fi
    cat >"$SSH_CONFIGURATION" <<SSH
PasswordAuthentication no
PermitRootLogin no
AllowAgentForwarding no
X11Forwarding no
MaxAuthTries 3
ClientAliveInterval 300
ClientAliveCountMax 2
LogLevel VERBOSE
SSH
    sshd -t
    systemctl restart sshd
}

install_packages() {
    retry dnf install --assumeyes postgresql17 rsyslog amazon-cloudwatch-agent
    systemctl enable --now rsyslog
}

configure_psql() {
    trust_the_database
    cat >"$PSQL_PROFILE" <<PROFILE
export PGSSLMODE=verify-full PGSSLROOTCERT=$AUTHORITIES
PROFILE
}

configure_cloudwatch_agent() {
    cat >"$AGENT/etc/bastion.json" <<JSON
{
  "agent": {"region": "$REGION", "omit_hostname": true},
  "logs": {"logs_collected": {"files": {"collect_list": [
    {"file_path": "$ROOT/var/log/secure", "log_group_name": "$LOG_GROUP", "log_stream_name": "{instance_id}/secure"},
    {"file_path": "$LOG", "log_group_name": "$LOG_GROUP", "log_stream_name": "{instance_id}/bootstrap"}
  ]}}}
}
JSON
    "$AGENT/bin/amazon-cloudwatch-agent-ctl" -a fetch-config -m ec2 -s -c "file:$AGENT/etc/bastion.json"
}

configure_ssh
install_packages
configure_psql
configure_cloudwatch_agent
