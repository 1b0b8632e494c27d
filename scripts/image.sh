#!/bin/sh
# Builds, runs and moves the session image: the Makefile's targets, with everything quoted.
# Usage: image.sh build | run | push-versioned | pull
set -eu

DOCKER=${DOCKER:-docker}
name=${IMAGE_NAME:-craftassist}
# Where an image says which bot is in it, as the Dockerfile has it.
DROIDLET_LABEL=org.craftassist.droidlet.revision
# A stage of the Dockerfile; empty: the last one, the session image.
target=${IMAGE_TARGET:-}

main() {
  command -v "$DOCKER" >/dev/null 2>&1 || fail "there is no $DOCKER here: install Docker, or write DOCKER=<its client>"
  case "${1:-}" in
    build) build ;;
    run) run ;;
    push-versioned) push_versioned ;;
    pull)
      need_remote
      "$DOCKER" pull "$REMOTE/$name"
      ;;
    *) fail 'say what to do: build, run, push-versioned or pull' ;;
  esac
}

build() {
  commit=$(commit)
  if [ -n "${CURRENT_BRANCH:-}" ]; then
    DROIDLET_REF=${DROIDLET_REF:-$CURRENT_BRANCH}
    echo "CURRENT_BRANCH is what DROIDLET_REF is now: $DROIDLET_REF"
  fi
  droidlet=$(droidlet_commit)
  set -- --tag "$name"
  for tag in $(tags "$commit" "$droidlet"); do set -- "$@" --tag "$name:$tag"; done
  if [ -n "${REMOTE:-}" ]; then
    set -- "$@" --tag "$REMOTE/$name"
    for tag in $(tags "$commit" "$droidlet"); do set -- "$@" --tag "$REMOTE/$name:$tag"; done
  fi
  if [ -n "$droidlet" ]; then
    DROIDLET_REF=$droidlet
    set -- "$@" --build-arg "DROIDLET_COMMIT=$droidlet"
  fi
  if [ -n "$target" ]; then set -- "$@" --target "$target"; fi
  if [ -n "${PLATFORM:-}" ]; then
    need_base_for "$PLATFORM"
    set -- "$@" --platform "$PLATFORM"
  fi
  plain=$(why_plain)
  if [ -z "$plain" ]; then
    # Fargate unpacks zstd faster; ECS pulls no image whose layers are compressed in two ways, so the base's are as well.
    set -- "$@" --output type=image,compression=zstd,force-compression=true,oci-mediatypes=true
    set -- "$@" --sbom=true --provenance=mode=max
  else
    echo "gzip layers, no SBOM and no provenance: $plain"
  fi
  for argument in NODE_IMAGE BASE_IMAGE CRAFTASSIST_IMAGE DROIDLET_REPOSITORY DROIDLET_REF; do
    eval "value=\${$argument:-}"
    if [ -n "$value" ]; then set -- "$@" --build-arg "$argument=$value"; fi
  done
  # Files with credentials for the steps that may need them: they are mounted, and leave no trace in the image.
  if [ -n "${AWS_SECRET_FILE:-}" ]; then set -- "$@" --secret "id=aws,src=$AWS_SECRET_FILE"; fi
  if [ -n "${GIT_SECRET_FILE:-}" ]; then set -- "$@" --secret "id=git,src=$GIT_SECRET_FILE"; fi
  # As `docker build` takes them, several in one.
  # shellcheck disable=SC2086
  set -- "$@" ${DOCKER_BUILD_ARGS:-}
  version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
  DOCKER_BUILDKIT=1 "$DOCKER" build --progress=plain --build-arg "COMMIT=$commit" --build-arg "VERSION=$version" "$@" .
  for tag in $(tags "$commit" "$droidlet"); do echo "built $name:$tag"; done
  [ -n "${REMOTE:-}" ] || echo 'REMOTE is not set: the image has local tags only'
}

# Why the image gets gzip layers, and nothing beside them; nothing where this Docker can do better. The containerd image
# store alone keeps an SBOM, https://docs.docker.com/build/metadata/attestations/; the other one ignores the compression.
why_plain() {
  if [ -n "${PLAIN_IMAGE:-}" ]; then
    echo 'PLAIN_IMAGE is set'
  elif ! "$DOCKER" buildx version >/dev/null 2>&1; then
    echo 'this Docker has no plug-in buildx'
  elif ! "$DOCKER" info --format '{{.DriverStatus}}' 2>/dev/null | grep -q 'io\.containerd\.snapshotter'; then
    echo 'this Docker does not use the containerd image store'
  fi
}

# Of the images that Craftassist is built on by default only one for linux/amd64 is known.
need_base_for() {
  case "$1" in
    linux/amd64) return ;;
    linux/arm64) ;;
    *) fail "PLATFORM=$1: there is a Node of the project's for linux/amd64 and linux/arm64" ;;
  esac
  [ -n "$target${CRAFTASSIST_IMAGE:-}${BASE_IMAGE:-}" ] ||
    fail "PLATFORM=$1: name a CRAFTASSIST_IMAGE, or a BASE_IMAGE, for that platform; the default one is for linux/amd64"
}

