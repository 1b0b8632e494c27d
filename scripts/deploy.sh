#!/bin/sh
# Deploys the server manager to Heroku, by git: Heroku builds what it is sent, and starts the web process of Procfile.
#
#   scripts/deploy.sh [commit]       the commit that is checked out, unless another one is named
#   HEROKU_REMOTE=servermgr          the git remote of the Heroku application: heroku_servermgr, or servermgr
#   FORCE=1                          also over a history that is another one, as that of the application before this
set -eu

cd "$(dirname "$0")/.."
remote=${HEROKU_REMOTE:-heroku_servermgr}
if [ -z "${HEROKU_REMOTE:-}" ] && ! git remote get-url "$remote" >/dev/null 2>&1 &&
  git remote get-url servermgr >/dev/null 2>&1; then
  remote=servermgr
fi

if ! git remote get-url "$remote" >/dev/null 2>&1; then
  echo "There is no git remote \"$remote\": heroku git:remote --app <application> --remote $remote" >&2
  exit 64
fi
if ! commit=$(git rev-parse --verify --quiet "${1:-HEAD}^{commit}"); then
  echo "\"${1:-HEAD}\" is no commit" >&2
  exit 64
fi
if ! git cat-file -e "$commit:Procfile" 2>/dev/null; then
  echo "Commit $commit has no Procfile: Heroku would not know what to start" >&2
  exit 64
fi
if [ -n "$(git status --porcelain)" ]; then
  echo "What is not committed stays here." >&2
fi

echo "Deploying $(git log -1 --format='%h %s' "$commit") to $remote"
git push ${FORCE:+--force} "$remote" "$commit:refs/heads/main"
