import type { Config } from "../config/config.ts";
import { FileChanges } from "../discovery/file_changes.ts";
import type { Log } from "../observe/log.ts";
import type { ParsedArgs } from "./args.ts";
import { configPath, readServed } from "./config_file.ts";
import { CliError } from "./exit.ts";
import type { RunningRouter } from "./router.ts";
import type { ServiceManager } from "./service_manager.ts";

export interface ReloaderOptions {
  router: RunningRouter;
  manager: ServiceManager;
  log: Log;
}

/** Has the router take the configuration anew: when it is told to, or with `watch_config` when the file changes. */
export class Reloader {
  readonly #args: ParsedArgs;
  readonly #options: ReloaderOptions;
  readonly #path: string | undefined;
  #seen: string | undefined;
  #changes: FileChanges | undefined;

  constructor(args: ParsedArgs, options: ReloaderOptions) {
    this.#args = args;
    this.#options = options;
    this.#path = configPath(args);
  }

  /** Watches the file, or does not, as the configuration in force says. */
  watch({ watchConfig }: Config): void {
    const path = this.#path;
    if (path === undefined || !watchConfig) {
      this.stop();
      return;
    }
    this.#seen = textOf(path);
    this.#changes ??= new FileChanges(path, () => {
      if (textOf(path) !== this.#seen) void this.reload();
    });
  }

  /** Reads the configuration again; what is wrong with it leaves the one in force. */
  async reload(): Promise<void> {
    const { router, manager, log } = this.#options;
    await manager.reloading();
    if (this.#path !== undefined) this.#seen = textOf(this.#path);
    try {
      const { config } = readServed(this.#args);
      const { changes, restart } = router.reload(config);
      log.info("the configuration was read again", { changes });
      if (restart.length > 0) log.warn("what was changed there takes a restart", { keys: restart });
      this.watch(config);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      const { message: reason } = error;
      router.reloadFailed(reason);
      log.error("the configuration stays as it was: the file is wrong", { reason });
    }
    await manager.ready(router);
  }

  stop(): void {
    this.#changes?.stop();
    this.#changes = undefined;
  }
}

/** Undefined if it cannot be read. */
function textOf(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
