import { Child, freePort, mapFlags, onPath } from "./processes.ts";
import { MODEL } from "./wire.ts";

/** Something between the load and the backend. */
export interface Subject {
  readonly name: string;
  readonly port: number;
  /** Undefined for no subject at all. */
  readonly child: Child | undefined;
  /** Whether only small calls are measured. */
  readonly callsOnly?: boolean;
}

export interface SubjectOptions {
  backendPort: number;
  /** A folder for configuration files. */
  folder: string;
  /** Holds the processes, which end with it. */
  stack: AsyncDisposableStack;
}

const EXECUTABLE = "dist/infinilm-router";

/** Starts everything that can be compared on this machine. Throws if one does not come up. */
export async function startSubjects(options: SubjectOptions): Promise<Subject[]> {
  const permissions = ["--allow-net", "--allow-read", "--allow-env", "--no-prompt"];
  const flags = [...mapFlags(), "--unstable-no-legacy-abort", ...permissions];
  const source = [Deno.execPath(), "run", "--no-check", ...flags, "main.ts"];
  const version = Deno.version.deno;
  const subjects: Subject[] = [
    { name: "direct, nothing between", port: options.backendPort, child: undefined },
  ];
  if (onPath("nginx")) subjects.push(startNginx(options));
  subjects.push(
    startRouter(`router, from source (Deno ${version})`, [...source, "serve"], options),
    {
      ...startRouter("the same, with an access log (JSON)", [...source, "serve"], {
        ...options,
        logLevel: "info",
      }),
      callsOnly: true,
    },
  );
  const executable = executableVersion();
  if (executable !== undefined) {
    subjects.push(
      startRouter(`router, executable (${executable})`, [EXECUTABLE, "serve"], options),
    );
  }
  await Promise.all(subjects.map(untilReady));
  return subjects;
}

/** nginx as a plain relay with everything off that the router does not have either. */
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
  return { name: "nginx, 1 worker", port, child: stack.use(new Child(command, { core: 0 })) };
}

function startRouter(
  name: string,
  command: readonly string[],
  { backendPort, folder, stack, logLevel = "warn" }: SubjectOptions & { logLevel?: string },
): Subject {
  const file = `${folder}/router.yaml`;
  Deno.writeTextFileSync(
    file,
    `backends:\n  - { name: bench, url: "http://127.0.0.1:${backendPort}", models: [${MODEL}] }\n`,
  );
  const port = freePort();
  const flags = ["--config", file, "--host", "127.0.0.1", "--port", String(port)];
  const log = ["--log-level", logLevel, "--log-format", "json"];
  const child = stack.use(new Child([...command, ...flags, ...log], { core: 0 }));
  return { name, port, child };
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
async function untilReady({ name, port }: Subject): Promise<void> {
  const late = Date.now() + 20_000;
  while (Date.now() < late) {
    const url = `http://127.0.0.1:${port}/v1/chat/completions`;
    const body = JSON.stringify({ model: MODEL, messages: [{ role: "user", content: "hi" }] });
    const ready = await fetch(url, { method: "POST", body })
      .then(async (response) => (await response.text()) !== "" && response.ok, () => false);
    if (ready) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${name} does not answer`);
}
