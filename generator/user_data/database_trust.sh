#!/bin/bash
# Whom a client of the database trusts: the authorities that sign the certificates of RDS in every region.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html

readonly AUTHORITIES=${ROOT:-}/etc/pki/rds/global-bundle.pem

trust_the_database() {
    mkdir --parents "$(dirname "$AUTHORITIES")"
    retry curl --silent --show-error --fail --output "$AUTHORITIES" \
        https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
}
