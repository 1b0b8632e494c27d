.POSIX:
.SUFFIXES:
.PHONY: help demo test bench clean

NPM = npm

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

demo: node_modules/.package-lock.json ## play one real session on this machine (DEMO_SECONDS=20)
	$(NPM) run --silent demo

test: node_modules/.package-lock.json ## type-check, lint and test
	sh scripts/install-test-tools.sh
	$(NPM) run check

bench: node_modules/.package-lock.json ## measure against those who do it today
	$(NPM) run bench

clean: ## remove what was installed and built
	rm -rf node_modules dist

node_modules/.package-lock.json: package.json package-lock.json
	$(NPM) ci
	@touch $@
