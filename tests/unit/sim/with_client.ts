import { RawClient } from "../../support/raw_client.ts";

/** Connects a client to an engine, and leaves nothing of both behind. */
export async function withClient(
  sim: { port: number; stop(): Promise<void> },
  run: (client: RawClient) => Promise<void>,
): Promise<void> {
  const client = await RawClient.connect(sim.port);
  try {
    await run(client);
  } finally {
    client.close();
    await sim.stop();
  }
}
