import { Child, freePort, Lines, mapFlags, onPath } from "./processes.ts";
import { MODEL } from "./wire.ts";

/** What can be compared, in the order of the report. */
export const SUBJECTS = [
  "direct",
  "nginx",
  "relay",
  "router",
  "quiet",
  "beside",
  "executable",
] as const;

export type SubjectKey = typeof SUBJECTS[number];

/** Something between the load and the backend. */
export interface Subject {
  readonly key: SubjectKey;
  readonly name: string;
  readonly port: number;
  /** Undefined for no subject at all. */
  readonly child: Child | undefined;
  /** The file that its standard error goes to. */
  readonly log?: string;
  /** Whether only calls are measured. */
  readonly callsOnly?: boolean;
}

export interface SubjectOptions {
  backendPort: number;
  /** A folder for configuration files and logs. */
  folder: string;
  /** Holds the processes, which end with it. */
  stack: AsyncDisposableStack;
  /** Those wanted. */
  only: ReadonlySet<SubjectKey>;
  /** Another source tree, whose router is wanted as well. */
  beside: string | undefined;
}

const EXECUTABLE = "dist/infinilm-router";
/** As in the Makefile. */
const V8_FLAGS = "--v8-flags=--no-memory-reducer";

const PERMISSIONS = [
  "--allow-net",
  "--allow-read",
  "--allow-env",
  "--allow-sys=osUptime",
  "--no-prompt",
];

/** Starts what is wanted and there on this machine. Throws if one does not come up. */
export async function startSubjects(options: SubjectOptions): Promise<Subject[]> {
  const { only, beside, backendPort } = options;
  const version = Deno.version.deno;
  const router = [...denoServing("main.ts"), "serve"];
  const subjects: Subject[] = [];
  if (only.has("direct")) {
    const name = "direct, nothing between";
    subjects.push({ key: "direct", name, port: backendPort, child: undefined });
  }
  if (only.has("nginx") && onPath("nginx")) subjects.push(startNginx(options));
  if (only.has("relay")) subjects.push(await startRelay(options));
  if (only.has("router")) {
    const name = `router, from source (Deno ${version})`;
    subjects.push(startRouter({ key: "router", name }, router, options));
  }
  if (only.has("quiet")) {
    const shown = { key: "quiet", name: "the same, without an access log" } as const;
    const subject = startRouter(shown, router, { ...options, logLevel: "warn" });
    subjects.push({ ...subject, callsOnly: true });
  }
  if (beside !== undefined) {
    const shown = { key: "beside", name: `router at ${beside}` } as const;
    subjects.push(startRouter(shown, router, { ...options, cwd: beside }));
  }
  const executable = only.has("executable") ? executableVersion() : undefined;
  if (executable !== undefined) {
    const shown = { key: "executable", name: `router, executable (${executable})` } as const;
    subjects.push(startRouter(shown, [EXECUTABLE, "serve"], options));
  }
  await Promise.all(subjects.map(untilReady));
  return subjects;
}

/** How Deno runs the router in production: relative paths, so those of the folder it runs in. */
function denoServing(file: string): string[] {
  const flags = [
    ...mapFlags(),
    "--unstable-net",
    "--unstable-no-legacy-abort",
    V8_FLAGS,
    ...PERMISSIONS,
  ];
  return [Deno.execPath(), "run", "--no-check", ...flags, file];
}

async function startRelay({ backendPort, stack }: SubjectOptions): Promise<Subject> {
  const command = [...denoServing("tests/bench/relay.ts"), String(backendPort)];
  const child = stack.use(new Child(command, { core: 0, stdout: "piped" }));
  const port = Number(await new Lines(child.stdout).next());
  return { key: "relay", name: "smallest relay", port, child };
}

/** nginx as a plain relay; large prompts stay in memory, as they do in the router. */
function startNginx({ backendPort, folder, stack }: SubjectOptions): Subject {
  const port = freePort();
  const file = `${folder}/nginx.conf`;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `  ${kind}_temp_path ${folder}/${kind};`).join("\n");
  Deno.writeTextFileSync(
    file,
    `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
${temporary}
  upstream backend {
    server 127.0.0.1:${backendPort};
    keepalive 256;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port};
    keepalive_requests 100000000;
    client_max_body_size 16m;
    client_body_buffer_size 1m;
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`,
  );
  const command = ["nginx", "-e", "stderr", "-p", folder, "-c", file];
  const child = stack.use(new Child(command, { core: 0 }));
  return { key: "nginx", name: "nginx, 1 worker", port, child };
}

/** The access log goes to a file, as it does in production. */
function startRouter(
  { key, name }: { key: SubjectKey; name: string },
  command: readonly string[],
  options: SubjectOptions & { logLevel?: string; cwd?: string },
): Subject {
  const { backendPort, folder, stack, logLevel = "info", cwd } = options;
  const file = `${folder}/${key}.yaml`;
  Deno.writeTextFileSync(
    file,
    `backends:\n  - { name: bench, url: "http://127.0.0.1:${backendPort}", models: [${MODEL}] }\n`,
  );
  const port = freePort();
  const flags = ["--config", file, "--host", "127.0.0.1", "--port", String(port)];
  const log = ["--log-level", logLevel, "--log-format", "json"];
  const logFile = `${folder}/${key}.log`;
  const child = stack.use(
    new Child([...command, ...flags, ...log], {
      core: 0,
      stderr: logFile,
      ...(cwd === undefined ? {} : { cwd }),
    }),
  );
  return { key, name, port, child, log: logFile };
}

function executableVersion(): string | undefined {
  try {
    const { stdout } = new Deno.Command(EXECUTABLE, { args: ["version"] }).outputSync();
    return /deno ([\d.]+)/.exec(new TextDecoder().decode(stdout))?.[0].replace("deno", "Deno");
  } catch {
    return undefined; // not built
  }
}

/** Waits until a call goes through. */
async function untilReady({ name, port, log }: Subject): Promise<void> {
  const late = Date.now() + 20_000;
  while (Date.now() < late) {
    const url = `http://127.0.0.1:${port}/v1/chat/completions`;
    const body = JSON.stringify({ model: MODEL, messages: [{ role: "user", content: "hi" }] });
    const ready = await fetch(url, { method: "POST", body })
      .then(async (response) => (await response.text()) !== "" && response.ok, () => false);
    if (ready) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const said = log === undefined ? "" : (await Deno.readTextFile(log)).slice(-1000);
  throw new Error(`${name} does not answer\n${said}`);
}
