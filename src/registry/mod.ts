import { Registry } from "./registry.ts";

/** The router's memory, one for the process. Only `cli/` may import it; tests make their own. */
export const registry: Registry = new Registry();
