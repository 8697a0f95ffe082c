#!/usr/bin/env bash
# Builds the site of docs/ into build/site, in an environment of its own; a broken link is an error.
#   bash tools/dev/docs.sh            # build
#   bash tools/dev/docs.sh serve      # show it on this machine
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
venv=build/docs-venv
if [ ! -x "$venv/bin/mkdocs" ] || [ requirements/docs.txt -nt "$venv/ready" ]; then
  "${PYTHON:-python3}" -m venv "$venv"
  "$venv/bin/pip" install --quiet -r requirements/docs.txt
  touch "$venv/ready"
fi
export NO_MKDOCS_2_WARNING=1 # the theme's advertisement for its successor
"$venv/bin/python" tools/dev/site_pages.py
if [ "${1:-build}" = serve ]; then
  exec "$venv/bin/mkdocs" serve
fi
exec "$venv/bin/mkdocs" build --strict --quiet
