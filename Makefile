.POSIX:
.SUFFIXES:
.PHONY: build run login push-versioned pull promote register demo servermgr test test-all smoke bench clean help

NPM = npm
NODE = node_modules/.bin/node

# As it has always been typed: make promote <tag or digest>
ifeq (promote,$(firstword $(MAKECMDGOALS)))
TAG ?= $(word 2,$(MAKECMDGOALS))
export TAG
%: ; @:
endif

# Variables are given on the command line or in the environment, and reach the scripts from there:
# REMOTE=<account>.dkr.ecr.<region>.amazonaws.com, AWS_REGION, DOCKER, COMMIT, what the Dockerfile takes, and for another
# of its stages IMAGE_NAME and IMAGE_TARGET; PLATFORM=linux/arm64 for Graviton (`build`, `register`); PLAIN_IMAGE=1 for
# gzip layers without an SBOM; DOCKER_BUILD_ARGS, and DASHBOARD_PORT for `run` (8000).

build: ## build and tag the session image (CRAFTASSIST_IMAGE, BASE_IMAGE, DROIDLET_REF)
	sh scripts/image.sh build

run: ## play one session in the image; the archive lies in ./sessions
	sh scripts/image.sh run

login: node_modules/.package-lock.json ## log Docker in to the registry (REMOTE, AWS_REGION)
	$(NODE) scripts/login.ts

push-versioned: ## push the image of this commit, and print its digest (REMOTE)
	sh scripts/image.sh push-versioned

pull: ## pull what is promoted (REMOTE)
	sh scripts/image.sh pull

promote: node_modules/.package-lock.json ## make TAG=<commit or digest> the image that runs (FLAGS=--dry-run)
	$(NODE) scripts/promote.ts $(FLAGS) -- "$$TAG"

register: node_modules/.package-lock.json ## register the task definition, with the image by its digest (FLAGS=--dry-run)
	$(NODE) scripts/register.ts $(FLAGS)

demo: node_modules/.package-lock.json ## play one real session on this machine (DEMO_SECONDS=8)
	$(NPM) run --silent demo

servermgr: node_modules/.package-lock.json ## the green button, on http://localhost:8080 (SERVERMGR_ADMIN_TOKEN)
	$(NODE) src/servermgr/main.ts

test: node_modules/.package-lock.json ## type-check, lint, and run every test that is not slow
	sh scripts/install-test-tools.sh
	$(NPM) run --silent check

test-all: node_modules/.package-lock.json ## the same with the slow tests: a browser, crowds, many seeds, real stores
	sh scripts/install-test-tools.sh
	sh scripts/install-chromium.sh
	sh scripts/install-postgres.sh
	sh scripts/install-isal.sh
	$(NPM) run --silent check:all
	$(NPM) run --silent test:alone
	$(NPM) run --silent test:stores

smoke: node_modules/.package-lock.json ## build the image and play whole sessions in containers
	sh scripts/install-docker.sh
	$(NODE) test/image/main.ts

bench: node_modules/.package-lock.json ## measure against those who do it today
	sh scripts/install-isal.sh
	$(NPM) run bench

clean: ## remove what was installed and built
	rm -rf node_modules dist native/deflate.node

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

node_modules/.package-lock.json: package.json package-lock.json
	$(NPM) ci
	@touch $@
