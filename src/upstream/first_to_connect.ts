/**
 * How long a connect that is not wanted any more may still succeed, and be closed, before it is given up:
 * Deno loses the socket of one that is aborted in the turn in which it succeeds.
 */
const COLLISION_MS = 250;

export interface Connected {
  readonly socket: Deno.TcpConn;
  readonly address: string;
}

/**
 * Tries the addresses in their order, the next as soon as one fails, or `headStartMs` after it was
 * begun. Rejects with the reason of `signal`, or an `AggregateError` of why each of them failed.
 */
export function firstToConnect(
  addresses: readonly string[],
  { port, headStartMs, signal }: { port: number; headStartMs: number; signal: AbortSignal },
): Promise<Connected> {
  return new Promise((resolve, reject) => {
    const errors: unknown[] = new Array(addresses.length);
    let [begun, failures, open] = [0, 0, 0];
    let settled = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const giveUp = new AbortController();

    function settle(): void {
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
      if (open > 0) setTimeout(() => giveUp.abort(), COLLISION_MS);
    }

    function failIfAllHave(): void {
      if (failures < addresses.length) return;
      settle();
      reject(new AggregateError(errors));
    }

    function next(): void {
      clearTimeout(timer);
      if (settled || begun === addresses.length) return;
      const index = begun++;
      open++;
      const address = addresses[index]!;
      if (begun < addresses.length) timer = setTimeout(next, headStartMs);
      Deno.connect({ hostname: address, port, signal: giveUp.signal }).then((socket) => {
        open--;
        if (settled) return socket.close(); // it came in the turn in which another one did
        settle();
        resolve({ socket, address });
      }, (error) => {
        open--;
        failures++;
        if (settled) return;
        errors[index] = error;
        failIfAllHave();
        next();
      });
    }

    function aborted(): void {
      settle();
      reject(signal.reason);
    }

    if (signal.aborted) return aborted();
    signal.addEventListener("abort", aborted, { once: true });
    failIfAllHave(); // there may be none
    next();
  });
}
