#!/bin/sh
# Makes the secrets that docker-compose.yml reads, each once: one that is there is left alone.
#
# The folder is closed to everybody but its owner. The files in it are not, because Compose mounts each one as it is
# into containers that run as other users than the owner.
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
chmod 700 secrets

random() {
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

keep() { # name, text
    if [ -s "secrets/$1" ]; then
        echo "secrets/$1 stays"
        return
    fi
    printf '%s' "$2" > "secrets/$1.new"
    chmod 444 "secrets/$1.new"
    mv "secrets/$1.new" "secrets/$1"
    echo "secrets/$1 made"
}

keep patient_key_secret "$(random)"
keep postgres_password "$(random)"
url="postgresql://fastlakare:$(cat secrets/postgres_password)@postgres:5432/fastlakare"
keep database_url "$url"
