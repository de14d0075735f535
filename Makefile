# Every command of this project. `make help` lists them.
#   DENO=path  the runtime to use      JSR=0|1  where packages come from (packaging/toolchain.sh)

SHELL := /bin/sh
TOOLCHAIN := . packaging/toolchain.sh;
# Writing is for a state file, whose path nobody knows when the executable is built; a process without one
# gives the permission up at its start (src/cli/write_permission.ts).
PERMISSIONS := --allow-net --allow-read --allow-env --allow-write --allow-sys=osUptime --no-prompt
# sd_notify needs unix datagrams. Without the next one Deno aborts request.signal after answers that went well, too: 5 % of a small call.
# After a few idle seconds V8's memory reducer collects so hard that compiled code goes with it: calls cost
# half as much again for seconds (docs/performance.md).
RUN_FLAGS := $(PERMISSIONS) --unstable-net --unstable-no-legacy-abort --v8-flags=--no-memory-reducer
CONFIG ?= config.yaml
PORT ?= 8000

.PHONY: help run test test-executable serve dev build bench bench-large chaos fuzz soak lock clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 24

run: ## three simulated engines and the router on port 8000 (PORT= moves it)
	@$(TOOLCHAIN) exec "$$DENO" run $$MAP $(RUN_FLAGS) main.ts demo --port "$(PORT)"

test: ## format, lint, types, import directions and every test
	@$(TOOLCHAIN) exec "$$DENO" run $$MAP --allow-all tests/run.ts

test-executable: ## the integration and client tests against an executable (ROUTER_BIN=path)
	@$(TOOLCHAIN) exec "$$DENO" run $$MAP --allow-all tests/run.ts executable

serve: ## the router from source, as in production (CONFIG=path)
	@$(TOOLCHAIN) exec "$$DENO" run $$MAP $(RUN_FLAGS) main.ts serve --config "$(CONFIG)"

dev: ## the router from source, restarting on changes (CONFIG=path)
	@$(TOOLCHAIN) exec "$$DENO" run --watch $$MAP $(RUN_FLAGS) main.ts serve --config "$(CONFIG)"

build: ## the executable dist/infinilm-router (DENO= and DENORT_BIN= are honoured)
	@$(TOOLCHAIN) sh packaging/build.sh $(RUN_FLAGS)

bench: ## the router beside nginx: calls, events and what each costs (docs/performance.md)
	@$(TOOLCHAIN) exec "$$DENO" run --no-check $$MAP --allow-all tests/bench/beside_nginx.ts

bench-large: ## what small calls wait while others send 30 MiB (docs/performance.md)
	@$(TOOLCHAIN) exec "$$DENO" run --no-check $$MAP --allow-all tests/bench/large_bodies.ts

chaos: ## random faults, by seeds: deno task chaos --seed 7
	@$(TOOLCHAIN) exec "$$DENO" run --no-check $$MAP --allow-all tests/chaos/main.ts $(ARGS)

fuzz: ## what nobody would send: deno task fuzz --count 100000
	@$(TOOLCHAIN) exec "$$DENO" run --no-check $$MAP --allow-all tests/fuzz/main.ts $(ARGS)

soak: ## five minutes of mixed calls, and what is left: deno task soak --minutes 30
	@$(TOOLCHAIN) exec "$$DENO" run --no-check $$MAP --allow-all tests/soak/main.ts $(ARGS)

lock: ## write packaging/npm-only/deno.lock anew after a version changed
	@JSR=0; $(TOOLCHAIN) rm -f packaging/npm-only/deno.lock; "$$DENO" cache --reload --lock=packaging/npm-only/deno.lock \
	  --import-map=packaging/npm-only/import_map.json main.ts $$(find tests -name '*.ts')

clean: ## remove dist/ and the fetched runtime
	rm -rf dist .deno
