#!/bin/sh
# A database per service and a role that owns it and nothing else, with the extensions that need an administrator.
# Any number of runs is one; a changed password in .env is set.
set -eu
for service in orders booking payments notifications chat; do
    upper=$(echo "$service" | tr '[:lower:]' '[:upper:]')
    eval "ROLE_PASSWORD=\$${upper}_DATABASE_PASSWORD"
    export ROLE_PASSWORD
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set name="foyer_$service" <<'SQL'
\getenv password ROLE_PASSWORD
SET client_min_messages = warning;
SELECT format('CREATE ROLE %I', :'name')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
ALTER ROLE :"name" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0', :'name', :'name')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
\connect :"name"
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
SQL
    echo "database foyer_$service: ready"
done
