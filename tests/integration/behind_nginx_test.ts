import { assert, assertEquals } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { freePort } from "../support/free_port.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";
import { within } from "../support/within.ts";

function hasNginx(): boolean {
  try {
    return new Deno.Command("nginx", { args: ["-v"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

function nginxConfig(folder: string, ports: { own: number; router: number }): string {
  return `
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${ports.own};
    location / { proxy_pass http://127.0.0.1:${ports.router}; }
  }
}
`;
}

Deno.test({
  name: "promise 53: behind an nginx that buffers by default, events still come one by one",
  ignore: !hasNginx(),
  async fn(): Promise<void> {
    await using sim = Sim.start({ timeToFirstTokenMs: 0, tokensPerSecond: 10 });
    await using router = await RouterProcess.start(backendsYaml([sim.url]));
    const folder = await Deno.makeTempDir();
    const own = freePort();
    await Deno.writeTextFile(
      `${folder}/nginx.conf`,
      nginxConfig(folder, { own, router: router.port }),
    );
    const nginx = new Deno.Command("nginx", {
      args: ["-p", folder, "-c", `${folder}/nginx.conf`, "-g", "daemon off;"],
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      await until(
        "nginx listens",
        () =>
          Deno.connect({ hostname: "127.0.0.1", port: own }).then(
            (socket) => (socket.close(), true),
            () => false,
          ),
      );
      const answer = await fetch(`http://127.0.0.1:${own}/v1/chat/completions`, {
        method: "POST",
        body: JSON.stringify(chat("sim", "hi", { stream: true, max_tokens: 8 })),
        signal: AbortSignal.timeout(20_000),
      });
      const arrivals: number[] = [];
      for await (const _ of answer.body!) arrivals.push(Date.now());
      assertEquals(answer.status, 200);
      const spread = arrivals.at(-1)! - arrivals[0]!;
      assert(
        arrivals.length >= 8 && spread >= 500,
        `${arrivals.length} pieces within ${spread} ms`,
      );
    } finally {
      nginx.kill("SIGTERM");
      await within(nginx.status, "nginx ends");
      await Deno.remove(folder, { recursive: true });
    }
  },
});
