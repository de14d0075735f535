import { UpstreamClient } from "../upstream/client.ts";
import { getPage } from "../upstream/page.ts";
import { stopOn } from "../upstream/stop.ts";
import { UpstreamError } from "../upstream/upstream_error.ts";
import type { BackendSpec } from "../registry/backend.ts";
import { isRecord, specOfEntry } from "./infinilm_entry.ts";
import { PolledSource, SourceError } from "./polled_source.ts";

/** How long a registry may take to answer, milliseconds. */
const TIMEOUT_MS = 5000;

/** A full registry of ours has a thousand services of 64 KiB at the most; real ones have one each. */
const MAX_LIST_BYTES = 64 * 1024 * 1024;

export interface InfinilmRegistryOptions {
  /** As the operator wrote it. */
  url: string;
  host: string;
  port: number;
  basePath: string;
  intervalMs: number;
  removalGraceMs: number;
  onDefect: (error: unknown) => void;
}

/** The engines that an InfiniLM-SVC registry names. */
export function infinilmRegistry(options: InfinilmRegistryOptions): PolledSource {
  const { url, host, port, basePath } = options;
  const client = new UpstreamClient({ host, port });
  return new PolledSource({
    ...options,
    name: `infinilm_registry ${url}`,
    read: (signal) => readRegistry(client, `${basePath}/services`, signal),
  });
}

async function readRegistry(
  client: UpstreamClient,
  target: string,
  signal: AbortSignal,
): Promise<BackendSpec[]> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  try {
    const page = await getPage(client, {
      target,
      connectTimeoutMs: TIMEOUT_MS,
      maxBytes: MAX_LIST_BYTES,
      stop: stopOn(limit),
    });
    if (page.status !== 200) throw new SourceError(`${target} answered ${page.status}`);
    return specsIn(page.text, target);
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    const late = limit.aborted ? `no answer within ${TIMEOUT_MS} ms` : error.message;
    throw new SourceError(`${target}: ${late}`);
  }
}

/** The engines of a registry's `GET /services`, by name. Throws `SourceError` if the text is none. */
export function specsIn(text: string, target: string): BackendSpec[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    // no JSON
  }
  const services = isRecord(list) ? list["services"] : undefined;
  if (!Array.isArray(services)) throw new SourceError(`${target} answered no list of services`);
  return services.map(specOfEntry).filter((spec) => spec !== undefined)
    .sort((one, other) => one.name < other.name ? -1 : 1);
}
