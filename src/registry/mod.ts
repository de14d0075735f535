import { Registry } from "./registry.ts";

/** The router's memory: it outlives every reload. Only `cli/` may import it; tests make their own. */
export const registry: Registry = new Registry();
