#!/usr/bin/env bash
# Install the servers and the browser that tests start for themselves, where apt and root, and npm,
# are at hand.
# No service is started or enabled: tests run the programs on data of their own.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

azurite=.environments/azurite
if [ ! -x $azurite/node_modules/.bin/azurite-blob ]; then
  if command -v npm >/dev/null; then
    npm install --silent --no-fund --no-audit --prefix $azurite azurite@3
  else
    echo "Not installed, and tests that need it are skipped: azurite (needs npm)" >&2
  fi
fi

# Debian keeps PostgreSQL's programs off the PATH, and a user's PATH may lack the sbin folders.
PATH="$PATH:/usr/sbin:/usr/local/sbin"

installed() {
  command -v "$1" >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/$1" >/dev/null
}

packages=()
installed postgres && installed initdb || packages+=(postgresql)
# The core packages have the programs alone, without the service and its data.
installed mariadbd && installed mariadb-install-db || packages+=(mariadb-server-core)
installed my_print_defaults || packages+=(mariadb-client-core)
# The browser of the tests of the web UI, and letters for it.
installed chromium || packages+=(chromium fonts-dejavu-core)

if [ ${#packages[@]} -eq 0 ]; then
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "Not installed, and tests that need them are skipped: ${packages[*]}" >&2
  echo "Hint: install them with your package manager, or run tools/servers.sh as root" >&2
  exit 0
fi

# Debian asks this file whether it may start a service that it has just installed.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${packages[@]}"