# One session on this machine: nothing is uploaded, the archive lies in ./sessions, and Ctrl-C ends it cleanly.
run() {
  set -- --rm --name "$name-$$" --volume "$PWD/sessions:/sessions" --env SESSION_DESTINATION=/sessions
  for port in 25565 3000 2556 2557 9000 5000; do set -- "$@" --publish "$port:$port"; done
  # In the image the dashboard listens at port 80, which on this machine may well be somebody else's.
  dashboard=${DASHBOARD_PORT:-8000}
  set -- "$@" --publish "$dashboard:80"
  echo "the dashboard will be at http://localhost:$dashboard, the game at localhost:25565"
  if [ -t 0 ] && [ -t 1 ]; then set -- "$@" --interactive --tty; fi
  # What is set here and means something there; an empty SESSION_CHILD_USER means something as well.
  for variable in $(env | sed -n 's/^\(SESSION_[A-Z0-9_]*\)=.*/\1/p') TIMESTAMP SENTRY_DSN; do
    eval "isSet=\${$variable+yes}"
    if [ "$isSet" = yes ] && [ "$variable" != SESSION_DESTINATION ]; then set -- "$@" --env "$variable"; fi
  done
  exec "$DOCKER" run "$@" "$name:latest"
}

push_versioned() {
  need_remote
  commit=$(commit)
  case "$commit" in
    *-dirty) fail "there are changes that are not committed: commit them, and build again" ;;
  esac
  image="$REMOTE/$name:$commit"
  built=$("$DOCKER" image ls --quiet "$image")
  [ -n "$built" ] || fail "$image is not here: make build with the same REMOTE first"
  droidlet=$("$DOCKER" image inspect --format "{{index .Config.Labels \"$DROIDLET_LABEL\"}}" "$image")
  case "$droidlet" in
    *[!0-9a-f]* | '') droidlet='' ;;
  esac
  if [ -n "$droidlet" ]; then push "$REMOTE/$name:$droidlet-$commit"; fi
  push "$image"
  # The bot's own tag moves with each supervisor that is built around it.
  if [ -n "$droidlet" ] && ! said=$(push "$REMOTE/$name:$droidlet" 2>&1); then
    printf '%s\n' "$said"
    # As ECR has it of a tag that may not move.
    case "$said" in
      *immutable*) echo "$name:$droidlet stays where it is: $name:$droidlet-$commit is this image" ;;
      *) fail "$REMOTE/$name:$droidlet could not be pushed" ;;
    esac
  elif [ -n "$droidlet" ]; then
    printf '%s\n' "$said"
  fi
  digest=$("$DOCKER" image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$image" |
    sed -n "s|^$REMOTE/$name@||p" | head -n 1)
  [ -n "$digest" ] || fail "$image was pushed, but its digest is not known here"
  echo "pushed $image"
  echo "digest $digest"
  if [ -z "$target" ]; then echo "to promote it: make promote TAG=$digest"; fi
}

push() {
  # What people look for in the log of CI.
  echo "docker push $1"
  "$DOCKER" push "$1"
}

# The tags of an image, of the supervisor's commit and the bot's, which may be unknown.
tags() {
  if [ -n "$2" ]; then printf '%s\n' "$2" "$2-$1"; fi
  printf '%s\n' "$1"
}

# The commit of the bot that is built in; nothing where a ready image is built on, or another stage is built.
droidlet_commit() {
  if [ -n "${CRAFTASSIST_IMAGE:-}" ] || [ -n "$target" ]; then return; fi
  ref=${DROIDLET_REF:-main}
  if is_commit "$ref"; then
    printf '%s\n' "$ref"
    return
  fi
  repository=${DROIDLET_REPOSITORY:-$(sed -n 's/^ARG DROIDLET_REPOSITORY=//p' Dockerfile)}
  # Of a tag with a message the commit that it is on comes last.
  found=$(git ls-remote "$repository" "$ref" "$ref^{}" | tail -n 1 | cut -f 1)
  is_commit "$found" || fail "$repository has no $ref: write DROIDLET_REF=<branch, tag or whole commit>"
  printf '%s\n' "$found"
}

is_commit() {
  printf '%s\n' "$1" | grep -qxE '[0-9a-f]{40}'
}

# The whole SHA, as the registry's tags have always had it.
commit() {
  if [ -n "${COMMIT:-}" ]; then
    printf '%s\n' "$COMMIT"
  elif [ -n "$(git status --porcelain)" ]; then
    printf '%s-dirty\n' "$(git rev-parse HEAD)"
  else
    git rev-parse HEAD
  fi
}

need_remote() {
  [ -n "${REMOTE:-}" ] || fail 'REMOTE is not set: write REMOTE=<account>.dkr.ecr.<region>.amazonaws.com'
}

fail() {
  echo "$1" >&2
  exit 1
}

cd "$(dirname "$0")/.."
main "$@"
