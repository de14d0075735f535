import { assertEquals, assertMatch } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { Dnsmasq, hasDnsmasq } from "../support/dnsmasq.ts";
import { chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

interface Services {
  services: { name: string; url: string; healthy: boolean; weight: number }[];
  sources: { name: string; backends: number; trouble: string | null }[];
}

async function servicesOf(router: RouterProcess): Promise<Services> {
  return await (await router.fetch("/services")).json();
}

/** Waits until the router has these backends, and all of them are well. */
function hears(router: RouterProcess, ...names: string[]): Promise<void> {
  return until(`the backends are ${names.join(", ")}`, async () => {
    const { services } = await servicesOf(router);
    return services.map(({ name }) => name).join() === names.join() &&
      services.every(({ healthy }) => healthy);
  });
}

function start(dns: Dnsmasq, source: string): Promise<RouterProcess> {
  return RouterProcess.start(
    `discovery:\n  - dns: { ${source}, interval: 1s, removal_grace: 0s, nameserver: "${dns.address}" }\n` +
      "health: { interval: 200ms, timeout: 200ms }\n",
    { healthy: false },
  );
}

Deno.test({
  name: "a dns source follows a name's addresses, and keeps them while its name server is away",
  ignore: !hasDnsmasq(),
  async fn(): Promise<void> {
    await using sim = Sim.start();
    await using other = Sim.start({ host: "127.0.0.2", port: sim.port });
    await using dns = new Dnsmasq();
    await dns.serve("host-record=engines.example,127.0.0.1");
    await using router = await start(dns, `name: engines.example, port: ${sim.port}`);
    const [one, two] = ["127.0.0.1", "127.0.0.2"].map((host) => `${host}_${sim.port}`);
    await hears(router, one!);
    assertEquals((await router.post("/v1/chat/completions", chat("sim"))).status, 200);
    await dns.serve(
      "host-record=engines.example,127.0.0.1",
      "host-record=engines.example,127.0.0.2",
    );
    await hears(router, one!, two!);
    assertEquals(other.calls.length, 0);
    await dns.stop();
    await router.logged(({ message }) => message.startsWith("source is in trouble"));
    const { services, sources } = await servicesOf(router);
    assertEquals([services.length, sources[1]!.name, sources[1]!.backends], [
      2,
      "dns A engines.example",
      2,
    ]);
    assertMatch(sources[1]!.trouble!, /./);
    await dns.serve("host-record=engines.example,127.0.0.2");
    await hears(router, two!);
    await dns.serve(); // the name stands for nobody, which cannot be told from a failure
    await router.logged(({ reason }) => String(reason).startsWith("no records"));
    await hears(router, two!);
  },
});

Deno.test({
  name:
    "a dns source of SRV records takes ports and weights of the lowest priority, by the same name server",
  ignore: !hasDnsmasq(),
  async fn(): Promise<void> {
    await using a = Sim.start();
    await using b = Sim.start();
    await using spare = Sim.start();
    await using dns = new Dnsmasq();
    await dns.serve(
      "host-record=node1.example,127.0.0.1",
      `srv-host=_infinilm._tcp.example,node1.example,${a.port},1,7`,
      `srv-host=_infinilm._tcp.example,node1.example,${b.port},1,0`,
      `srv-host=_infinilm._tcp.example,node1.example,${spare.port},2,1`,
    );
    await using router = await start(dns, "name: _infinilm._tcp.example, type: SRV");
    await hears(router, ...[a, b].map(({ port }) => `node1.example_${port}`).sort());
    const { services } = await servicesOf(router);
    const weights = Object.fromEntries(services.map(({ url, weight }) => [url, weight]));
    assertEquals(weights, { [a.url]: 7, [b.url]: 1 });
  },
});
